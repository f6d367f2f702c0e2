"""The channel to the extractor, as the settings have it: plain or TLS, with a token or without."""

from __future__ import annotations

from collections.abc import Callable

import grpc.aio

from memory_service.settings import MemorySettings
from service_kit.auth.bearer import one_token
from service_kit.channel import open_channel
from service_kit.tls import ClientFiles
from service_kit.watched_file import WatchedFile

DELTA_BYTES = 32 * 1024 * 1024
"""What the extractor takes: 64 messages of 256 KiB and more."""


def open_extractor_channel(settings: MemorySettings) -> grpc.aio.Channel:
    """Open the channel. Raises FileError."""
    return open_channel(
        settings.extractor, max_send_bytes=DELTA_BYTES, tls=_tls(settings), token=_token(settings)
    )


def _tls(settings: MemorySettings) -> ClientFiles | None:
    if not settings.extractor_speaks_tls:
        return None
    return ClientFiles(settings.extractor_ca, settings.extractor_cert, settings.extractor_key)


def _token(settings: MemorySettings) -> Callable[[], str] | None:
    if settings.extractor_token is not None:
        return settings.extractor_token.get_secret_value
    if settings.extractor_token_file is None:
        return None
    file = WatchedFile(settings.extractor_token_file, _one_line)
    return lambda: file.value


def _one_line(data: bytes) -> str:
    return one_token(data.decode("ascii", "strict"))
