from __future__ import annotations

import time

from memory_service.deadline import Deadline


def test_what_is_left_shrinks_to_nothing_and_not_below():
    ahead = Deadline.after(60.0)
    left, half = ahead.left, ahead.share(0.5)
    assert left is not None
    assert half is not None
    assert 59 < left <= 60
    assert 29 < half <= left / 2
    assert Deadline(time.monotonic() - 1).left == 0


def test_who_has_no_deadline_has_no_share_of_it():
    assert Deadline.after(None).left is None
    assert Deadline.after(None).share(0.5) is None
