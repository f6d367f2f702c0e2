"""The extractor as a whole: the seed example, purity, spans, hostile text."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extractor_service.domain import Entity, Finding, MemoryType, Role, Turn
from extractor_service.rules import CONTEXT_TURNS, RULES_VERSION, RulesExtractor
from extractor_service.rules.parse import MAX_PARSED_CHARS

from .conftest import NOW, Say

SEED = (
    "I'm Alice, I work as a Product Manager at StartupCorp. "
    "I prefer morning meetings and I'm vegetarian."
)
ALICE = Entity("Alice", "person")


def turn(text: str, *, speaker: str = "Alice", role: Role = Role.USER, number: int = 0) -> Turn:
    return Turn(f"m{number}", role, speaker, text, NOW + timedelta(minutes=number))


def quote(finding: Finding, text: str) -> str:
    return text.encode()[finding.source.start : finding.source.end].decode()


@pytest.mark.parametrize("speaker", ["", "Alice"])
def test_the_seed_example_gives_job_meetings_and_diet(say: Say, speaker: str) -> None:
    findings = say(SEED, speaker=speaker)
    assert [finding.text for finding in findings] == [
        "Alice works as a Product Manager at StartupCorp.",
        "Alice prefers morning meetings.",
        "Alice is vegetarian.",
    ]
    assert {finding.type for finding in findings} == {MemoryType.SEMANTIC}
    assert [finding.topics for finding in findings] == [
        ("work",),
        ("preferences", "schedule", "work"),
        ("personal", "food", "health"),
    ]
    assert findings[0].entities == (ALICE, Entity("StartupCorp", "org"))
    assert all(ALICE in finding.entities for finding in findings)
    assert [quote(finding, SEED) for finding in findings] == [
        "I work as a Product Manager at StartupCorp",
        "I prefer morning meetings",
        "I'm vegetarian",
    ]
    assert {finding.source.message_id for finding in findings} == {"turn"}


def test_what_stands_in_brackets_is_said_by_nobody(say: Say) -> None:
    text = "I live in Paris. [shares a photo: a dog that I have on a beach] I prefer tea."
    findings = say(text)
    assert [finding.text for finding in findings] == ["Alice lives in Paris.", "Alice prefers tea."]
    assert [quote(finding, text) for finding in findings] == ["I live in Paris", "I prefer tea"]


@pytest.mark.parametrize("role", [Role.ASSISTANT, Role.SYSTEM, Role.TOOL])
def test_only_a_users_own_words_are_extracted_from(extractor: RulesExtractor, role: Role) -> None:
    assert extractor.extract(turn(SEED, role=role), ()) == ()


def test_each_of_several_speakers_is_extracted_for(extractor: RulesExtractor) -> None:
    alice = turn("I play chess.", speaker="Alice")
    bob = turn("I play chess too.", speaker="Bob", number=1)
    assert extractor.extract(alice, ())[0].text == "Alice plays chess."
    assert extractor.extract(bob, (alice,))[0].text == "Bob plays chess."


def test_a_nameless_speaker_is_the_user(say: Say) -> None:
    (finding,) = say("My dog and I live in Rome.", speaker="")
    assert finding.text == "The user's dog and the user live in Rome."
    assert finding.entities == (Entity("Rome", "place"),)


def test_a_name_without_a_capital_is_an_entity_where_it_opens_the_sentence(say: Say) -> None:
    for name in ("bob", "u-42"):
        (finding,) = say("I live in Rome.", speaker=name)
        assert finding.text == f"{name.capitalize()} lives in Rome."
        assert finding.entities == (Entity(name, "person"), Entity("Rome", "place"))


def test_a_nameless_speaker_keeps_the_name_given_earlier(say: Say) -> None:
    (finding,) = say("I play chess.", ("", "Hi, my name is Alice."), speaker="")
    assert finding.text == "Alice plays chess."


@pytest.mark.parametrize(
    ("text", "slot"),
    [
        ("I live in Rome.", "the user|home"),
        ("My dog is called Rex.", "the user's dog|name"),
        ("My name is Al.", "the user|name"),
        ("Emma lives in Rome.", "emma|home"),
    ],
)
def test_what_a_nameless_speaker_says_is_the_users_whatever_they_are_called(
    say: Say, text: str, slot: str
) -> None:
    introduced = say(text, ("", "Hi, I'm Alice."), ("", "Emma is my sister."), speaker="")
    nameless = say(text, ("", "Emma is my sister."), speaker="")
    assert [found.slot for found in (*introduced, *nameless)] == [slot, slot]


def test_a_named_participants_introduction_does_not_name_a_nameless_one(say: Say) -> None:
    (finding,) = say("I play chess.", ("Bob", "I'm Bob."), speaker="")
    assert finding.text == "The user plays chess."


def test_you_is_nobody_where_an_assistant_speaks(extractor: RulesExtractor) -> None:
    before = (turn("Hi!", speaker="Bob"), turn("Hello.", speaker="", role=Role.ASSISTANT))
    assert extractor.extract(turn("I baked you a cake.", number=2), before) == ()


def test_only_the_last_turns_of_the_context_count(extractor: RulesExtractor) -> None:
    far = turn("My sister Emma is a nurse.")
    between = [turn("Okay.", number=n) for n in range(1, CONTEXT_TURNS + 1)]
    asked = turn("She plays chess.", number=CONTEXT_TURNS + 1)
    within = extractor.extract(asked, (far, *between[1:]))
    assert [finding.text for finding in within] == ["Emma plays chess."]
    assert extractor.extract(asked, (far, *between)) == ()


CONVERSATION = [
    ("Alice", "Hi! My sister Emma moved to Rome last month."),
    ("Bob", "Nice! I visited Rome two years ago with my wife."),
    ("Alice", "She works at the museum and she loves it."),
    ("Bob", "My wife loves museums. She is a painter."),
    ("Alice", "I'm taking a pottery class on Monday."),
    ("Bob", "I told you that I play chess, Alice."),
    ("Alice", "They have two kids, and he is a cook."),
    ("Bob", "I have a dog called Rex. He is allergic to chicken."),
    ("Alice", "I don't eat meat any more, my doctor told me so."),
    ("Bob", "She baked me a cake yesterday at 6pm."),
    ("Alice", "Where do you live now?"),
    ("Bob", "Oslo, since March. How is your garden?"),
    ("Alice", "It needs a lot of water this summer. It makes me happy."),
]


def test_how_the_conversation_is_cut_changes_nothing(extractor: RulesExtractor) -> None:
    turns = [turn(text, speaker=name, number=n) for n, (name, text) in enumerate(CONVERSATION)]
    whole = [extractor.extract(t, turns[:n]) for n, t in enumerate(turns)]
    window = [
        extractor.extract(t, turns[max(0, n - CONTEXT_TURNS) : n]) for n, t in enumerate(turns)
    ]
    backwards = [extractor.extract(turns[n], turns[:n]) for n in reversed(range(len(turns)))]
    fresh = RulesExtractor.load()
    assert window == whole
    assert backwards[::-1] == whole
    assert [fresh.extract(t, turns[:n]) for n, t in enumerate(turns)] == whole
    assert sum(map(len, whole)) >= len(turns) // 2


def test_spans_count_bytes_of_the_original_text(say: Say) -> None:
    text = "😀 Été! I\u2019m  **allergic** to crème brûlée, and I have a naïve 🐶 dog."
    findings = say(text)
    assert [quote(finding, text) for finding in findings] == [
        "I\u2019m  **allergic** to crème brûlée",
        "I have a naïve 🐶 dog",
    ]


def test_the_same_fact_twice_in_a_turn_is_one_memory(say: Say) -> None:
    assert len(say("I love tea. I love tea!")) == 1


def test_a_name_in_small_letters_is_no_second_entity(say: Say) -> None:
    (finding,) = say("julien is divorced", ("", "I met Julien."), speaker="")
    assert finding.entities == (Entity("Julien", "person"),)


def test_relations_and_organisations_are_entities(say: Say) -> None:
    (finding,) = say("My brother Tom works for Zyxcorp.")
    assert Entity("Tom", "person") in finding.entities
    assert Entity("Zyxcorp", "org") in finding.entities


NAMES = [
    ("I work as a nurse at the Oslo General Hospital.", Entity("Oslo General Hospital", "org")),
    ("I'm running the Bristol Half Marathon.", Entity("Bristol Half Marathon", "event")),
    ("I visited the Snowdon Mountain Railway.", Entity("Snowdon Mountain Railway", "place")),
    ("My favourite composer is Camille Saint-Saëns.", Entity("Camille Saint-Saëns", "person")),
    ("I hope to move to Chester in May.", Entity("Chester", "place")),
    ("My teacher is from Bogotá.", Entity("Bogotá", "place")),
    ("I flew to Lima.", Entity("Lima", "place")),
    ("I live in a village called Grasmere.", Entity("Grasmere", "place")),
    ("My teacher is called Ingrid.", Entity("Ingrid", "person")),
    ("My cat is called Luna.", Entity("Luna", "pet")),
    ("My dogs name is Pluk.", Entity("Pluk", "pet")),
    ("I broke up with Karel.", Entity("Karel", "person")),
    ("I visited my mom at Easter.", Entity("Easter", "event")),
    ("I visited my mom at Christmas.", Entity("Christmas", "event")),
]


@pytest.mark.parametrize(("text", "entity"), NAMES)
def test_a_name_is_taken_whole_and_for_what_its_place_in_the_sentence_says(
    say: Say, text: str, entity: Entity
) -> None:
    (finding,) = say(text)
    assert [found for found in finding.entities if found != ALICE] == [entity]


def test_a_town_is_nobody_whom_a_pronoun_could_mean(say: Say) -> None:
    (finding,) = say("I moved to Manchester. She plays chess.")
    assert finding.text == "Alice moved to Manchester."


SPOKEN = [*SEED.split(), *(text for _, text in CONVERSATION)]

HOSTILE = {
    "empty": "",
    "blank": " \n\t ",
    "emoji": "😀😀😀👩‍👩‍👧",
    "right to left": "אני גר בתל אביב. \u202eI love tea",
    "null bytes": "I love\x00 tea\x00.",
    "capitals": "I LOVE TEA AND I HATE COFFEE!!!",
    "no spaces": "a" * 100_000,
    "many words": "I love tea and " * 10_000,
    "many lines": "I love tea\n" * 10_000,
    "punctuation": "?!.,;:()[]{}\"'" * 1_000,
    "markdown": "# I\n\n| I | love |\n|---|---|\n\n```py\nunclosed",
    "nesting": "(" * 5_000 + "I love tea" + ")" * 5_000,
    "numbers": "I met Bob on 99 May 99999 at 99:99, in 0000, 10000 years ago.",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_survived_with_valid_spans(extractor: RulesExtractor, name: str) -> None:
    text = HOSTILE[name]
    for finding in extractor.extract(turn(text), ()):
        assert quote(finding, text)
        assert finding.source.end <= len(text[:MAX_PARSED_CHARS].encode())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    text=st.text()
    | st.lists(st.sampled_from(SEED.split() + [s for _, s in CONVERSATION])).map(" ".join),
    speaker=st.text(max_size=10),
)
def test_no_text_raises_and_every_finding_is_whole(
    extractor: RulesExtractor, text: str, speaker: str
) -> None:
    for finding in extractor.extract(turn(text, speaker=speaker), (turn(SEED), turn(text))):
        assert quote(finding, text).strip()
        assert finding.text.endswith(".")
        assert finding.topics
        assert 0 < finding.confidence <= 1


def test_the_rules_have_a_version() -> None:
    assert RULES_VERSION == "rules-4"
