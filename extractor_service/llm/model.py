"""A language model that can be asked, as reliably as its endpoint allows."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from extractor_service.domain import NO_USAGE, LlmUsage
from extractor_service.llm.answer import BadReply, Form, items_of
from extractor_service.llm.breaker import Breaker
from extractor_service.llm.client import ChatClient, Completion
from extractor_service.llm.dialect import Dialect, Sampling, body
from extractor_service.llm.failures import Failure, LlmFailed, Refused
from extractor_service.llm.metrics import LlmMetrics
from extractor_service.llm.prompts import VERSION, Messages, hint
from extractor_service.llm.retrying import pause

logger = logging.getLogger(__name__)

REPLIES = 3
"""How often the model may answer a prompt before its bad replies are given up on."""

# A job that waited for more of its time than this while others were asked had too little left.
_MOST_WAITING = 0.5
# The rest of a caller's time is for the rules, should the model fail, and for the vectors.
_SHARE_OF_TIME = 0.75
_TOO_LARGE = 413
# So many items, or so many times what was asked for, are read of an answer: more than are kept.
_LEAST_ROOM = 64
_ROOM = 4

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt, and the form that the answer is to have."""

    messages: Messages
    form: Form


@dataclass(frozen=True, slots=True)
class Endurance:
    """Seconds that a job may take, requests at a time, and when a failing endpoint is left alone.

    `failures` in a row are followed by a `pause` in seconds without any request.
    """

    seconds: float
    concurrency: int
    failures: int
    pause: float


class Job:
    """All that is asked for one delta or summary: it has one end, and one bill."""

    def __init__(self, until: float, *, full: bool) -> None:
        """`until` is of the event loop's clock; `full` if that is all the time a job may have."""
        self.until = until
        self.full = full
        self.usage = NO_USAGE
        self.waited = 0.0  # seconds, for the requests of others


class LanguageModel:
    """One model of one endpoint, for any number of callers on one event loop."""

    def __init__(
        self,
        client: ChatClient,
        sampling: Sampling,
        dialect: Dialect,
        endurance: Endurance,
        metrics: LlmMetrics,
    ) -> None:
        """`dialect` is what is tried first; what the server takes is remembered."""
        self._client = client
        self._sampling = sampling
        self._dialect = dialect
        self._endurance = endurance
        self._metrics = metrics
        self._slots = asyncio.Semaphore(endurance.concurrency)
        self._breaker = Breaker(endurance.failures, endurance.pause)

    @property
    def name(self) -> str:
        """Name and version of what is made with it."""
        return f"{VERSION}:{self._sampling.model}"

    def job(self, deadline: float) -> Job:
        """A new job for a caller who waits until `deadline`, a time of the event loop's clock."""
        now = asyncio.get_running_loop().time()
        left = (deadline - now) * _SHARE_OF_TIME
        full = left >= self._endurance.seconds
        return Job(now + (self._endurance.seconds if full else left), full=full)

    async def ask(self, question: Question, read: Callable[[Sequence[Any]], T], job: Job) -> T:
        """What `read` makes of the items of the answer; it may raise BadReply.

        A bad reply is asked for again with a hint. Raises LlmFailed if there is no good one, the
        endpoint fails or time is up.
        """
        loop = asyncio.get_running_loop()
        if not self._breaker.admits(loop.time()):
            raise LlmFailed(Failure.SKIPPED)
        try:
            async with self._slot(job):
                answer = await self._answer(question, read, job)
        except LlmFailed as error:
            self._note(error, job, loop.time())
            raise
        self._note(None, job, loop.time())
        return answer

    def gave_up(self, error: LlmFailed) -> None:
        """Take note that the rules do the work instead."""
        self._metrics.fallbacks.labels(error.failure.value).inc()
        if error.failure is not Failure.SKIPPED:
            logger.warning(
                "the rules take over from the language model",
                extra={"failure": error.failure.value, "status": error.status},
            )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _answer(self, question: Question, read: Callable[[Sequence[Any]], T], job: Job) -> T:
        messages = list(question.messages)
        for _ in range(REPLIES):
            completion = await self._completion(messages, question.form.schema, job)
            try:
                items = items_of(completion.text, question.form.name, cut_off=completion.cut_off)
                return read(items[: max(_LEAST_ROOM, _ROOM * question.form.most)])
            except BadReply as error:
                self._metrics.bad_replies.labels(error.fault.value).inc()
                messages = [*question.messages, hint(error.fault)]
        raise LlmFailed(Failure.BAD_REPLY)

    async def _completion(self, messages: Messages, schema: dict[str, Any], job: Job) -> Completion:
        tries = 0
        while True:
            tries += 1
            try:
                return await self._understood(messages, schema, job)
            except LlmFailed as error:
                wait = pause(error, tries, random.random())  # noqa: S311
                loop = asyncio.get_running_loop()
                if wait is None or loop.time() + wait >= job.until:
                    raise
                await asyncio.sleep(wait)

    async def _understood(self, messages: Messages, schema: dict[str, Any], job: Job) -> Completion:
        """The answer in the first dialect that the server takes, which is used from then on."""
        dialect: Dialect | None = self._dialect
        while dialect is not None:
            request = body(dialect, self._sampling, messages, schema)
            try:
                completion = await self._client.complete(request, job.until, self._out_of_time(job))
            except Refused as error:
                refusal = error  # Of the plainest request in the end.
                dialect = dialect.after_refusal(error.explanation)
            else:
                self._dialect = dialect
                self._spend(completion.usage, job)
                return completion
        raise refusal

    def _spend(self, usage: LlmUsage, job: Job) -> None:
        job.usage += usage
        self._metrics.tokens.labels("prompt").inc(usage.prompt_tokens)
        self._metrics.tokens.labels("completion").inc(usage.completion_tokens)

    def _out_of_time(self, job: Job) -> Failure:
        """What it is if there is no answer in time: the endpoint is not at fault for our queue."""
        late = job.waited > self._endurance.seconds * _MOST_WAITING
        return Failure.NO_SLOT if late else Failure.TIMEOUT

    @asynccontextmanager
    async def _slot(self, job: Job) -> AsyncIterator[None]:
        clock = asyncio.get_running_loop().time
        since = clock()
        try:
            async with asyncio.timeout_at(job.until):
                await self._slots.acquire()
        except TimeoutError:
            raise LlmFailed(Failure.NO_SLOT) from None
        job.waited += clock() - since
        try:
            yield
        finally:
            self._slots.release()

    def _note(self, error: LlmFailed | None, job: Job, now: float) -> None:
        """Keep count of what says something of the endpoint, not of one request."""
        if error is None or error.failure is Failure.BAD_REPLY:
            self._breaker.succeeded()
        elif error.failure is not Failure.NO_SLOT and not _is_of_the_request(error, job):
            self._breaker.failed(now)
        self._metrics.skipping.set(self._breaker.skipping)


def _is_of_the_request(error: LlmFailed, job: Job) -> bool:
    """Whether the caller was in a hurry, or the server minds what it was sent."""
    in_a_hurry = error.failure is Failure.TIMEOUT and not job.full
    return in_a_hurry or isinstance(error, Refused) or error.status == _TOO_LARGE
