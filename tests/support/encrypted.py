"""Both services with TLS: callers show keys, MemoryService a certificate to the extractor."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

from service_kit import keys
from service_kit.children import ServerProcess
from tests.support.certificates import authority, client_pair, server_pair
from tests.support.stack import FAST


def minted(file: Path, *arguments: str) -> str:
    """Make an API key."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        keys.main(["new", "--file", str(file), *arguments])
    return printed.getvalue().strip()


class Files:
    """What an operator would put in place."""

    def __init__(self, directory: Path) -> None:
        self.ca = authority()
        self.ca_file = directory / "ca.crt"
        self.ca_file.write_bytes(self.ca.cert_pem)
        self.cert, self.key = server_pair(self.ca).write(directory, "server")
        memory = client_pair(self.ca, "memory", "spiffe://test/memory-service")
        self.memory_cert, self.memory_key = memory.write(directory, "memory")
        self.people = directory / "certificates.json"
        entry = {"uri": "spiffe://test/memory-service", "tenant": "system"}
        entries = [entry | {"role": "read", "namespaces": ["*"]}]
        self.people.write_text(json.dumps({"certificates": entries}))
        self.keys = directory / "keys.json"
        self.shown = minted(self.keys, "--tenant", "acme", "--role", "write")

    def tls(self, prefix: str) -> dict[str, str]:
        return {f"{prefix}_TLS_CERT": str(self.cert), f"{prefix}_TLS_KEY": str(self.key)}


def extractor_of(files: Files, directory: Path, port: int, probe: int) -> ServerProcess:
    environment = files.tls("EXTRACTOR") | {
        "EXTRACTOR_BIND": f"127.0.0.1:{port}",
        "EXTRACTOR_HEALTH_BIND": f"127.0.0.1:{probe}",
        "EXTRACTOR_MODEL": "hash",
        "EXTRACTOR_METRICS_PORT": "0",
        "EXTRACTOR_AUTH_MODE": "mtls",
        "EXTRACTOR_TLS_CLIENT_CA": str(files.ca_file),
        "EXTRACTOR_CERTIFICATES_FILE": str(files.people),
    }
    return ServerProcess(
        "extractor_service",
        address=f"127.0.0.1:{probe}",
        environment=environment,
        log=directory / "extractor.log",
    )


def memory_of(
    files: Files, directory: Path, ports: tuple[int, int, int], redis_url: str
) -> ServerProcess:
    port, probe, extractor = ports
    environment = {**FAST, **files.tls("MEMORY")} | {
        "REDIS_URL": redis_url,
        "MEMORY_BIND": f"127.0.0.1:{port}",
        "MEMORY_HEALTH_BIND": f"127.0.0.1:{probe}",
        "MEMORY_AUTH_MODE": "api_key",
        "MEMORY_API_KEYS_FILE": str(files.keys),
        "MEMORY_EXTRACTOR": f"localhost:{extractor}",
        "MEMORY_EXTRACTOR_CA": str(files.ca_file),
        "MEMORY_EXTRACTOR_CERT": str(files.memory_cert),
        "MEMORY_EXTRACTOR_KEY": str(files.memory_key),
    }
    return ServerProcess(
        "memory_service",
        address=f"127.0.0.1:{probe}",
        environment=environment,
        log=directory / "memory.log",
    )
