"""How a language model can fail us."""

from __future__ import annotations

import enum


class Failure(enum.Enum):
    """Why there is no answer; the values are labels of metrics and go to the logs.

    NO_SLOT: too many other requests were out, so that it was sent too late to be answered, or not
    at all. After SKIPPED nothing was sent: too many had failed.
    """

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    REFUSED = "refused"
    MALFORMED = "malformed"
    BAD_REPLY = "bad_reply"
    NO_SLOT = "no_slot"
    SKIPPED = "skipped"


TRANSIENT = frozenset({Failure.UNREACHABLE, Failure.OVERLOADED, Failure.SERVER_ERROR})
"""Those after which the same request may succeed."""


class LlmFailed(Exception):
    """The language model gave nothing of use. Holds no text of anybody's."""

    def __init__(
        self, failure: Failure, *, status: int | None = None, retry_after: float | None = None
    ) -> None:
        """`status` is HTTP's, if there was one; `retry_after` what the server asks for, seconds."""
        super().__init__(failure.value)
        self.failure = failure
        self.status = status
        self.retry_after = retry_after


class Refused(LlmFailed):
    """The server does not take the request as it is: HTTP 400, 422 or 501."""

    def __init__(self, status: int, explanation: str) -> None:
        """`explanation` is the server's, which may quote the prompt: to be looked at, not told."""
        super().__init__(Failure.REFUSED, status=status)
        self.explanation = explanation
