"""The table: every RPC, and every way in which its request can name a thing of another owner.

To add an RPC, add its ways here. A test compares the table with the contract: an RPC without a row
fails, and so does a field that names things and is in none. The same holds for tools.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from agentmemory.v1 import memory_pb2
from agentmemory.v1 import memory_service_pb2 as pb
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from tests.security.victim import KEPT_AS_IT_IS, MARK, NAMESPACE, TENANT, Names

KEEPS_NOTHING = "ExtractorService"
"""A service in whose requests nothing can be named, because it keeps nothing."""

ScopeOf = Callable[[str], memory_pb2.Scope]


@dataclass(frozen=True)
class Asked:
    """Who asks (`scope` of a session, "" for none), and how the thing is named."""

    scope: ScopeOf
    names: Names
    revision: int
    known: Timestamp


@dataclass(frozen=True)
class Way:
    """A request that names something; `before`, its owner makes a request that lets it be there.

    `told_apart`: the owner is answered otherwise than anybody else, so the name is a good one.
    """

    name: str
    request: Callable[[Asked], Message]
    before: Callable[[Asked], Message] | None = None
    told_apart: bool = True
    needs_cursor: bool = False


def said(**fields: Any) -> memory_pb2.Message:
    return memory_pb2.Message(role=memory_pb2.ROLE_USER, content="Hello.", **fields)


def tag(field: memory_pb2.TagField.ValueType, value: str) -> memory_pb2.Filter:
    condition = memory_pb2.TagCondition(field=field, equals=value)
    return memory_pb2.Filter(must=[memory_pb2.Condition(tag=condition)])


def anything() -> memory_pb2.Filter:
    """A filter that leaves nothing out."""
    condition = memory_pb2.TagCondition(field=memory_pb2.TAG_FIELD_ID, equals="nobody's")
    return memory_pb2.Filter(must_not=[memory_pb2.Condition(tag=condition)])


FILTERS: dict[str, Callable[[Asked], memory_pb2.Filter]] = {
    "id": lambda a: tag(memory_pb2.TAG_FIELD_ID, a.names.memory),
    "session": lambda a: tag(memory_pb2.TAG_FIELD_SESSION_ID, a.names.session),
    "message": lambda a: tag(memory_pb2.TAG_FIELD_MESSAGE_ID, a.names.message),
    "topic": lambda a: tag(memory_pb2.TAG_FIELD_TOPIC, a.names.topic),
    "slot": lambda a: tag(memory_pb2.TAG_FIELD_SLOT, a.names.slot),
    "anything": lambda a: anything(),
}
ALL_TYPES = [
    memory_pb2.MEMORY_TYPE_SEMANTIC,
    memory_pb2.MEMORY_TYPE_EPISODIC,
    memory_pb2.MEMORY_TYPE_MESSAGE,
]


def as_of(asked: Asked) -> memory_pb2.AsOf:
    return memory_pb2.AsOf(record_time=asked.known)


def repeated(make: Callable[[Asked, str], Message], **given: Any) -> Way:
    """The request id of another's write, with other arguments."""
    return Way("request_id", lambda a: make(a, "other"), lambda a: make(a, "first"), **given)


def by_session(kind: Any, **more: Any) -> Callable[[Asked], Message]:
    def request(asked: Asked) -> Message:
        made: Message = kind(scope=asked.scope(asked.names.session), **more)
        return made

    return request


def own(asked: Asked) -> memory_pb2.Scope:
    """Return the scope without a session."""
    return asked.scope("")


def called(
    tool: str, arguments: Callable[[Asked], dict[str, Any]], **given: Any
) -> Callable[[Asked], pb.CallToolRequest]:
    """Return what a chat model's call of a tool comes to; its scope is that of a session."""

    def request(asked: Asked) -> pb.CallToolRequest:
        made = memory_pb2.ToolCall(name=tool, arguments=json.dumps(arguments(asked)))
        return pb.CallToolRequest(scope=asked.scope(asked.names.session), call=made, **given)

    return request


def noted(text: str) -> dict[str, Any]:
    return {"memories": [{"text": text}]}


TOOL_WAYS: dict[str, dict[str, Callable[[Asked], dict[str, Any]]]] = {
    "search_memories": {
        "words": lambda a: {"query": f"Who keeps bees in {MARK}?"},
        "topic": lambda a: {"query": "bees", "topics": [a.names.topic]},
    },
    # In letters that make it the same memory, and leave the victim's mark out.
    "create_memories": {"what is known": lambda a: noted("she keeps bees in zanzibar.")},
    "edit_memory": {
        "id": lambda a: {"id": a.names.memory, "text": "Changed."},
        "another's text": lambda a: {"id": a.names.memory, "text": f"She sings in {MARK}."},
    },
    "delete_memories": {"ids": lambda a: {"ids": [a.names.memory, a.names.superseded]}},
    "get_memory": {
        "id": lambda a: {"id": a.names.memory},
        "deleted": lambda a: {"id": a.names.deleted},
        "superseded": lambda a: {"id": a.names.superseded},
    },
    "read_session": {"session": lambda a: {}},
    "update_session_data": {"session": lambda a: {"data": {"a": 1}}},
    "add_to_working_memory": {"session": lambda a: noted("She sails.")},
    "get_current_datetime": {"nothing": lambda a: {}},
}
"""Every tool, and every way in which its arguments can name things of another owner."""

SAME_FOR_ALL = {
    ("get_memory", "deleted"),
    ("add_to_working_memory", "session"),
    ("get_current_datetime", "nothing"),
}
"""What its owner is answered as anybody is, in these words."""

WHOSE: dict[str, Callable[[Asked], Any]] = {
    "tenant": lambda a: TENANT,
    "namespace": lambda a: NAMESPACE,
    "user_id": lambda a: "alice",
    "session_id": lambda a: a.names.session,
    "scope": lambda a: {"namespace": NAMESPACE, "user_id": "alice"},
}
"""Arguments by which a model might try to say whose memory it wants."""

WRITING_TOOLS = {
    "create_memories": lambda a, name: noted(f"The {name} one."),
    "edit_memory": lambda a, name: {"id": a.names.memory, "topics": [a.names.topic, name]},
    "delete_memories": lambda a, name: {"ids": [name]},
    "update_session_data": lambda a, name: {"data": {"a": name}},
    "add_to_working_memory": lambda a, name: noted(f"The {name} one."),
}


def tool_ways() -> Iterator[Way]:
    """Yield every tool with everything that it can be given."""
    everywhere = {"visibility": memory_pb2.VISIBILITY_OWN_AND_SHARED}
    for tool, ways in TOOL_WAYS.items():
        for name, arguments in ways.items():
            request = called(tool, arguments, **everywhere)
            apart = (tool, name) not in SAME_FOR_ALL
            yield Way(f"{tool} by {name}", request, told_apart=apart)
        good = next(iter(ways.values()))
        for name, whose in WHOSE.items():

            def claimed(a: Asked, good: Any = good, name: str = name, whose: Any = whose) -> Any:
                return {**good(a), name: whose(a)}

            yield Way(f"{tool} with {name}", called(tool, claimed), told_apart=False)


WAYS: dict[str, tuple[Way, ...]] = {
    "AppendMessages": (
        Way(
            "session",
            lambda a: pb.AppendMessagesRequest(
                scope=a.scope(a.names.session), messages=[said()], options=KEPT_AS_IT_IS
            ),
        ),
        Way(
            "message id",
            lambda a: pb.AppendMessagesRequest(
                scope=a.scope(a.names.session), messages=[said(id=a.names.message)]
            ),
        ),
        Way(
            "etag",
            lambda a: pb.AppendMessagesRequest(
                scope=a.scope(a.names.session),
                messages=[said()],
                etag=a.names.session_etag,
            ),
        ),
        Way(
            "memory id",
            lambda a: pb.AppendMessagesRequest(
                scope=a.scope(a.names.session),
                memories=[memory_pb2.Memory(id=a.names.memory, text="Something else.")],
            ),
        ),
        repeated(
            lambda a, name: pb.AppendMessagesRequest(
                scope=a.scope(a.names.session),
                messages=[said(name=name)],
                request_id=a.names.request,
            )
        ),
    ),
    "GetWorkingMemory": (
        Way("session", by_session(pb.GetWorkingMemoryRequest)),
        Way("or make it", by_session(pb.GetWorkingMemoryRequest, create_if_missing=True)),
    ),
    "PutWorkingMemory": (
        Way(
            "session",
            lambda a: pb.PutWorkingMemoryRequest(
                session=memory_pb2.Session(scope=a.scope(a.names.session)),
                messages=[said(id=a.names.message)],
            ),
        ),
        Way(
            "etag",
            lambda a: pb.PutWorkingMemoryRequest(
                session=memory_pb2.Session(scope=a.scope(a.names.session)),
                etag=a.names.session_etag,
            ),
            told_apart=False,
        ),
        repeated(
            lambda a, name: pb.PutWorkingMemoryRequest(
                session=memory_pb2.Session(scope=a.scope(f"{a.names.session} 2"), context=name),
                request_id=a.names.request,
            )
        ),
    ),
    "PatchWorkingMemoryData": (
        Way("session", by_session(pb.PatchWorkingMemoryDataRequest, data={"a": 1})),
        Way(
            "etag",
            lambda a: pb.PatchWorkingMemoryDataRequest(
                scope=a.scope("unknown"), data={"a": 1}, etag=a.names.session_etag
            ),
            told_apart=False,
        ),
        repeated(
            lambda a, name: pb.PatchWorkingMemoryDataRequest(
                scope=a.scope(a.names.session), data={"a": name}, request_id=a.names.request
            )
        ),
    ),
    "DeleteWorkingMemory": (
        Way("session", by_session(pb.DeleteWorkingMemoryRequest)),
        Way(
            "etag",
            lambda a: pb.DeleteWorkingMemoryRequest(
                scope=a.scope("unknown"), etag=a.names.session_etag
            ),
            told_apart=False,
        ),
        repeated(
            lambda a, name: pb.DeleteWorkingMemoryRequest(
                scope=a.scope(f"{a.names.session} 2"),
                extract_first=name == "other",
                request_id=a.names.request,
            )
        ),
    ),
    "ListSessions": (
        Way("owner", lambda a: pb.ListSessionsRequest(scope=own(a))),
        Way(
            "page token",
            lambda a: pb.ListSessionsRequest(
                scope=own(a), page_size=1, page_token=a.names.sessions_token
            ),
        ),
    ),
    "FlushSession": (Way("session", by_session(pb.FlushSessionRequest)),),
    "GetExtractionStatus": (Way("session", by_session(pb.GetExtractionStatusRequest)),),
    "RetryExtraction": (
        Way("session", by_session(pb.RetryExtractionRequest)),
        Way("range", by_session(pb.RetryExtractionRequest, first_sequences=[1])),
        repeated(
            lambda a, name: pb.RetryExtractionRequest(
                scope=a.scope(a.names.session),
                first_sequences=[1] if name == "other" else [],
                request_id=a.names.request,
            )
        ),
    ),
    "CreateMemories": (
        Way(
            "id",
            lambda a: pb.CreateMemoriesRequest(
                scope=a.scope(a.names.session),
                memories=[memory_pb2.Memory(id=a.names.memory, text="Something else.")],
            ),
        ),
        Way(
            "supersedes",
            lambda a: pb.CreateMemoriesRequest(
                scope=a.scope(a.names.session),
                memories=[
                    memory_pb2.Memory(text="It is otherwise.", supersedes=[a.names.superseded])
                ],
            ),
        ),
        Way(
            "slot",
            lambda a: pb.CreateMemoriesRequest(
                scope=a.scope(a.names.session),
                memories=[memory_pb2.Memory(text="She lives on the moon.", slot=a.names.slot)],
            ),
        ),
        repeated(
            lambda a, name: pb.CreateMemoriesRequest(
                scope=a.scope(a.names.session),
                memories=[memory_pb2.Memory(text=f"The {name} one.")],
                request_id=a.names.request,
            )
        ),
    ),
    "GetMemory": (
        Way("id", lambda a: pb.GetMemoryRequest(scope=own(a), id=a.names.memory)),
        Way(
            "id in its session",
            lambda a: pb.GetMemoryRequest(scope=a.scope(a.names.session), id=a.names.memory),
        ),
    ),
    "BatchGetMemories": (
        Way(
            "ids",
            lambda a: pb.BatchGetMemoriesRequest(
                scope=own(a), ids=[a.names.memory, a.names.superseded]
            ),
        ),
    ),
    "UpdateMemory": (
        Way(
            "id",
            lambda a: pb.UpdateMemoryRequest(
                scope=own(a),
                memory=memory_pb2.Memory(id=a.names.memory, text="Changed."),
                update_mask={"paths": ["text"]},
            ),
        ),
        Way(
            "etag",
            lambda a: pb.UpdateMemoryRequest(
                scope=own(a),
                memory=memory_pb2.Memory(id=a.names.memory, pinned=True, etag=a.names.memory_etag),
                update_mask={"paths": ["pinned"]},
            ),
        ),
        repeated(
            lambda a, name: pb.UpdateMemoryRequest(
                scope=own(a),
                memory=memory_pb2.Memory(id=a.names.memory, topics=[a.names.topic, name]),
                update_mask={"paths": ["topics"]},
                request_id=a.names.request,
            )
        ),
    ),
    "DeleteMemories": (
        Way(
            "ids, counted",
            lambda a: pb.DeleteMemoriesRequest(scope=own(a), ids=[a.names.memory], dry_run=True),
        ),
        Way("ids", lambda a: pb.DeleteMemoriesRequest(scope=own(a), ids=[a.names.memory])),
        Way(
            "etag",
            lambda a: pb.DeleteMemoriesRequest(
                scope=own(a), ids=[a.names.memory], etag=a.names.memory_etag
            ),
        ),
        *(
            Way(
                f"filter by {name}",
                lambda a, make=make: pb.DeleteMemoriesRequest(  # type: ignore[misc]
                    scope=own(a), filter=make(a), dry_run=True
                ),
            )
            for name, make in FILTERS.items()
        ),
        repeated(
            lambda a, name: pb.DeleteMemoriesRequest(
                scope=own(a), ids=[name], request_id=a.names.request
            )
        ),
    ),
    "RestoreMemory": (
        Way("id", lambda a: pb.RestoreMemoryRequest(scope=own(a), id=a.names.deleted)),
        Way(
            "revision",
            lambda a: pb.RestoreMemoryRequest(scope=own(a), id=a.names.memory, revision=2),
            told_apart=False,
        ),
        Way(
            "etag",
            lambda a: pb.RestoreMemoryRequest(
                scope=own(a), id=a.names.memory, etag=a.names.memory_etag
            ),
        ),
        repeated(
            lambda a, name: pb.RestoreMemoryRequest(
                scope=own(a),
                id=a.names.deleted if name == "first" else a.names.memory,
                request_id=a.names.request,
            )
        ),
    ),
    "ListMemories": (
        Way("owner", lambda a: pb.ListMemoriesRequest(scope=own(a), types=ALL_TYPES)),
        Way(
            "what is shared, too",
            lambda a: pb.ListMemoriesRequest(
                scope=own(a), visibility=memory_pb2.VISIBILITY_OWN_AND_SHARED
            ),
        ),
        *(
            Way(
                f"filter by {name}",
                lambda a, make=make: pb.ListMemoriesRequest(  # type: ignore[misc]
                    scope=own(a), filter=make(a), types=ALL_TYPES, include_superseded=True
                ),
            )
            for name, make in FILTERS.items()
        ),
        Way("as_of", lambda a: pb.ListMemoriesRequest(scope=own(a), as_of=as_of(a))),
        Way(
            "min_revision",
            lambda a: pb.ListMemoriesRequest(scope=own(a), min_revision=a.revision),
        ),
        Way(
            "page token",
            lambda a: pb.ListMemoriesRequest(
                scope=own(a), page_size=1, page_token=a.names.memories_token
            ),
        ),
    ),
    "ListMemoryRevisions": (
        Way("id", lambda a: pb.ListMemoryRevisionsRequest(scope=own(a), id=a.names.memory)),
        Way(
            "deleted",
            lambda a: pb.ListMemoryRevisionsRequest(scope=own(a), id=a.names.deleted),
        ),
        Way(
            "page token",
            lambda a: pb.ListMemoryRevisionsRequest(
                scope=own(a), id=a.names.memory, page_size=1, page_token=a.names.history_token
            ),
        ),
    ),
    "SearchMemories": (
        *(
            Way(
                f"words, {memory_pb2.SearchMode.Name(mode)}",
                lambda a, mode=mode: pb.SearchMemoriesRequest(  # type: ignore[misc]
                    scope=own(a),
                    query="Who keeps bees in Zanzibar?",
                    options=memory_pb2.SearchOptions(
                        mode=mode,
                        types=ALL_TYPES,
                        visibility=memory_pb2.VISIBILITY_OWN_AND_SHARED,
                    ),
                ),
            )
            for mode in memory_pb2.SearchMode.values()
        ),
        *(
            Way(
                f"filter by {name}",
                lambda a, make=make: pb.SearchMemoriesRequest(  # type: ignore[misc]
                    scope=own(a),
                    query="bees",
                    options=memory_pb2.SearchOptions(filter=make(a), types=ALL_TYPES),
                ),
            )
            for name, make in FILTERS.items()
        ),
        Way(
            "as_of",
            lambda a: pb.SearchMemoriesRequest(
                scope=own(a), query="bees", options=memory_pb2.SearchOptions(as_of=as_of(a))
            ),
        ),
        Way(
            "min_revision",
            lambda a: pb.SearchMemoriesRequest(
                scope=own(a),
                query="bees",
                options=memory_pb2.SearchOptions(min_revision=a.revision),
            ),
        ),
    ),
    "BuildPrompt": (
        Way(
            "session",
            lambda a: pb.BuildPromptRequest(scope=a.scope(a.names.session), query="bees"),
        ),
        Way("words", lambda a: pb.BuildPromptRequest(scope=own(a), query="Zanzibar")),
        Way(
            "options",
            lambda a: pb.BuildPromptRequest(
                scope=own(a),
                query="bees",
                options=memory_pb2.SearchOptions(
                    filter=tag(memory_pb2.TAG_FIELD_TOPIC, a.names.topic), as_of=as_of(a)
                ),
            ),
        ),
        Way(
            "min_revision",
            lambda a: pb.BuildPromptRequest(
                scope=own(a),
                query="bees",
                options=memory_pb2.SearchOptions(min_revision=a.revision),
            ),
        ),
    ),
    "ListTools": (
        Way(
            "names, which it has no use for",
            lambda a: pb.ListToolsRequest(
                overrides=[pb.ToolOverride(tool="get_memory", description=a.names.memory)]
            ),
            told_apart=False,
        ),
    ),
    "CallTool": (
        *tool_ways(),
        Way(
            "get_memory as a model's client gives it",
            lambda a: pb.CallToolRequest(
                scope=own(a),
                call_json=json.dumps(
                    {"id": "toolu_1", "name": "get_memory", "input": {"id": a.names.memory}}
                ),
            ),
        ),
        *(
            repeated(
                lambda a, name, tool=tool, of=arguments: called(  # type: ignore[misc]
                    tool, lambda a: of(a, name), request_id=f"{a.names.request} {tool}"
                )(a)
            )
            for tool, arguments in WRITING_TOOLS.items()
        ),
    ),
    "WatchMemories": (
        Way("owner", lambda a: pb.WatchMemoriesRequest(scope=own(a), after_revision=0)),
        Way(
            "after_revision",
            lambda a: pb.WatchMemoriesRequest(scope=own(a), after_revision=a.revision - 1),
        ),
    ),
    "ForgetMemories": (
        Way("owner", lambda a: pb.ForgetMemoriesRequest(scope=own(a), max_memories=0)),
        repeated(
            lambda a, name: pb.ForgetMemoriesRequest(
                scope=own(a),
                max_memories=1000 if name == "first" else 999,
                confirm=True,
                request_id=a.names.request,
            )
        ),
    ),
    "EraseUser": (
        Way("user", lambda a: pb.EraseUserRequest(scope=own(a)), told_apart=False),
        repeated(
            lambda a, name: pb.EraseUserRequest(scope=own(a), request_id=a.names.request),
            told_apart=False,
        ),
    ),
    "ExportMemories": (
        Way("owner", lambda a: pb.ExportMemoriesRequest(scope=own(a))),
        Way(
            "cursor",
            lambda a: pb.ExportMemoriesRequest(scope=own(a), cursor=a.names.cursor),
            needs_cursor=True,
        ),
    ),
    "ImportMemories": (
        Way(
            "memory id",
            lambda a: pb.ImportMemoriesRequest(
                scope=own(a),
                records=[
                    pb.ExportRecord(
                        memory=memory_pb2.Memory(
                            id=a.names.memory,
                            text="Imported.",
                            type=memory_pb2.MEMORY_TYPE_SEMANTIC,
                            create_time=a.known,
                            update_time=a.known,
                            revision=1,
                            confidence=1,
                            scope=memory_pb2.Scope(namespace="support", user_id="alice"),
                        )
                    )
                ],
            ),
        ),
        Way(
            "session id",
            lambda a: pb.ImportMemoriesRequest(
                scope=own(a),
                records=[
                    pb.ExportRecord(
                        session=pb.ExportedSession(
                            session=memory_pb2.Session(
                                scope=memory_pb2.Scope(
                                    namespace="support",
                                    user_id="alice",
                                    session_id=a.names.session,
                                ),
                                create_time=a.known,
                                update_time=a.known,
                                message_count=1,
                            )
                        )
                    ),
                ],
            ),
        ),
        Way(
            "deleted fact",
            lambda a: pb.ImportMemoriesRequest(
                scope=own(a), records=[pb.ExportRecord(deleted_fact=a.names.memory)]
            ),
            told_apart=False,
        ),
    ),
}
