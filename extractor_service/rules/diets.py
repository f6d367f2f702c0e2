"""What somebody eats, and does not: one slot a person, "alice|diet".

A diet rules out what comes of animals: who eats meat again is no vegetarian any more. Two foods may
well be eaten by one person, two diets are not kept by one.
"""

from __future__ import annotations

from extractor_service.reading import NOTHING, Claim
from extractor_service.rules.acts import (
    ENDING,
    Act,
    is_date,
    main_part,
    values,
    words_in_order,
)
from extractor_service.rules.claims import claim
from extractor_service.rules.words import word_set

_MEAT, _FISH, _DAIRY, _EGG = "meat", "fish", "dairy", "egg"
_ALL = frozenset({_MEAT, _FISH, _DAIRY, _EGG})
_EXCLUDED = {
    "vegan": _ALL,
    "vegetarian": frozenset({_MEAT, _FISH}),
    "veggie": frozenset({_MEAT, _FISH}),
    "pescatarian": frozenset({_MEAT}),
    "pescetarian": frozenset({_MEAT}),
    "paleo": frozenset({_DAIRY}),
    **dict.fromkeys(("flexitarian", "omnivore", "carnivore", "keto", "halal", "kosher"), NOTHING),
}
_FOODS = {
    _MEAT: word_set(
        "meat chicken beef pork lamb turkey bacon steak ham sausage burger veal duck poultry"
    ),
    _FISH: word_set("fish seafood salmon tuna shrimp prawn shellfish sushi"),
    _DAIRY: word_set("dairy milk cheese butter yogurt yoghurt cream"),
    _EGG: word_set("egg"),
}
_KIND_OF = {food: kind for kind, foods in _FOODS.items() for food in foods}
_AVOIDED = _KIND_OF.keys() | word_set(
    "nut peanut almond hazelnut walnut gluten wheat soy sesame lactose sugar alcohol caffeine "
    "coffee chocolate honey tomato strawberry banana kiwi apple mushroom onion garlic"
)
_EATING = word_set("eat consume drink")
_CUTTING = frozenset({("cut", "out"), ("give", "up")})
_KEEPING = word_set("be follow keep eat")
_TAKING_UP = word_set("become turn go")


def diet(act: Act) -> Claim | None:
    """ "Alice is vegan", "Alice follows a keto diet", "Alice eats meat again"."""
    kept = [t for t in act.placed("on") if t.lemma_ == "diet"]
    said = (values((*act.objects(), *kept)) | {act.lemma}) & _EXCLUDED.keys()
    keeps = act.lemma in {*_KEEPING, *said} and act.present
    takes = act.lemma in _TAKING_UP and act.verb.tag_ != "VB"
    if said and (keeps or takes):
        excluded = NOTHING.union(*(_EXCLUDED[name] for name in said))
        return claim(act, "diet", said, excludes=excluded)
    return _eaten(act)


def ability(act: Act) -> Claim | None:
    """ "Aino can't have eggs", "Aino can eat eggs": what is done is another thing."""
    can = any(t.lower_ in {"can", "ca"} for t in act.clause.auxiliaries)
    foods = [t for t in act.children("dobj") if t.pos_ == "NOUN"]
    words = [w for t in foods for w in words_in_order(main_part(t), dates=False)]
    edible = act.lemma in _EATING or (act.lemma == "have" and {*words} <= _AVOIDED)
    passing = any(is_date(t) for t in act.clause.own)
    if not can or not edible or passing or len(words) != 1:
        return None
    return claim(act, f"can eat {words[0]}", NOTHING, exclusive=False)


def _eaten(act: Act) -> Claim | None:
    words = values(act.objects())
    if _gives_up_food(act):
        given_up = words & _KIND_OF.keys()
        return claim(act, "diet", given_up, holds=False, exclusive=False) if given_up else None
    eater = act.lemma == "be" and "eater" in words
    if not act.present or not (act.lemma in _EATING or eater):
        return None
    everything = any(t.lower_ in {"everything", "anything"} for t in act.objects())
    foods = (_ALL if everything else words) & _KIND_OF.keys()
    # Who eats chicken eats meat; who eats no chicken may eat meat.
    kinds = {_KIND_OF[food] for food in foods} if act.holds else set()
    return claim(act, "diet", foods | kinds, exclusive=False) if foods else None


def _gives_up_food(act: Act) -> bool:
    """ "Alice quit meat", "Alice has cut out dairy"."""
    cuts = any((act.lemma, child.lower_) in _CUTTING for child in act.verb.children)
    return act.holds and act.verb is act.clause.head and (cuts or act.lemma in ENDING)
