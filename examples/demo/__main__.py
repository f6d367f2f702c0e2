"""``python -m examples.demo``: the demo, on a stack of its own or a MemoryService that runs."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from examples.stack import Stack, temporary
from memory_service.domain.errors import StoreUnavailable
from memory_service.embedded import EmbeddedRedisError
from service_kit.children import ChildError

from .run import run


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo; returns the exit status."""
    arguments = _parse(argv)
    try:
        return asyncio.run(_run(arguments))
    except KeyboardInterrupt:
        return 130
    except (ChildError, EmbeddedRedisError, StoreUnavailable) as error:
        print(f"cannot start: {error}", file=sys.stderr)
        return 1


async def _run(arguments: argparse.Namespace) -> int:
    if arguments.target:
        return await run(arguments.target, arguments.conversation, arguments.item)

    async def play(stack: Stack) -> int:
        return await run(stack.addresses.memory, arguments.conversation, arguments.item)

    print("starting Redis, the extractor with its models, and the memory service", flush=True)
    return await temporary(play)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument(
        "--target",
        metavar="HOST:PORT|unix:PATH",
        help="where MemoryService listens; default: a stack started for the demo",
    )
    parser.add_argument(
        "--conversation", type=Path, metavar="FILE", help="a file in LoCoMo format; default: ours"
    )
    parser.add_argument(
        "--item", type=int, default=0, help="which conversation of the file, from 0; default: 0"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
