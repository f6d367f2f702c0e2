"""One request to a chat completions endpoint: what is sent, and what of the answer counts.

httpx2 and not the package openai: of that a POST and four fields would be used, for 30 MB, 0.6 s of
import and retries that know nothing of a caller's deadline. httpx2 is installed with
sentence-transformers already.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Any

import httpx2
from pydantic import BaseModel, Field, ValidationError

from extractor_service.domain import LlmUsage
from extractor_service.llm.failures import Failure, LlmFailed, Refused
from extractor_service.llm.metrics import LlmMetrics

_CONNECT_SECONDS = 5.0
_MOST_BYTES = 4 * 1024 * 1024  # Of an answer; a long one has some kilobytes.
_REFUSALS = frozenset({400, 422, 501})
_OVERLOADED = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model said, whether it was cut off by the limit of tokens, and what it cost."""

    text: str
    cut_off: bool
    usage: LlmUsage


class ChatClient:
    """A client of one endpoint; keeps its connections open."""

    def __init__(self, url: str, api_key: str, connections: int, metrics: LlmMetrics) -> None:
        """`url` is the API's, such as http://localhost:8080/v1; an empty key is not sent."""
        # It logs every request's address at INFO, and an address may hold a password.
        logging.getLogger("httpx2").setLevel(logging.WARNING)
        self._url = f"{url.rstrip('/')}/chat/completions"
        self._metrics = metrics
        self._http = httpx2.AsyncClient(
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx2.Timeout(None, connect=_CONNECT_SECONDS),
            limits=httpx2.Limits(max_connections=connections),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def complete(
        self, request: Mapping[str, Any], until: float, out_of_time: Failure = Failure.TIMEOUT
    ) -> Completion:
        """Send a request once, and wait for the answer `until` a time of the event loop's clock.

        Raises LlmFailed, with `out_of_time` if there is none by then.
        """
        outcome = "cancelled"
        try:
            with self._metrics.seconds.time():
                completion = await self._complete(request, until, out_of_time)
            outcome = "ok"
            return completion
        except LlmFailed as error:
            outcome = error.failure.value
            raise
        finally:
            self._metrics.calls.labels(outcome).inc()

    async def _complete(
        self, request: Mapping[str, Any], until: float, out_of_time: Failure
    ) -> Completion:
        try:
            async with (
                asyncio.timeout_at(until),
                self._http.stream("POST", self._url, json=request) as response,
            ):
                content = await _content(response)
        except TimeoutError:
            raise LlmFailed(out_of_time) from None
        except (httpx2.HTTPError, httpx2.InvalidURL):
            raise LlmFailed(Failure.UNREACHABLE) from None
        if response.status_code != httpx2.codes.OK:
            raise _failed(response, content)
        return _completion(content)


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


_Tokens = Annotated[int, Field(ge=0, le=2**31)]  # Several requests' are added up to an int64.


class _Usage(BaseModel):
    prompt_tokens: _Tokens = 0
    completion_tokens: _Tokens = 0


class _Body(BaseModel):
    choices: list[_Choice]
    usage: _Usage | None = None


async def _content(response: httpx2.Response) -> bytes:
    content = bytearray()
    async for part in response.aiter_bytes():
        content += part
        if len(content) > _MOST_BYTES:
            raise LlmFailed(Failure.MALFORMED)
    return bytes(content)


def _completion(content: bytes) -> Completion:
    try:
        body = _Body.model_validate_json(content)
    except ValidationError:
        raise LlmFailed(Failure.MALFORMED) from None
    if not body.choices:
        raise LlmFailed(Failure.MALFORMED)
    choice, spent = body.choices[0], body.usage or _Usage()
    return Completion(
        text=choice.message.content or "",
        cut_off=choice.finish_reason == "length",
        usage=LlmUsage(1, spent.prompt_tokens, spent.completion_tokens),
    )


def _failed(response: httpx2.Response, content: bytes) -> LlmFailed:
    status = response.status_code
    if status in _REFUSALS:
        return Refused(status, content.decode(errors="replace"))
    if status in _OVERLOADED:
        wait = seconds_of(response.headers.get("retry-after", ""), datetime.now(UTC))
        return LlmFailed(Failure.OVERLOADED, status=status, retry_after=wait)
    kind = Failure.SERVER_ERROR if status >= httpx2.codes.INTERNAL_SERVER_ERROR else Failure.REFUSED
    return LlmFailed(kind, status=status)


def seconds_of(retry_after: str, now: datetime) -> float | None:
    """The seconds that a Retry-After asks for, given in seconds or as a date; None without one."""
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        at = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())
