"""TLS of servers and channels; a server takes up new certificates for new connections by itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import grpc

from service_kit.watched_file import FileError, WatchedFile


@dataclass(frozen=True)
class ServerFiles:
    """PEM files: certificate chain, private key, and the CA of callers if they need one."""

    cert: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True)
class ClientFiles:
    """PEM files: the CA of the server (default: the system's), and a certificate to show with key.

    They are read when the channel is opened.
    """

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


def channel_credentials(files: ClientFiles) -> grpc.ChannelCredentials:
    """Return what a channel needs to trust its server, and to be trusted. Raises FileError."""
    return grpc.ssl_channel_credentials(_read(files.ca), _read(files.key), _read(files.cert))


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


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return _checked(path.read_bytes())
    except OSError as error:
        raise FileError(path, (error.strerror or "cannot be read").lower()) from None
    except ValueError as error:
        raise FileError(path, str(error)) from None
