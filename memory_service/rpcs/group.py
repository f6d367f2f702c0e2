"""What all groups of RPCs share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import grpc.aio
from google.protobuf.message import Message

from memory_service.clock import Clock
from memory_service.erasing import Erasing
from memory_service.exporting import Exporting
from memory_service.flush import Flush
from memory_service.forgetting import Forgetting
from memory_service.guarding import Guard
from memory_service.history import History
from memory_service.importing import Importing
from memory_service.listing import Listing
from memory_service.long_term import LongTermMemory
from memory_service.page_tokens import PageTokens
from memory_service.prompts.building import Prompts
from memory_service.reading import Reading
from memory_service.revisions import Revisions
from memory_service.search import Search
from memory_service.store.sessions import SessionStore
from memory_service.tools.toolbox import Toolbox
from memory_service.translate import calls
from memory_service.updating import MemoryUpdates
from memory_service.use_notes import UseNotes
from memory_service.watching import Watching
from memory_service.working_memory import WorkingMemory
from service_kit.auth import current_identity

Context: TypeAlias = "grpc.aio.ServicerContext[object, object]"


@dataclass(frozen=True, slots=True)
class Parts:
    """What the RPCs call."""

    sessions: SessionStore
    reading: Reading
    prompts: Prompts
    model_windows: Mapping[str, int]
    flush: Flush
    working_memory: WorkingMemory
    long_term: LongTermMemory
    updates: MemoryUpdates
    history: History
    listing: Listing
    search: Search
    toolbox: Toolbox
    revisions: Revisions
    page_tokens: PageTokens
    watching: Watching
    erasing: Erasing
    exporting: Exporting
    importing: Importing
    forgetting: Forgetting
    use: UseNotes
    guard: Guard
    clock: Clock


class RpcGroup:
    """Some RPCs of the service; each translates, calls, translates."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts


def tenant() -> str:
    """Return the tenant of the caller."""
    return current_identity().tenant


def page_arguments(request: Message) -> bytes:
    """Return what a page token is good for: these arguments, of this tenant."""
    # The tenant is no field of the request, but a token is good for one tenant only.
    return tenant().encode() + b"\0" + calls.arguments_of(request, "page_token", "page_size")
