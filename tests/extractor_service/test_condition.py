from __future__ import annotations

import pytest

from extractor_service.batcher import NotServing
from extractor_service.condition import STUCK_SECONDS, Condition


class Model:
    """Works or not, or cannot be asked, as the test says; and so does the clock."""

    def __init__(self) -> None:
        self.answer: bool | Exception = True
        self.now = 100.0
        self.condition = Condition(self.works, lambda: self.now)

    async def works(self) -> bool:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def test_a_model_that_was_never_suspected_is_in_order() -> None:
    condition = Model().condition
    assert condition.in_order
    assert condition.failing_seconds == 0


async def test_it_is_out_of_order_from_the_first_failure_until_it_works() -> None:
    model = Model()
    model.answer = False
    assert not await model.condition.examine()
    model.now += 5
    assert not await model.condition.examine()
    model.now += 5
    assert not model.condition.in_order
    assert model.condition.failing_seconds == 10

    model.answer = True
    assert await model.condition.examine()
    assert model.condition.in_order
    assert model.condition.failing_seconds == 0


async def test_a_model_that_cannot_be_asked_stays_as_it_was() -> None:
    model = Model()
    model.answer = NotServing()
    with pytest.raises(NotServing):
        await model.condition.examine()
    assert model.condition.in_order


async def test_a_model_that_does_not_return_is_out_of_order_until_it_does() -> None:
    model = Model()
    with model.condition.running():
        model.now += STUCK_SECONDS
        assert model.condition.in_order
        model.now += 7
        assert not model.condition.in_order
        assert model.condition.failing_seconds == 7
    assert model.condition.in_order
    assert model.condition.failing_seconds == 0


async def test_nothing_is_asked_of_a_model_that_does_not_return() -> None:
    model = Model()
    model.answer = AssertionError("it would wait behind what does not return")
    with model.condition.running():
        model.now += STUCK_SECONDS + 1
        assert not await model.condition.examine()


async def test_many_short_runs_are_not_taken_for_a_long_one() -> None:
    model = Model()
    for _ in range(5):
        with model.condition.running():
            model.now += STUCK_SECONDS
    assert model.condition.in_order
    model.now += STUCK_SECONDS * 2
    assert model.condition.in_order
