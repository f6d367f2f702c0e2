"""A chat completions endpoint whose every answer is put into its mouth by a test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What is sent back, and when: `gate` holds it until it is set."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    gate: asyncio.Event | None = None
    hang_up: bool = False


@dataclass(frozen=True)
class Asked:
    """A request: its JSON, its headers in lower case, and when it came by the loop's clock."""

    body: dict[str, Any]
    headers: dict[str, str]
    path: str
    time: float

    @property
    def system(self) -> str:
        text: str = self.body["messages"][0]["content"]
        return text

    @property
    def user(self) -> str:
        """What all messages but the system's say."""
        return "\n".join(each["content"] for each in self.body["messages"][1:])

    @property
    def format(self) -> str:
        kind: str = self.body.get("response_format", {}).get("type", "none")
        return kind


def says(
    text: str | None, *, finish: str = "stop", tokens: tuple[int, int] = (10, 5), **answer: Any
) -> Answer:
    """An answer of the model."""
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": finish}
    usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
    return Answer(json.dumps({"choices": [choice], "usage": usage}).encode(), **answer)


def asks(*calls: tuple[str, str], text: str | None = None) -> Answer:
    """An answer that calls tools, each by name and arguments."""
    made = [
        {"id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for n, (name, arguments) in enumerate(calls)
    ]
    message = {"role": "assistant", "content": text, "tool_calls": made}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    return Answer(json.dumps({"choices": [choice]}).encode())


def says_blocks(*blocks: dict[str, Any]) -> Answer:
    """An answer in Anthropic's form."""
    uses = any(block["type"] == "tool_use" for block in blocks)
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "scripted",
        "content": blocks,
        "stop_reason": "tool_use" if uses else "end_turn",
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }
    return Answer(json.dumps(message).encode(), headers={"content-type": "application/json"})


def fails_with(status: int, text: str = "no", **headers: str) -> Answer:
    """An error of the server, with the text in it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(json.dumps({"error": {"message": text}}).encode(), status, named)


HANGS_UP = Answer(b"", hang_up=True)


def memory(
    text: str, quote: str, message: int = 1, event_time: str | None = None, **fields: Any
) -> dict[str, Any]:
    """An item as a good model gives it."""
    return {
        "message": message,
        "quote": quote,
        "text": text,
        "type": "semantic",
        "topics": ["home"],
        "entities": [],
        "event_time": event_time,
        "confidence": 0.9,
        **fields,
    }


def memories(*items: Any) -> str:
    return json.dumps({"memories": items})


def sentences(*texts: Any) -> str:
    return json.dumps({"sentences": texts})


class ScriptedLlm:
    """Answers by the script, in order, and then by `otherwise`; keeps what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[Asked] = []
        self.script: list[Answer] = []
        self.otherwise: Callable[[Asked], Answer] = lambda _: says(memories())
        self.waiting = 0
        self.most_waiting = 0
        self.given_up = 0

    def will(self, *answers: Answer) -> None:
        self.script.extend(answers)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (asked := await _request(reader)) is not None:
                await self._answer(asked, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(
        self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.asked.append(asked)
        answer = self.script.pop(0) if self.script else self.otherwise(asked)
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        try:
            if answer.gate is not None and not await _opens(answer.gate, reader):
                self.given_up += 1
                raise ConnectionError
        finally:
            self.waiting -= 1
        if answer.hang_up:
            raise ConnectionError
        writer.write(_response(answer))
        await writer.drain()


@asynccontextmanager
async def scripted_llm() -> AsyncIterator[ScriptedLlm]:
    llm = ScriptedLlm()
    tasks: set[asyncio.Task[None]] = set()

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(llm.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    llm.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield llm
    finally:
        server.close()
        left: Sequence[asyncio.Task[None]] = list(tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _opens(gate: asyncio.Event, reader: asyncio.StreamReader) -> bool:
    """Whether the gate opens before the caller hangs up."""
    opening = asyncio.ensure_future(gate.wait())
    hanging_up = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait([opening, hanging_up], return_when=asyncio.FIRST_COMPLETED)
        return opening.done()
    finally:
        opening.cancel()
        hanging_up.cancel()
        await asyncio.gather(opening, hanging_up, return_exceptions=True)


async def _request(reader: asyncio.StreamReader) -> Asked | None:
    head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
    if not head:
        return None
    first, *lines = head.decode().strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers["content-length"]))
    time = asyncio.get_running_loop().time()
    return Asked(json.loads(body), headers, first.split()[1], time)


def _response(answer: Answer) -> bytes:
    headers = {"content-length": str(len(answer.body)), **answer.headers}
    lines = [f"HTTP/1.1 {answer.status} -", *(f"{name}: {headers[name]}" for name in headers)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + answer.body
