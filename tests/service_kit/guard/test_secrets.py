"""What counts as a secret. Every key here is made up, and put together so that no scanner minds."""

from __future__ import annotations

import base64
import json

import pytest

from service_kit.guard.secrets import find_secrets
from service_kit.guard.spans import Kind

MIXED = "aB3dE6fG9hJ2kL5mN8pQ1rS4tU7vW0xYz" * 8
UPPER = "QWERTY2345ASDFG7ZXCVB" * 4
HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
SEGMENT = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "sub": "1"}).encode()).decode()
WEB_TOKEN = f"{SEGMENT.rstrip('=')}.{SEGMENT.rstrip('=')}.{MIXED[:43]}"

VENDORS = [
    ("AWS", Kind.API_KEY, "AKIA" + UPPER[:16]),
    ("Anthropic", Kind.API_KEY, "sk-ant-api03-" + MIXED[:93] + "AA"),
    ("OpenAI, older", Kind.API_KEY, "sk-" + MIXED[:48]),
    ("OpenAI, of a project", Kind.API_KEY, "sk-proj-" + MIXED[:60] + "-_" + MIXED[:60]),
    ("Google", Kind.API_KEY, "AIza" + MIXED[:35]),
    ("Stripe", Kind.API_KEY, "sk_" + "live_" + MIXED[:24]),
    ("Stripe, restricted", Kind.API_KEY, "rk_" + "test_" + MIXED[:24]),
    ("SendGrid", Kind.API_KEY, "SG." + MIXED[:22] + "." + MIXED[:43]),
    ("Twilio", Kind.API_KEY, "SK" + HEX[:32]),
    ("Mailchimp", Kind.API_KEY, HEX[:32] + "-us12"),
    ("age", Kind.API_KEY, "AGE-SECRET-KEY-1" + UPPER[:58]),
    ("GitHub", Kind.TOKEN, "ghp_" + MIXED[:36]),
    ("GitHub, fine-grained", Kind.TOKEN, "github_pat_" + MIXED[:22] + "_" + MIXED[:59]),
    ("GitLab", Kind.TOKEN, "glpat-" + MIXED[:20]),
    ("Slack, of a bot", Kind.TOKEN, "xoxb-" + "123456789012-" + MIXED[:24]),
    ("Slack webhook", Kind.TOKEN, "https://hooks.slack.com/services/T0AB/B0CD/" + MIXED[:24]),
    ("Discord, of a bot", Kind.TOKEN, "MT" + MIXED[:22] + ".GaBcDe." + MIXED[:38]),
    ("npm", Kind.TOKEN, "npm_" + MIXED[:36]),
    ("PyPI", Kind.TOKEN, "pypi-" + "AgEIcHlwaS5vcmc" + MIXED[:80]),
    ("Docker", Kind.TOKEN, "dckr_pat_" + MIXED[:27]),
    ("Telegram, of a bot", Kind.TOKEN, "123456789:AA" + MIXED[:33]),
    ("Hugging Face", Kind.TOKEN, "hf_" + MIXED[:34]),
    ("Shopify", Kind.TOKEN, "shpat_" + HEX[:32]),
    ("DigitalOcean", Kind.TOKEN, "dop_v1_" + HEX),
    ("Databricks", Kind.TOKEN, "dapi" + HEX[:32]),
    ("Vault", Kind.TOKEN, "hvs." + MIXED[:24]),
    ("Atlassian", Kind.TOKEN, "ATATT3" + MIXED[:186]),
    ("Azure client secret", Kind.TOKEN, "abc8Q~" + MIXED[:34]),
    ("a JSON web token", Kind.TOKEN, WEB_TOKEN),
]

KEY_BLOCK = "-----BEGIN {0}PRIVATE KEY-----\nMIIEvQ+\n/abc==\n-----END {0}PRIVATE KEY-----"

# What is said, and the part of it that is secret.
TOLD = [
    ("my wifi password is hunter2", Kind.PASSWORD, "hunter2"),
    ("My wifi password is hunter2.", Kind.PASSWORD, "hunter2"),
    ("The password for the guest network is Sommer2024!", Kind.PASSWORD, "Sommer2024!"),
    ("Alice's Netflix password is swordfish", Kind.PASSWORD, "swordfish"),
    ("password: correcthorse", Kind.PASSWORD, "correcthorse"),
    ("Password=tr0ub4dor&3", Kind.PASSWORD, "tr0ub4dor&3"),
    ("The password's aXe!9pq, write it down", Kind.PASSWORD, "aXe!9pq"),
    ('His password is "open sesame now".', Kind.PASSWORD, "open sesame now"),
    ("I changed my password to Kx9!mm today", Kind.PASSWORD, "Kx9!mm"),
    ("My password was changed to zebra77", Kind.PASSWORD, "zebra77"),
    ("log in with user bob, password hunter22", Kind.PASSWORD, "hunter22"),
    ("hunter2 is my old wifi password", Kind.PASSWORD, "hunter2"),
    (
        "the passphrase is correct horse battery staple",
        Kind.PASSWORD,
        "correct horse battery staple",
    ),
    ("my passcode is 482913", Kind.PASSWORD, "482913"),
    ("wifi password: blue horse 77", Kind.PASSWORD, "blue horse 77"),
    ("the wifi password is blue horse 77", Kind.PASSWORD, "blue horse 77"),
    ("The wifi password is Blue Horse #77. Bob has it too.", Kind.PASSWORD, "Blue Horse #77"),
    ("password: blue horse\nBob lives in Rome", Kind.PASSWORD, "blue horse"),
    ("Passphrase: green horse 77 staple, keep it", Kind.PASSWORD, "green horse 77 staple"),
    (
        "the passphrase for the vault is blue horses on 3 hills",
        Kind.PASSWORD,
        "blue horses on 3 hills",
    ),
    ("My passcode is blue horse 77 and the door is open", Kind.PASSWORD, "blue horse 77"),
    ("my password is blue horse 77 for the upstairs router", Kind.PASSWORD, "blue horse 77"),
    ("password: rock and roll 77", Kind.PASSWORD, "rock and roll 77"),
    ("his password is Blue7 horse battery", Kind.PASSWORD, "Blue7 horse battery"),
    ("The password is sunny purple elephants!", Kind.PASSWORD, "sunny purple elephants"),
    ("PIN: blue horse 77", Kind.PASSWORD, "blue horse 77"),
    ("my PIN is 47 11", Kind.ACCESS_CODE, "47 11"),
    ("das Passwort ist Katze Hund 77", Kind.PASSWORD, "Katze Hund 77"),
    ("mein WLAN-Passwort lautet Katze!77", Kind.PASSWORD, "Katze!77"),
    ("mon mot de passe est Soleil42", Kind.PASSWORD, "Soleil42"),
    ("mi contraseña es Gato_99", Kind.PASSWORD, "Gato_99"),
    ("我的密码是abc12345", Kind.PASSWORD, "abc12345"),
    ("The API key is q7f3k9x2m5", Kind.PASSWORD, "q7f3k9x2m5"),
    ("my PIN is 4711", Kind.ACCESS_CODE, "4711"),
    ("PIN: 0000", Kind.ACCESS_CODE, "0000"),
    ("My bank card's PIN code is 8245, don't tell", Kind.ACCESS_CODE, "8245"),
    ("the code to the safe is 4711", Kind.ACCESS_CODE, "4711"),
    ("The code for our front door is 1357#.", Kind.ACCESS_CODE, "1357#"),
    ("alarm code 9921", Kind.ACCESS_CODE, "9921"),
    ("The combination to the locker is 12-34-56", Kind.ACCESS_CODE, "12-34-56"),
    ("the CVV is 123", Kind.ACCESS_CODE, "123"),
    ("your verification code is 482913", Kind.ACCESS_CODE, "482913"),
    ("4711 is my PIN", Kind.ACCESS_CODE, "4711"),
    ("postgres://app:s3cr3t@db.example.com/app", Kind.PASSWORD, "s3cr3t"),
    ("redis://:pa55@cache:6379/0", Kind.PASSWORD, "pa55"),
    ("Server=db;User=sa;Password=Pa55w.rd;", Kind.PASSWORD, "Pa55w.rd"),
    ("AccountName=a;AccountKey=" + MIXED[:86] + "==", Kind.PASSWORD, MIXED[:86] + "=="),
    ("Authorization: Bearer " + MIXED[:40], Kind.TOKEN, MIXED[:40]),
    ("the token we use is " + HEX[:40], Kind.TOKEN, HEX[:40]),
    (
        "secret key 3f2b8c1e-9a4d-4e6f-8b7a-1c2d3e4f5a6b",
        None,
        "3f2b8c1e-9a4d-4e6f-8b7a-1c2d3e4f5a6b",
    ),
]

CARDS = [
    "4111111111111111",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "5555 5555 5555 4444",
    "2223 0031 2200 3222",
    "3782 822463 10005",
    "6011 1111 1111 1117",
    "3530 1113 3330 0000",
    "3056 930902 5904",
    "6200 0000 0000 0005",
    "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
]

HARMLESS = [
    "My password is too weak.",
    "The password is wrong again.",
    "my password is not working",
    "I think the password is the same as before",
    "The password is required.",
    "A password must contain eight characters",
    "Password: required",
    "password: ********",
    "The password is xxxxxxxx.",
    "My password is [password].",
    "My password is <your password>.",
    "She reset her password and is happy",
    "I always forget my password, is that normal?",
    "The password was changed yesterday",
    "The password to the club was a riddle nobody could solve",
    "I reset my password for the bank yesterday. I moved to Berlin.",
    "I changed my password at work and flew to Berlin.",
    "The key to happiness is patience",
    "The secret to a good curry is fresh ginger",
    "Her secret is safe with me",
    "My PIN is wrong",
    "password: see the vault",
    "password: see page 12 of the manual",
    "Password: ask Bob at 5",
    "password: minimum eight characters",
    "The password is at least 8 characters long",
    "my password is 12 letters",
    "The password is case sensitive",
    "The password is valid for 30 days",
    "The password is sent by mail within 5 minutes",
    "the password is rotated every 90 days",
    "The password is stronger than mine since 2020",
    "The password is kept at reception",
    "My password is Bob's birthday",
    "My password is way too weak for 2024",
    "The passphrase is a line from Hamlet",
    "the passphrase is too long and too weak",
    "Password: siehe Tresor 3",
    "Das Passwort ist beim Empfang",
    "The password is [password] for all 3 of us",
    "The pin is shiny gold",
    "The pin is 3 cm wide",
    "The PIN is four digits",
    "The access token is company property",
    "I keep a pin collection of 250 pieces",
    "We pinned 3 notes to the board",
    "The promo code is SAVE20",
    "The zip code is 90210",
    "our postal code is 10115",
    "The error code is 404",
    "The confirmation code for my flight is ABC123",
    "The dress code is smart casual",
    "The area code for Boston is 617",
    "I wrote 4711 lines of code",
    "The building has 4711 windows",
    "The token of her love is a ring",
    "We bought 20 tokens at the fair",
    "The state-of-the-art-key-value-store is fast",
    "The key is black-and-white-2-door-fridge-freezer",
    "https://example.com/2023/05/07/a-long-slug-about-many-things-12",
    "My commit is 3f2b8c1e9a4d4e6f8b7a1c2d3e4f5a6b7c8d9e0f",
    "The order number is 4111111111111112",
    "I called 1234 5678 9012 3456 times",
    "The ISBN is 978-3-16-148410-0",
    "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
    "From 2019 to 2020, 2021, 2022 and 2023 we lived in Rome",
    "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
    "sk-is-the-country-code-of-slovakia-you-know",
    "npm_install_is_slow_today_on_my_machine",
    "The train is at 10:45 on the 12th",
    "She is a key member; her bearing is calm",
]


def found(text: str) -> list[tuple[Kind, str]]:
    return [(span.kind, text[span.start : span.end]) for span in find_secrets(text)]


@pytest.mark.parametrize(("kind", "key"), [v[1:] for v in VENDORS], ids=[v[0] for v in VENDORS])
def test_a_vendor_s_key_is_found_whole_in_a_sentence(kind: Kind, key: str):
    assert found(f"We deploy with {key}, so take care.") == [(kind, key)]
    assert found(f"KEY={key}") == [(kind, key)]


@pytest.mark.parametrize("of", ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "])
def test_a_private_key_is_found_from_begin_to_end(of: str):
    block = KEY_BLOCK.format(of)
    assert found(f"here:\n{block}\nthanks") == [(Kind.PRIVATE_KEY, block)]


def test_a_private_key_that_was_cut_off_reaches_to_the_end():
    cut = KEY_BLOCK.format("RSA ")[:50]
    assert found(f"look: {cut}") == [(Kind.PRIVATE_KEY, cut)]


@pytest.mark.parametrize(("text", "kind", "secret"), TOLD)
def test_what_somebody_tells_is_found(text: str, kind: Kind | None, secret: str):
    ((found_kind, found_secret),) = found(text)
    assert found_secret == secret
    assert kind in (None, found_kind)


@pytest.mark.parametrize("number", CARDS)
def test_a_card_number_is_found_and_nothing_else(number: str):
    assert found(f"My card is {number} 12/27") == [(Kind.CARD_NUMBER, number)]


@pytest.mark.parametrize("number", CARDS)
def test_a_card_number_with_a_digit_wrong_is_left(number: str):
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert found(f"My card is {wrong} 12/27") == []


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_talk_is_left_alone(text: str):
    assert found(text) == []


def test_what_is_said_after_a_secret_is_left_alone():
    text = "I set my bank password to Kestrel-9417 yesterday. I moved to Berlin."
    assert found(text) == [(Kind.PASSWORD, "Kestrel-9417")]
    assert found("My password for the St. James wifi is hunter2") == [(Kind.PASSWORD, "hunter2")]


def test_what_is_said_after_a_passphrase_is_left_alone():
    for more in (" and Bob lives in Rome", " because the old one was weak", ", I live in Rome"):
        text = f"The wifi password is blue horse 77{more}."
        assert found(text) == [(Kind.PASSWORD, "blue horse 77")]
    assert found("my PIN is 4711 guys") == [(Kind.ACCESS_CODE, "4711")]


def test_two_secrets_are_found_in_order():
    text = "PIN: 4711 and the wifi password is hunter2"
    assert found(text) == [(Kind.ACCESS_CODE, "4711"), (Kind.PASSWORD, "hunter2")]
