"""Measure what the rules extract against facts that people would want remembered.

Offline: the rules and the bundled model run in this process, in one thread. A fact is found when a
memory from its turn, or one beside it, comes near it (cosine of at least 0.6, and 0.7); a memory is
precise when it so comes near some fact. Two baselines stand in the same table.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

from rich.progress import Progress

from extractor_service.rules import RULES_VERSION, RulesExtractor
from tests.evaluation.progress import progress_bar

from . import by_rules, command
from .corpus import Conversation, CorpusError
from .report import Measured
from .scoring import Scorer


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print and write; 2 after one line on stderr if a file cannot be read."""
    arguments = command.parse(argv, "tests.evaluation.extraction", __doc__)
    try:
        corpora = command.corpora(arguments)
    except (OSError, CorpusError) as error:
        print(f"cannot measure: {error}", file=sys.stderr)
        return 2
    with progress_bar() as progress:
        scorer, rules = Scorer(), RulesExtractor.load()
        found = {
            name: {
                "rules": _by_rules(scorer, rules, conversations, progress),
                **scorer.baselines(conversations, progress),
            }
            for name, conversations in corpora.items()
        }
    command.present(arguments, found, RULES_VERSION, scorer.model)
    return 0


def _by_rules(
    scorer: Scorer,
    rules: RulesExtractor,
    conversations: Sequence[Conversation],
    progress: Progress,
) -> list[Measured]:
    turns = sum(len(conversation.turns) for conversation in conversations)
    advance = partial(progress.advance, progress.add_task("rules", total=turns))
    return [scorer.remembered(one, *by_rules.extract(rules, one, advance)) for one in conversations]


if __name__ == "__main__":
    sys.exit(main())
