"""What is said, and what is remembered: the table is the specification."""

from __future__ import annotations

import pytest

from .conftest import Say

FACTS: list[tuple[str, list[str]]] = [
    # who one is
    ("I'm a nurse.", ["Alice is a nurse."]),
    ("I'm 32 years old.", ["Alice is 32 years old."]),
    ("I've been a teacher since 2016.", ["Alice has been a teacher since 2016."]),
    ("I'm now a nurse.", ["Alice is a nurse."]),
    ("I was a dancer.", ["Alice was a dancer."]),
    # work and study
    ("I work at Acme as a designer.", ["Alice works at Acme as a designer."]),
    ("I study biology in Oxford.", ["Alice studies biology in Oxford."]),
    ("I teach maths at a school.", ["Alice teaches maths at a school."]),
    ("My brother Tom works for Google.", ["Alice's brother Tom works for Google."]),
    # home
    ("I live in a flat in Leeds.", ["Alice lives in a flat in Leeds."]),
    ("I used to live in Paris, I moved to Berlin in May.",
     ["Alice used to live in Paris.", "Alice moved to Berlin in May 2023."]),
    ("Right now I'm living in Oslo.", ["Alice is living in Oslo."]),
    # likes
    ("I love hiking.", ["Alice loves hiking."]),
    ("I hate olives but I love figs.", ["Alice hates olives.", "Alice loves figs."]),
    ("My favorite food is pizza.", ["Alice's favorite food is pizza."]),
    ("I really enjoy watching old films.", ["Alice really enjoys watching old films."]),
    ("I don't like coffee.", ["Alice doesn't like coffee."]),
    # food and health
    ("I'm allergic to peanuts and shellfish.", ["Alice is allergic to peanuts and shellfish."]),
    ("I'm not allergic to nuts.", ["Alice is not allergic to nuts."]),
    ("I dont eat meat any more, im vegan.",
     ["Alice doesn't eat meat any more.", "Alice is vegan."]),
    ("Alice doesn't eat meat any more.", ["Alice doesn't eat meat any more."]),
    ("I no longer eat fish.", ["Alice no longer eats fish."]),
    ("Haven't smoked since 2019.", ["Alice hasn't smoked since 2019."]),
    ("I haven't smoked since 2019.", ["Alice hasn't smoked since 2019."]),
    # what one has
    ("I have two dogs.", ["Alice has two dogs."]),
    ("I've got a red bicycle.", ["Alice has got a red bicycle."]),
    ("We have three kids.", ["Alice has three kids."]),
    # people
    ("My sister Emma is a nurse.", ["Alice's sister Emma is a nurse."]),
    ("My kids are vegetarian.", ["Alice's kids are vegetarian."]),
    ("My husband and I are planning a trip to Japan.",
     ["Alice's husband and Alice are planning a trip to Japan."]),
    ("My wife's name is Carla.", ["Alice's wife's name is Carla."]),
    # plans
    ("I want to learn the piano.", ["Alice wants to learn the piano."]),
    ("I wanna start a bakery.", ["Alice wants to start a bakery."]),
    ("I'm gonna paint the kitchen.", ["Alice is going to paint the kitchen."]),
    ("I'll start a pottery course.", ["Alice will start a pottery course."]),
    ("I hope to run a marathon.", ["Alice hopes to run a marathon."]),
    # what one does and did
    ("I play the violin.", ["Alice plays the violin."]),
    ("I watch birds every Sunday.", ["Alice watches birds every Sunday."]),
    ("I've been learning Spanish.", ["Alice has been learning Spanish."]),
    ("Still learning Spanish.", ["Alice is still learning Spanish."]),
    ("I bought a cake and ate it.", ["Alice bought a cake and ate it."]),
    ("I live in Leeds and work at Acme.", ["Alice lives in Leeds.", "Alice works at Acme."]),
    ("I have lived in Rome and studied in Milan.",
     ["Alice has lived in Rome.", "Alice studied in Milan."]),
    ("The support group has made me feel accepted.",
     ["The support group has made Alice feel accepted."]),
    ("I taught myself the guitar.", ["Alice taught themself the guitar."]),
    # openers, names called out, chat spelling, marks
    ("Hey! By the way, I also play chess, haha 😀", ["Alice plays chess."]),
    ("Wow, well, I play chess too!!!", ["Alice plays chess."]),
    ("- I like tea\n- I hate coffee", ["Alice likes tea.", "Alice hates coffee."]),
    ("I **love** `x = 1` tea.", ["Alice loves tea."]),
    ("I\u2019m allergic to nuts \u2013 I\u2019ve got asthma.",
     ["Alice is allergic to nuts.", "Alice has got asthma."]),
    # remarks on the remark, before and behind
    ("Oh, and one more thing: I play chess.", ["Alice plays chess."]),
    ("Fun fact: I play chess.", ["Alice plays chess."]),
    ("I drink: tea and milk.", ["Alice drinks: tea and milk."]),
    ("I'm vegan, though.", ["Alice is vegan."]),
    ("I eat fish, though.", ["Alice eats fish."]),
    ("I have been to Lima, too.", ["Alice has been to Lima."]),
    ("I play chess, by the way.", ["Alice plays chess."]),
    # what looks like talk and is not
    ("My friend Sara always looks after my dog.",
     ["Alice's friend Sara always looks after Alice's dog."]),
    ("I hurt my back.", ["Alice hurt Alice's back."]),
    # a reminder is an order, what is to be remembered is a fact
    ("Remember that I am allergic to penicillin.", ["Alice is allergic to penicillin."]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), FACTS, ids=[text for text, _ in FACTS])
def test_a_statement_is_remembered_in_the_third_person(
    say: Say, text: str, expected: list[str]
) -> None:
    assert [finding.text for finding in say(text)] == expected


LEFT_ALONE = [
    # questions
    "Do you live in Rome?",
    "What did you do last weekend?",
    "I work at Acme, right?",
    "who is your favorite singer",
    # orders
    "Please book a table for two.",
    "Write a poem about my dog.",
    "Check out this cake I made!",
    "Let's go to the beach.",
    # hypotheticals
    "If I had money I would travel.",
    "I would love to visit Japan.",
    "Maybe I'll go to Rome.",
    "I could buy a car.",
    "I might move to Berlin.",
    "I wish I had a dog.",
    # greetings, thanks, small talk
    "Hi there!",
    "Good morning, how are you?",
    "Thanks so much for your help!",
    "That's great!",
    "I see.",
    "I hope so.",
    "I can't wait!",
    "I'm glad you like it.",
    "I'm so happy for you!",
    "I agree.",
    "I'm back.",
    "I'm fine.",
    "I'm so excited!",
    "You're a great friend.",
    "I love your painting!",
    "It was amazing.",
    "The weather is nice today.",
    "I need help.",
    "I know, right.",
    "I have news.",
    "I've got some great news!",
    "I had no idea that Emma sings.",
    "I love that park.",
    "I'm so tired of this bus.",
    "Talk to you later!",
    # somebody else's words, code
    "> I love olives",
    "```\nI love olives\n```",
    # nobody known
    "She is a doctor.",
    "They moved to Rome.",
    "This is my favorite.",
    "I love it.",
    # an introduction alone
    "I'm Alice.",
    "My name is Alice.",
]


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_small_talk_is_left_alone(say: Say, text: str) -> None:
    assert [finding.text for finding in say(text)] == []


PRONOUNS: list[tuple[str, tuple[tuple[str, str], ...], list[str]]] = [
    ("My sister Emma is a nurse. She loves hiking.", (),
     ["Alice's sister Emma is a nurse.", "Emma loves hiking."]),
    ("My mom is a teacher. She has lived in Boston since 2013.", (),
     ["Alice's mom is a teacher.", "Alice's mom has lived in Boston since 2013."]),
    ("My kids are vegetarian and they love hiking.", (),
     ["Alice's kids are vegetarian.", "Alice's kids love hiking."]),
    ("My sister Emma met my brother Tom. He plays chess.", (),
     ["Alice's sister Emma met Alice's brother Tom.", "Tom plays chess."]),
    ("My brother Tom met my sister Emma. He plays chess.", (),
     ["Alice's brother Tom met Alice's sister Emma.", "Tom plays chess."]),
    ("She plays chess.", (("Alice", "My sister Emma is here."),), ["Emma plays chess."]),
    ("She plays chess.", (("Bob", "My mother lives in Rome."),), ["Bob's mother plays chess."]),
    ("I met Sara, and her husband is a chef.", (),
     ["Alice met Sara.", "Sara's husband is a chef."]),
    ("Emma loves her job.", (), ["Emma loves her job."]),
    ("I baked you a cake.", (("Bob", "Hello!"),), ["Alice baked Bob a cake."]),
    ("I baked you a cake.", (), []),
    ("I baked you a cake.", (("Bob", "Hello!"), ("Carol", "Hello!")), []),
    ("Thanks, Bob! I play chess, Bob.", (("Bob", "Hello!"),), ["Alice plays chess."]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "before", "expected"), PRONOUNS)
def test_a_pronoun_becomes_the_person_it_means_or_the_clause_is_left_out(
    say: Say, text: str, before: tuple[tuple[str, str], ...], expected: list[str]
) -> None:
    assert [finding.text for finding in say(text, *before)] == expected
