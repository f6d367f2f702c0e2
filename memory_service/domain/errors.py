"""What can go wrong, in the domain's words. No gRPC, no Redis, nothing secret in any message."""

from __future__ import annotations


class DomainError(Exception):
    """Base of all; `str()` of one is safe to show to a caller."""


class InvalidField(DomainError):
    """A field of a request is missing, malformed or over a limit."""

    def __init__(self, path: str, description: str) -> None:
        super().__init__(f"{path}: {description}")
        self.path = path
        self.description = description


class InvalidPageToken(DomainError):
    """A page token that was not made here, or for other arguments."""


class SessionNotFound(DomainError):
    """No such session in this scope."""


class MemoryNotFound(DomainError):
    """No such memory in this scope."""


class MemoryExists(DomainError):
    """Another memory of the owner says the same already."""


class NotExtracted(DomainError):
    """The session got new messages while it was being extracted for the last time."""


class MessageIdReused(DomainError):
    """A message id that stands for another message already; `index` is its place in the request."""

    def __init__(self, index: int) -> None:
        super().__init__("a message of this id, with other content, is in the session")
        self.index = index


class TooManyWaiting(DomainError):
    """The session has as many memories that wait to be promoted as it may have."""


class QuotaExceeded(DomainError):
    """The owner or the tenant has as much as it may have; `limit` names of what."""

    def __init__(self, limit: str) -> None:
        super().__init__(f"the limit of {limit} has been reached")
        self.limit = limit


class RateExceeded(DomainError):
    """The tenant asks too often, or has too many streams; `limit` names which.

    `seconds` is when to come back.
    """

    def __init__(self, limit: str, seconds: float) -> None:
        super().__init__(f"the limit of {limit} has been reached for now")
        self.limit = limit
        self.seconds = seconds


class RequestIdReused(DomainError):
    """A request id that stands for other arguments already."""


class EtagMismatch(DomainError):
    """The etag is not the current one."""


class Contention(DomainError):
    """Others kept changing the same owner's memories."""


class RevisionNotReached(DomainError):
    """The owner's revision is still below the one asked for."""


class RevisionTrimmed(DomainError):
    """The change feed does not reach back to the revision asked for, or never came to it."""


class StoreUnavailable(DomainError):
    """Redis cannot be reached, cannot search, or refuses to write; the message says which."""


class SearchTimeout(DomainError):
    """The engine ran out of time; a partial answer is never given."""


class ExtractorUnavailable(DomainError):
    """The extractor cannot be reached, is overloaded or is about to stop. Not the input's fault."""


class ExtractorTooSlow(ExtractorUnavailable):
    """The extractor was asked to work on so many `messages`, and had no answer in time."""

    def __init__(self, messages: int) -> None:
        super().__init__("the extractor did not answer in time")
        self.messages = messages


class ExtractionFailed(DomainError):
    """The extractor cannot work on this input. `reason` is from the contract's ErrorReason."""

    def __init__(self, reason: str) -> None:
        super().__init__("the extractor cannot work on this input")
        self.reason = reason
