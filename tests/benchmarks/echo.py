"""The least that an RPC can cost: a server that gives back what it got.

`ECHO_BIND=unix:path python -m tests.benchmarks.echo` serves until SIGTERM.
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2_grpc

SERVICE = "benchmark.Echo"
METHOD = f"/{SERVICE}/Echo"


async def _echo(request: bytes, _: Any) -> bytes:
    return request


async def serve(address: str) -> None:
    """Serve bytes without a serializer, and health, until SIGTERM."""
    server = grpc.aio.server()
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(_echo)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {"Echo": handler}),)
    )
    health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
    server.add_insecure_port(address)
    await server.start()
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    await server.stop(1)


if __name__ == "__main__":
    asyncio.run(serve(os.environ["ECHO_BIND"]))
