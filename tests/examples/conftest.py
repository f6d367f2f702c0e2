"""A stack for programs in other languages, and what these need."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from examples.stack import Addresses, Options, running
from tests.support.node import install


@pytest.fixture(scope="session")
async def node_packages() -> None:
    """The packages of examples/node."""
    await install()


@pytest.fixture(scope="session")
async def memory_address() -> AsyncIterator[str]:
    """Where a real stack serves, whose embeddings mean nothing."""
    with tempfile.TemporaryDirectory(prefix="am-clients-") as name:
        folder = Path(name)
        addresses = Addresses(f"unix:{folder}/m.sock", f"unix:{folder}/e.sock", 0, 0)
        redis_url, extractor = os.environ.get("REDIS_URL"), {"EXTRACTOR_MODEL": "hash"}
        options = Options(addresses, folder / "redis", folder, redis_url, extractor=extractor)
        async with running(options) as stack:
            yield stack.addresses.memory
