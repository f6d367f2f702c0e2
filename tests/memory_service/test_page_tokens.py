from __future__ import annotations

import asyncio
import base64
import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from redis.asyncio import Redis

from memory_service.domain.errors import InvalidPageToken
from memory_service.page_tokens import PageTokens
from memory_service.store.secrets import shared_secret

TOKENS = PageTokens(b"secret")
positions = st.lists(st.integers() | st.text(max_size=20), max_size=3)


@given(st.binary(), positions)
def test_a_position_comes_back_for_the_same_arguments(arguments: bytes, position: list):
    assert TOKENS.open(arguments, TOKENS.seal(arguments, position)) == position


def test_no_token_is_the_first_page():
    assert TOKENS.open(b"a", "") is None


@given(st.binary(), st.binary(), positions)
def test_a_token_is_good_for_no_other_arguments(one: bytes, other: bytes, position: list):
    assume(one != other)
    with pytest.raises(InvalidPageToken):
        TOKENS.open(other, TOKENS.seal(one, position))


def test_a_token_of_another_database_is_refused():
    with pytest.raises(InvalidPageToken):
        TOKENS.open(b"a", PageTokens(b"other").seal(b"a", [1]))


@given(positions, st.data())
def test_any_change_of_a_token_is_refused(position: list, data: st.DataObject):
    token = TOKENS.seal(b"a", position)
    place = data.draw(st.integers(0, len(token)))
    end = data.draw(st.integers(place, min(len(token), place + 3)))
    forged = token[:place] + data.draw(st.text(max_size=3) | st.text("+/-_=A", max_size=3))
    forged += token[end:]
    assume(forged not in {token, ""})
    with pytest.raises(InvalidPageToken):
        TOKENS.open(b"a", forged)


def test_one_position_has_one_token():
    """Base64 can say the same bytes in other letters; only ours are taken."""
    for number in range(64):
        token = TOKENS.seal(b"a", [number])
        letters = [token.replace("-", "+"), token.replace("_", "/"), token.rstrip("=") + "===="]
        letters += [token[:-3] + other + token[-2:] for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
        for forged in set(letters) - {token}:
            with pytest.raises(InvalidPageToken):
                TOKENS.open(b"a", forged)


@given(st.text(min_size=1) | st.binary(min_size=1).map(lambda b: base64.b64encode(b).decode()))
def test_what_was_not_made_here_is_refused(token: str):
    with pytest.raises(InvalidPageToken):
        TOKENS.open(b"a", token)


def test_bytes_cannot_wander_between_arguments_and_position():
    body = json.dumps([1]).encode()
    sealed = base64.urlsafe_b64decode(TOKENS.seal(b"a" + body, [2]))
    moved = base64.urlsafe_b64encode(sealed[:16] + body + sealed[16:]).decode()
    with pytest.raises(InvalidPageToken):
        TOKENS.open(b"a", moved)


async def test_all_processes_of_a_database_share_the_first_ones_secret(bare_redis: Redis):
    fresh = [bytes([n]) * 32 for n in range(8)]
    found = await asyncio.gather(*(shared_secret(bare_redis, secret) for secret in fresh))
    assert len(set(found)) == 1
    assert found[0] in fresh
    assert await shared_secret(bare_redis, b"later") == found[0]
