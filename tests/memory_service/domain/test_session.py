from __future__ import annotations

import pytest

from memory_service.domain.errors import MessageIdReused
from memory_service.domain.failed_ranges import FailedRange
from memory_service.domain.owner import Owner, SessionRef
from memory_service.domain.session import NewMessage, Role, Session, without_repeats

REF = SessionRef(Owner.user("t", "n", "u"), "s")


def message(id_: str, content: str = "hi") -> NewMessage:
    return NewMessage(id_, Role.USER, "", content, 0)


def session(tail: int, cursor: int, *failed: FailedRange) -> Session:
    return Session(REF, 1, 0, 0, 1, tail, cursor, failed)


def test_a_repeated_message_is_kept_once_and_those_without_id_all():
    given = [message("a"), message(""), message("a"), message("")]
    assert without_repeats(given) == [message("a"), message(""), message("")]


def test_an_id_for_two_messages_is_refused_at_the_second():
    with pytest.raises(MessageIdReused) as caught:
        without_repeats([message("a"), message("b"), message("a", "other")])
    assert caught.value.index == 2


def test_what_is_new_is_extracted_before_what_failed():
    again = FailedRange(2, 3, "WHY", 0, retrying=True)
    assert session(9, 4, again).next_range == (5, 9)
    assert session(9, 9, again).next_range == (2, 3)
    assert session(9, 9, FailedRange(2, 3, "WHY", 0)).next_range == (10, 9)


def test_what_is_tried_again_is_pending():
    again = FailedRange(2, 3, "WHY", 0, retrying=True)
    assert session(9, 4, again, FailedRange(4, 4, "WHY", 0)).pending == 7
