"""An authenticated stack: callers show tokens of a test issuer, MemoryService shows an API key."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import grpc.aio
import pytest
from redis.asyncio import Redis

from examples.stack import Options, Stack, in_directory, running
from memory_service.store.connection import connect
from tests.security.callers import Callers
from tests.support.certificates import AUDIENCE, ISSUER, Issuer
from tests.support.encrypted import minted
from tests.support.redis import leaks


def secured(directory: Path, issuer: Issuer) -> Options:
    """Return a stack in which nobody is anonymous."""
    jwks, token, file = (directory / name for name in ("jwks.json", "token", "keys.json"))
    jwks.write_bytes(issuer.jwks())
    token.write_text(minted(file, "--tenant", "system", "--subject", "memory", "--role", "read"))
    bare = in_directory(directory, redis_url=os.environ.get("REDIS_URL"))
    return Options(
        bare.addresses,
        bare.data_dir,
        bare.log_dir,
        bare.redis_url,
        memory={
            "MEMORY_EXTRACTION": "false",
            "MEMORY_EMBED_TIMEOUT_SECONDS": "30",
            "MEMORY_WATCH_CHECKPOINT_SECONDS": "0.05",
            "MEMORY_AUTH_MODE": "jwt",
            "MEMORY_JWT_ISSUER": ISSUER,
            "MEMORY_JWT_AUDIENCE": AUDIENCE,
            "MEMORY_JWT_JWKS": str(jwks),
            "MEMORY_EXTRACTOR_TOKEN_FILE": str(token),
        },
        extractor={
            "EXTRACTOR_MODEL": "hash",
            "EXTRACTOR_AUTH_MODE": "api_key",
            "EXTRACTOR_API_KEYS_FILE": str(file),
        },
    )


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    return Issuer().add("one")


@pytest.fixture(scope="session")
async def stack(issuer: Issuer) -> AsyncIterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="am-test-") as directory:
        async with running(secured(Path(directory), issuer)) as started:
            yield started
            client = connect(started.redis_url, max_connections=1)
            assert await leaks(client) == []
            await client.aclose()


@pytest.fixture(scope="session")
async def callers(stack: Stack, issuer: Issuer) -> AsyncIterator[Callers]:
    async with grpc.aio.insecure_channel(stack.addresses.memory) as channel:
        yield Callers(channel, issuer)


@pytest.fixture(scope="session")
async def database(stack: Stack) -> AsyncIterator[Redis]:
    client = connect(stack.redis_url)
    try:
        yield client
    finally:
        await client.aclose()
