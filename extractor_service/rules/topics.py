"""The taxonomy of topics, and which words belong to each.

work, education, food, health, home, family, relationships, pets, travel, hobbies, preferences,
schedule, possessions, plans, finance, events, habits, personal. A memory has the topic that its
frame implies, and those its words belong to.
"""

from __future__ import annotations

from collections.abc import Iterable

from spacy.tokens import Token

from extractor_service.rules.kin import FAMILY, PETS

_WORDS = {
    "work": "work job career office company startup boss manager colleague coworker client project "
    "meeting promotion employer business engineer developer nurse doctor lawyer designer intern "
    "interview salary team freelance profession volunteer counselor teacher",
    "education": "school college university degree course class student study exam graduate phd "
    "professor lesson learn training education",
    "food": "food eat cook bake drink vegetarian vegan meat fish pizza coffee tea dinner lunch "
    "breakfast restaurant recipe meal diet dessert cake chocolate bread cheese fruit vegetable "
    "gluten peanut nut dairy lactose shellfish wine beer",
    "health": "health allergy allergic diet vegetarian vegan intolerant asthma diabetes diabetic "
    "doctor hospital therapy therapist surgery illness sick medication exercise yoga gym sleep "
    "injury pregnant stress anxiety depression pain gluten",
    "home": "home house apartment flat neighborhood rent mortgage landlord bedroom kitchen "
    "garden hometown live reside relocate",
    "family": " ".join(sorted(FAMILY)) + " marry married wedding divorce",
    "relationships": "friend partner girlfriend boyfriend wife husband date marry married wedding "
    "divorce single engaged relationship roommate neighbor",
    "pets": " ".join(sorted(PETS)) + " vet",
    "travel": "travel trip vacation holiday flight fly visit tour hotel beach camping road airport "
    "abroad passport journey hike",
    "hobbies": "hobby paint painting draw read book guitar piano violin play music song sing dance "
    "run running race swim swimming hike hiking camp camping cycle cycling photography game chess "
    "film movie concert pottery sport tennis football soccer basketball yoga art craft knit surf "
    "gardening",
    "schedule": "morning afternoon evening weekday weekend meeting appointment schedule daily "
    "weekly deadline calendar birthday anniversary",
    "possessions": "car bike bicycle laptop phone computer camera watch boat motorcycle",
    "finance": "money budget save invest investment loan debt bank mortgage salary rent tax",
}
_TOPICS_OF: dict[str, list[str]] = {}
for _topic, _words in _WORDS.items():
    for _word in _words.split():
        _TOPICS_OF.setdefault(_word, []).append(_topic)


def topics(frame_topic: str, tokens: Iterable[Token]) -> tuple[str, ...]:
    """The frame's topic first, then those of the words, each once, in reading order."""
    found = [frame_topic]
    for token in tokens:
        found += _TOPICS_OF.get(token.lemma_.lower(), [])
    return tuple(dict.fromkeys(found))
