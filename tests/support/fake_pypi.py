"""A stand-in for PyPI's JSON API, reached as programs reach the real one: by a proxy, with TLS."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from tests.support.certificates import authority, server_pair

HOST = "pypi.org"


@dataclass
class FakePyPI:
    """Has every version of every package, but those of `unknown`."""

    environment: Mapping[str, str]
    """What leads a program here."""

    advisories: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """By package, as the API tells of them."""

    unknown: set[str] = field(default_factory=set)
    broken: bool = False
    asked: set[tuple[str, str]] = field(default_factory=set)
    """Packages with versions."""

    def answer(self, path: str) -> tuple[int, dict[str, Any]]:
        _, kind, name, version, form = path.split("/")
        assert (kind, form) == ("pypi", "json")
        self.asked.add((name, version))
        if self.broken:
            return 503, {}
        if name in self.unknown:
            return 404, {"message": "Not Found"}
        return 200, {"info": {}, "vulnerabilities": self.advisories.get(name, [])}


@contextmanager
def fake_pypi(directory: Path) -> Iterator[FakePyPI]:
    """Serve, with a certificate of an authority in `directory` that the environment trusts."""
    ca = authority()
    trusted, _ = ca.write(directory, "ca")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*server_pair(ca, host=HOST).write(directory, "pypi"))

    class Proxy(_Proxy):
        tls = context

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        proxy = f"http://127.0.0.1:{server.server_address[1]}"
        Proxy.pypi = FakePyPI(
            {"HTTPS_PROXY": proxy, "NO_PROXY": "", "no_proxy": "", "https_proxy": proxy}
            | {"REQUESTS_CA_BUNDLE": str(trusted), "XDG_CACHE_HOME": str(directory)}
        )
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Proxy.pypi
        finally:
            server.shutdown()
            thread.join()


class _Proxy(BaseHTTPRequestHandler):
    """Is at the end of every tunnel itself."""

    protocol_version = "HTTP/1.1"
    tls: ssl.SSLContext
    pypi: FakePyPI

    def do_CONNECT(self) -> None:
        assert self.path == f"{HOST}:443"
        self.send_response(200)
        self.end_headers()
        self.close_connection = False
        self.connection = self.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", 0)

    def finish(self) -> None:
        super().finish()
        # In a tunnel it is another than the one that the server closes.
        self.connection.close()

    def do_GET(self) -> None:
        status, answer = self.pypi.answer(self.path)
        body = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in (
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            # What is told here must not be found in a cache by an audit of later.
            ("Cache-Control", "no-store"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""
