"""Keys are fetched over real TLS: from whom the certificate says, and from nowhere else."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from service_kit.auth.jwks import fetch_https, parse_jwks
from tests.support.certificates import Issuer, authority, server_pair

ISSUER = Issuer().add("one")


class Keys(BaseHTTPRequestHandler):
    """Has keys, a redirect to them, and far too much."""

    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/jwks")
            self.end_headers()
            return
        body = b" " * (1024 * 1024 + 1) if self.path == "/large" else ISSUER.jwks()
        self.send_response(200 if self.path in {"/jwks", "/large"} else 404)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An https server whose CA is trusted."""
    ca = authority()
    (tmp_path / "ca.crt").write_bytes(ca.cert_pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*server_pair(ca).write(tmp_path, "server"))
    with HTTPServer(("127.0.0.1", 0), Keys) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


def test_keys_are_fetched(site: str):
    assert set(parse_jwks(fetch_https(f"{site}/jwks"))) == {("EC", "one")}


@pytest.mark.parametrize("path", ["/moved", "/nothing"])
def test_neither_redirects_nor_errors_are_keys(site: str, path: str):
    with pytest.raises(OSError, match="HTTP Error"):
        fetch_https(f"{site}{path}")


def test_far_too_much_is_not_read(site: str):
    with pytest.raises(ValueError, match="too large"):
        fetch_https(f"{site}/large")


def test_a_server_that_nobody_vouches_for_is_not_believed(
    site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "other.crt").write_bytes(authority("other").cert_pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other.crt"))
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        fetch_https(f"{site}/jwks")
