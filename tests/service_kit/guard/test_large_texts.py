"""Texts made to be slow, each a unit over and over.

At this size a pattern whose time is quadratic takes longer than the limit,
and a linear one a second or two.
"""

from __future__ import annotations

import pytest

from service_kit.guard.attempts import Attempt
from service_kit.guard.instructions import attempt_in
from service_kit.guard.policy import Policy, guarded
from service_kit.guard.spans import PERSONAL, SECRETS

SIZE = 128 * 1024
EVERYTHING = Policy(SECRETS | PERSONAL)

UNITS = [
    *(
        "a",
        "1",
        " ",
        "\n",
        "-",
        ".",
        ":",
        "@",
        "=",
        "'",
        '"',
        "[",
        "<",
        "(",
        "|",
        "A",
        "é",
        "忽",
        "\u200b",
    ),
    *(
        "1 ",
        "1-",
        "a ",
        "a.",
        "a-",
        "a@",
        "a:",
        "1.",
        "::",
        "a1",
        "aB3",
        "\U000e0041",
        "+1 ",
        "(1) ",
    ),
    *(
        "-----BEGIN",
        "-----BEGIN RSA PRIVATE KEY-----",
        "-----END",
        "eyJ",
        "-eyJ",
        ".eyJa",
        "sk-",
        "SG.",
    ),
    *(
        "://",
        "://a:",
        "bearer ",
        "password is ",
        "password is a",
        "password: blue ",
        "PIN: b 7 ",
        "password ",
        "PIN ",
        "token",
        "key=",
        "sig=",
        "4111 ",
    ),
    *(
        "the code to ",
        "is my ",
        "passphrase is a b ",
        "DE89",
        "DE89 ",
        "1.1.1.",
        "call ",
        "call 1 ",
    ),
    *("ignore ", "ignore all ", "ignore the ", "you must ", "you are now ", "the assistant must "),
    *(
        "remember that ",
        "from now on you ",
        "the ai to run ",
        "as an ai ",
        "system ",
        "system:",
        "<|",
        "](",
    ),
    *(
        "![](",
        "![](http://a?",
        '"name":',
        "curl a ",
        "%20",
        "a%20",
        "&lt;",
        "&",
        f"&#{'1' * 5000}",  # more digits than int() reads
        f"&#{'0' * 5000};",
        "above ",
        "send the a ",
    ),
    *(
        "merk dir, dass du ",
        "ab jetzt bist du ",
        "a partir de ahora eres ",
        "recuerda que ",
        "l'assistant ",
    ),
    *(
        "忽略之前",
        "从现在起你是",
        "QWxs",
        "QWxs ",
        "b c ",
        "b.c ",
        "1gn0re ",
        "act as ",
        "all users ",
    ),
]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit[:40])
def test_a_large_text_is_done_with_in_seconds(unit: str):
    text = (unit * (SIZE // len(unit) + 1))[:SIZE]

    assert guarded(text, EVERYTHING).text
    assert attempt_in(text) in {None, *Attempt}
