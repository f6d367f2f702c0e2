"""Measure how well the running service finds the turns that answer a question.

Starts a stack of its own with the bundled model and nothing in it, appends each conversation as
an application would, flushes each session, and asks each question through SearchMemories. What it
finds is compared with the turns that people named, beside BM25 alone and the bundled embedding
model alone over the same turns. Figures are means over the questions of a category, and "macro" is
the mean over categories.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import grpc.aio
from rich.console import Console
from rich.progress import Progress

from extractor_service.embedder import Embedder
from extractor_service.model import ModelChoice, load_embedder
from memory_service.domain.errors import StoreUnavailable
from memory_service.embedded import EmbeddedRedisError
from service_kit.children import ChildError
from tests.evaluation.progress import progress_bar
from tests.evaluation.serving import served

from . import asking, baselines, picture, report
from .asking import MODES, TYPES, Answer, Asking
from .corpus import Conversation, CorpusError
from .own_data import read
from .report import MEANING, SERVICE, WORDS, Measured, Published

_WIDTH_OFF_TERMINAL = 140


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print and write; 2 after one line on stderr if a file cannot be read, 1 likewise."""
    arguments = _parse(argv)
    try:
        conversations = _chosen(arguments)
        published = report.read_published(arguments.published) if arguments.published else ()
        measured, model = _measure(arguments, conversations)
        _present(measured, published, model, arguments.out)
    except (OSError, CorpusError) as error:
        print(f"cannot measure: {error}", file=sys.stderr)
        return 2
    except grpc.aio.AioRpcError as error:
        print(f"cannot measure: the service answered {error.code().name}", file=sys.stderr)
        return 1
    except (ChildError, EmbeddedRedisError, StoreUnavailable) as error:
        print(f"cannot measure: {error}", file=sys.stderr)
        return 1
    return 0


def _chosen(arguments: argparse.Namespace) -> tuple[Conversation, ...]:
    found = read(arguments.dataset)[: arguments.limit_conversations]
    if arguments.questions is not None:
        found = tuple(one.first(arguments.questions) for one in found)
    return found


def _measure(
    arguments: argparse.Namespace, conversations: Sequence[Conversation]
) -> tuple[Measured, str]:
    """Ask the service, and then, when nothing else runs, the baselines."""
    how = Asking(arguments.mode, arguments.searched)
    with progress_bar() as progress:
        answers, seconds = asyncio.run(_ask_service(conversations, how, progress))
        embedder = load_embedder(ModelChoice(device="cpu"))
        rankings = {
            SERVICE: asking.rankings(answers),
            **_baselines(conversations, embedder, progress),
        }
    measured = Measured(conversations, how, answers, rankings, seconds, arguments.min_score)
    return measured, f"{embedder.info.name}@{embedder.info.revision}"


async def _ask_service(
    conversations: Sequence[Conversation], how: Asking, progress: Progress
) -> tuple[list[Answer], float]:
    """Return the answers to all questions, and the seconds that playing took."""
    played = _bar(progress, "play turns", sum(len(one.turns) for one in conversations))
    asked = _bar(progress, "ask service", sum(len(one.questions) for one in conversations))
    async with served() as stub:
        seconds = [await asking.play(stub, one, played) for one in conversations]
        answers = [
            answer for one in conversations for answer in await asking.ask(stub, one, how, asked)
        ]
    return answers, sum(seconds)


def _baselines(
    conversations: Sequence[Conversation], embedder: Embedder, progress: Progress
) -> dict[str, list[list[str]]]:
    ways: dict[str, Callable[[Conversation], list[list[str]]]] = {
        WORDS: baselines.by_words,
        MEANING: partial(baselines.by_meaning, embedder=embedder),
    }
    advance = _bar(progress, "baselines", len(ways) * len(conversations))
    found: dict[str, list[list[str]]] = {way: [] for way in ways}
    for way, rank in ways.items():
        for one in conversations:
            found[way] += rank(one)
            advance(1)
    return found


def _bar(progress: Progress, name: str, total: int) -> Callable[[int], object]:
    return partial(progress.advance, progress.add_task(name, total=total))


def _present(
    measured: Measured, published: Sequence[Published], model: str, out: Path | None
) -> None:
    console = Console(width=None if sys.stdout.isatty() else _WIDTH_OFF_TERMINAL)
    found, written = measured.figures(), report.document(measured, published, model)
    console.print(report.figure_table(found))
    console.print(report.threshold_table(measured.thresholds()))
    for line in report.remarks(written):
        console.print(line)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(written, indent=2) + "\n")
        picture.draw(out.with_suffix(".png"), found, published)
        console.print(f"figures: {out}\npicture: {out.with_suffix('.png')}")


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.evaluation.retrieval",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--dataset",
        type=Path,
        required=True,
        help="a LoCoMo file, or NAME.jsonl as docs/evaluation.md says",
    )
    parser.add_argument("--out", type=Path, help="JSON; a chart goes beside it as .png")
    parser.add_argument(
        "--published",
        type=Path,
        help="JSON, a list of model and ndcg_at_10 in per cent: what to stand beside in the chart",
    )
    parser.add_argument("--mode", choices=MODES, default="hybrid", help="default: %(default)s")
    parser.add_argument(
        "--as",
        dest="searched",
        choices=TYPES,
        default="messages",
        help="search turns, or facts, which stand for their turns; default: %(default)s",
    )
    parser.add_argument(
        "--min-score",
        type=float,
        default=0.0,
        help="report precision of hits with this score or more; default: 0, the service's default",
    )
    parser.add_argument(
        "--limit-conversations", type=_count, metavar="N", help="only the first; default: all"
    )
    parser.add_argument(
        "--questions", type=_count, metavar="N", help="at most so many a conversation; default: all"
    )
    return parser.parse_args(argv)


def _count(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
