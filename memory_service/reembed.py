"""Change the embedding model of a database that is in use: ``python -m memory_service.reembed``.

The extractor that MEMORY_EXTRACTOR names has the new model. The services go on with the old one
until they are started again, beside the new extractor; then ``--finish`` removes what was before.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# Before grpc is imported: its core writes lines of its own.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc.aio
from agentmemory.v1.extractor_service_pb2 import GetInfoRequest
from agentmemory.v1.extractor_service_pb2_grpc import ExtractorServiceStub

from memory_service.domain.errors import SearchTimeout, StoreUnavailable
from memory_service.embedded import EmbeddedRedis, EmbeddedRedisError, default_data_dir
from memory_service.embedding import EmbeddingClient
from memory_service.extractor_channel import open_extractor_channel
from memory_service.model_guard import ModelGuard, model_of
from memory_service.reembedding import Reembedding, ReembedError
from memory_service.settings import MemorySettings
from memory_service.store.connection import check_engine, connect
from memory_service.store.spaces import COMMAND, Model, ModelMismatch, Space
from service_kit.command_line import parse_or_exit
from service_kit.watched_file import FileError

FINISH = "--finish"
INFO_SECONDS = 10.0
EMBED_SECONDS = 120.0
REPORT_SECONDS = 2.0


class Progress:
    """Says now and then how far it has come, and how fast."""

    def __init__(self) -> None:
        self._began: tuple[float, int] | None = None
        self._said = float("-inf")

    def tell(self, done: int, total: int) -> None:
        """Take note that `done` of `total` memories have their vector."""
        now = time.monotonic()
        self._began = self._began or (now, done)
        if now - self._said < REPORT_SECONDS and done < total:
            return
        self._said = now
        since, before = self._began
        rate = (done - before) / max(now - since, 0.001)
        share = 100 * done / total if total else 100
        _say(f"{done:,} of {total:,} memories embedded ({share:.0f}%), {rate:,.0f} a second")


async def reembed(settings: MemorySettings, *, finish: bool) -> None:
    """Re-embed, or finish it.

    Raises ReembedError, EmbeddedRedisError, FileError, ModelMismatch, SearchTimeout and
    StoreUnavailable.
    """
    async with _redis_url(settings) as url, open_extractor_channel(settings) as channel:
        redis = connect(url)
        try:
            await check_engine(redis)
            stub = ExtractorServiceStub(channel)
            model = await _model(stub, settings.extractor)
            guard = ModelGuard(redis, Space(model.tag, model.dimension, str(model)))
            embedding = EmbeddingClient(
                stub, guard.accepts, dimension=model.dimension, timeout=EMBED_SECONDS
            )
            work = Reembedding(redis, embedding, model, settings.vector_algorithm)
            await _do(work, model, finish=finish)
        finally:
            await redis.aclose()


async def _do(work: Reembedding, model: Model, *, finish: bool) -> None:
    progress = Progress()
    if finish:
        await work.finish(progress.tell)
        _say(f"done: nothing is left but vectors of {model}")
    elif await work.run(progress.tell):
        _say(
            f"the database is switched to {model}: start the services again, beside this "
            f"extractor, and when none of before runs any more: {COMMAND} {FINISH}"
        )
    else:
        _say(f"the memories' vectors are of {model} already; after a switch: {COMMAND} {FINISH}")


async def _model(stub: ExtractorServiceStub, address: str) -> Model:
    try:
        info = await stub.GetInfo(GetInfoRequest(), timeout=INFO_SECONDS)  # type: ignore[misc]
    except grpc.aio.AioRpcError as error:
        raise ReembedError(f"no extractor answers at {address}: {error.code().name}") from error
    return model_of(info.embedding_model)


@asynccontextmanager
async def _redis_url(settings: MemorySettings) -> AsyncIterator[str]:
    """Yield the URL of the services' Redis: an embedded one is started unless it runs already."""
    if settings.redis_url is not None:
        yield settings.redis_url.get_secret_value()
        return
    embedded = EmbeddedRedis(settings.data_dir or default_data_dir())
    if await _runs(embedded.url):
        yield embedded.url
        return
    async with embedded:
        yield embedded.url


async def _runs(url: str) -> bool:
    redis = connect(url, max_connections=1)
    try:
        await check_engine(redis)
    except StoreUnavailable:
        return False
    else:
        return True
    finally:
        await redis.aclose()


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def main() -> None:
    """Do it; one line on stderr and a code other than 0 if that cannot be."""
    arguments = [each for each in sys.argv[1:] if each != FINISH]
    if {"-h", "--help"} & set(arguments):
        sys.stdout.write(f"{__doc__}\nusage: {COMMAND} [{FINISH}]\n\n")
    settings = parse_or_exit(MemorySettings, arguments)
    try:
        asyncio.run(reembed(settings, finish=FINISH in sys.argv[1:]))
    except (
        *(EmbeddedRedisError, FileError, ModelMismatch, ReembedError),
        *(SearchTimeout, StoreUnavailable),
    ) as error:
        sys.exit(f"reembed: {error or 'the engine ran out of time; run again to go on'}")
    except KeyboardInterrupt:
        sys.exit("reembed: broken off; run again to go on")


if __name__ == "__main__":
    main()
