"""TLS of servers and channels; both take up new certificates for new connections by themselves."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from service_kit.watched_file import FileError, WatchedFile

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServerFiles:
    """PEM files: certificate chain, private key, and the CA of callers if they need one."""

    cert: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True)
class ClientFiles:
    """PEM files: the CA of the server (default: the system's), a certificate to show, its key."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


def server_credentials(files: ServerFiles) -> grpc.ServerCredentials:
    """Return credentials that follow the files. Raises FileError.

    A pair of certificate and key that do not belong together, as it is between two writes, is
    refused by grpc, which then goes on with the one before.
    """
    current = _Certificates(files)
    return grpc.dynamic_ssl_server_credentials(
        current.configuration(),
        current.changed,  # type: ignore[arg-type]  # it may return None, by its documentation
        require_client_authentication=files.client_ca is not None,
    )


class ClientCertificates:
    """What a channel needs to trust its server, and to be trusted: follows the files.

    A certificate and a key that do not belong together, as it is between two writes, are not taken
    up: what was before stays.
    """

    def __init__(self, files: ClientFiles) -> None:
        """Read the files. Raises FileError."""
        named = (files.ca, files.key, files.cert)
        self._files = [_pem(path) if path else None for path in named]
        self._seen = self._state()
        if files.cert and not _belong(*self._seen[1:]):
            raise FileError(files.cert, "does not belong to the key")
        self._credentials = grpc.ssl_channel_credentials(*self._seen)

    def current(self) -> grpc.ChannelCredentials:
        """Return the credentials; the same object while the files are the same."""
        state = self._state()
        if state != self._seen:
            self._seen = state
            if _belong(*state[1:]):
                self._credentials = grpc.ssl_channel_credentials(*state)
            else:
                _log.warning("a certificate and a key do not belong together: not taken up")
        return self._credentials

    def _state(self) -> tuple[bytes | None, ...]:
        return tuple(file.value if file else None for file in self._files)


def _belong(key: bytes | None, cert: bytes | None) -> bool:
    if key is None or cert is None:
        return key is cert
    try:
        private = serialization.load_pem_private_key(key, password=None)
        return private.public_key() == x509.load_pem_x509_certificate(cert).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False


class _Certificates:
    def __init__(self, files: ServerFiles) -> None:
        self._cert, self._key = (_pem(path) for path in (files.cert, files.key))
        self._ca = _pem(files.client_ca) if files.client_ca else None
        self._given = self._state()

    def configuration(self) -> grpc.ServerCertificateConfiguration:
        """Return the certificates as they are now."""
        cert, key, ca = self._given = self._state()
        return grpc.ssl_server_certificate_configuration([(key, cert)], ca)

    def changed(self) -> grpc.ServerCertificateConfiguration | None:
        """Return the certificates if they have changed; grpc asks before each handshake."""
        return None if self._state() == self._given else self.configuration()

    def _state(self) -> tuple[bytes, bytes, bytes | None]:
        return self._cert.value, self._key.value, self._ca.value if self._ca else None


def _pem(path: Path) -> WatchedFile[bytes]:
    return WatchedFile(path, _checked)


def _checked(data: bytes) -> bytes:
    if b"-----BEGIN " not in data:
        raise ValueError("is not PEM")
    return data
