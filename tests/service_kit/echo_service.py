"""A service without generated code, with a method of each kind and style, that does as it is told.

The text of a request says what happens: ``echo`` is echoed, other words fail as ``_obey`` has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

import grpc
import grpc.aio
from google.protobuf import wrappers_pb2
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.wrappers_pb2 import StringValue
from prometheus_client import CollectorRegistry

from service_kit.access import Rule
from service_kit.auth import AnonymousAuthenticator, Role, current_identity
from service_kit.channel import open_channel
from service_kit.errors import FieldViolation, ServiceError
from service_kit.health import Health
from service_kit.interceptors import standard_interceptors
from service_kit.server import BoundServer, Service, build_server
from service_kit.settings import ServerSettings

SERVICE = "test.Echo"
MARKER = "what-a-user-said-in-confidence"
LOOPBACK = "127.0.0.1:0"

KINDS = {
    "Unary": "unary",
    "ServerStream": "server_stream",
    "ServerStreamWriter": "server_stream",
    "ClientStream": "client_stream",
    "Bidi": "bidi_stream",
    "BidiReader": "bidi_stream",
}


@dataclass
class Echo:
    """What the handlers saw; ``gate`` lets those go on that were told to wait."""

    unavailable: int = 0  # so many calls that say "try" are answered UNAVAILABLE
    calls: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    cleaned_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def unary(self, request: StringValue, context: Any) -> StringValue:
        return await self._obey(request, context)

    async def server_stream(self, request: StringValue, context: Any) -> AsyncIterator[StringValue]:
        yield await self._obey(StringValue(value="echo"), context)
        yield await self._obey(request, context)

    async def server_stream_writer(self, request: StringValue, context: Any) -> None:
        await context.write(await self._obey(StringValue(value="echo"), context))
        await context.write(await self._obey(request, context))

    async def client_stream(
        self, requests: AsyncIterator[StringValue], context: Any
    ) -> StringValue:
        answers = [await self._obey(request, context) async for request in requests]
        return StringValue(value=" ".join(answer.value for answer in answers))

    async def bidi(
        self, requests: AsyncIterator[StringValue], context: Any
    ) -> AsyncIterator[StringValue]:
        async for request in requests:
            yield await self._obey(request, context)

    async def bidi_reader(self, requests: AsyncIterator[StringValue], context: Any) -> None:
        while (request := await context.read()) is not grpc.aio.EOF:
            await context.write(await self._obey(request, context))

    def not_served(self, request: StringValue, context: Any) -> NoReturn:
        """What protoc generates for a method that a servicer does not define."""
        context.set_code(grpc.StatusCode.UNIMPLEMENTED)
        context.set_details("Method not implemented!")
        raise NotImplementedError("Method not implemented!")

    async def _obey(self, request: StringValue, context: Any) -> StringValue:
        self.calls += 1
        match request.value:
            case "try" if self.calls <= self.unavailable:
                raise ServiceError(grpc.StatusCode.UNAVAILABLE, "OVERLOADED", "not now")
            case "refuse":
                raise refusal()
            case "break":
                raise RuntimeError(MARKER)
            case "abort":
                await context.abort(grpc.StatusCode.DATA_LOSS, "said by the handler")
            case "set-code":
                context.set_code(grpc.StatusCode.OUT_OF_RANGE)
            case "cancel-own-work":
                raise asyncio.CancelledError(MARKER)
            case "whoami":
                return StringValue(value=repr(current_identity()))
            case "wait":
                await self._wait()
        return request

    async def _wait(self) -> None:
        self.waiting.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            await asyncio.sleep(0.05)  # cleaning up takes a while
            raise
        finally:
            self.cleaned_up.set()

    def add_to(self, server: grpc.aio.Server) -> None:
        """Register all methods, as generated code does."""
        methods: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
            "Unary": (grpc.unary_unary_rpc_method_handler, self.unary),
            "ServerStream": (grpc.unary_stream_rpc_method_handler, self.server_stream),
            "ServerStreamWriter": (grpc.unary_stream_rpc_method_handler, self.server_stream_writer),
            "ClientStream": (grpc.stream_unary_rpc_method_handler, self.client_stream),
            "Bidi": (grpc.stream_stream_rpc_method_handler, self.bidi),
            "BidiReader": (grpc.stream_stream_rpc_method_handler, self.bidi_reader),
            "NotServed": (grpc.unary_unary_rpc_method_handler, self.not_served),
            "NotServedStream": (grpc.stream_stream_rpc_method_handler, self.not_served),
        }
        handlers = {
            name: handler(function, StringValue.FromString, StringValue.SerializeToString)
            for name, (handler, function) in methods.items()
        }
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])

    @property
    def descriptor(self) -> ServiceDescriptor:
        """What generated code would have in its DESCRIPTOR, in a pool of its own."""
        text = ".google.protobuf.StringValue"
        file = FileDescriptorProto(name="echo.proto", package="test", syntax="proto3")
        file.dependency.append("google/protobuf/wrappers.proto")
        service = file.service.add(name="Echo")
        for name, kind in KINDS.items():
            service.method.add(
                name=name,
                input_type=text,
                output_type=text,
                client_streaming=kind in ("client_stream", "bidi_stream"),
                server_streaming=kind in ("server_stream", "bidi_stream"),
            )
        pool = DescriptorPool()
        pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
        pool.Add(file)
        return pool.FindServiceByName(SERVICE)

    @property
    def service(self) -> Service:
        return Service(SERVICE, self.add_to)


RULES = {f"{SERVICE}/{method}": Rule(Role.READ) for method in (*KINDS, "NotServed")}


def standard(registry: CollectorRegistry) -> list[grpc.aio.ServerInterceptor]:
    """The interceptors that a service has, for anonymous callers."""
    return standard_interceptors(registry, AnonymousAuthenticator(), RULES, settings())


def refusal() -> ServiceError:
    return ServiceError(
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_FIELD",
        "the word is not liked",
        violations=[FieldViolation("word", "should be another")],
    )


def settings(**given: Any) -> ServerSettings:
    return ServerSettings(**{"bind": LOOPBACK} | given)


@dataclass
class Running:
    """A server that serves the echo service, and a channel to it."""

    bound: BoundServer
    channel: grpc.aio.Channel
    echo: Echo

    def open(self, method: str, word: str, seconds: float = 20) -> Any:
        """Begin a call that tells the handler one word."""
        factory = {
            "Unary": self.channel.unary_unary,
            "NotServed": self.channel.unary_unary,
            "Unknown": self.channel.unary_unary,
            "ServerStream": self.channel.unary_stream,
            "ServerStreamWriter": self.channel.unary_stream,
            "ClientStream": self.channel.stream_unary,
        }.get(method, self.channel.stream_stream)
        callable_ = factory(
            f"/{SERVICE}/{method}", StringValue.SerializeToString, StringValue.FromString
        )
        request = StringValue(value=word)
        streamed = method not in ("Unary", "NotServed", "Unknown") and "Server" not in method
        return callable_(iter([request]) if streamed else request, timeout=seconds)

    async def call(self, method: str, word: str, seconds: float = 20) -> list[str]:
        """Call to the end and return the texts of the answers."""
        call = self.open(method, word, seconds)
        if hasattr(call, "__aiter__"):
            return [response.value async for response in call]
        return [(await call).value]

    async def error(self, method: str, word: str, seconds: float = 20) -> Any:
        """Call, and return the error that it must end with."""
        try:
            answers = await self.call(method, word, seconds)
        except grpc.aio.AioRpcError as error:
            return error
        raise AssertionError(f"{method} answered {answers}")


async def code_at_end(call: Any) -> grpc.StatusCode:
    """Read all answers of a call and return its status code."""
    try:
        if hasattr(call, "__aiter__"):
            async for _ in call:
                pass
        else:
            await call
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


@asynccontextmanager
async def serving(
    interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
    health: Health | None = None,
    **given: Any,
) -> AsyncIterator[Running]:
    """Serve the echo service on a free port of loopback."""
    echo = Echo()
    async with health or Health({SERVICE: []}) as served_health:
        bound = build_server(
            settings(**given),
            services=[echo.service],
            health=served_health,
            interceptors=interceptors,
        )
        await bound.server.start()
        try:
            async with open_channel(f"127.0.0.1:{bound.port}") as channel:
                yield Running(bound, channel, echo)
        finally:
            await bound.server.stop(None)
            await bound.in_flight.until_idle()
