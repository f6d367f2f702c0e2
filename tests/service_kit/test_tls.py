"""TLS on real sockets: certificates of both sides, rotation, and a health port without."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from service_kit import keys
from service_kit.auth.assembly import authenticator
from service_kit.binding import BindError
from service_kit.channel import open_channel
from service_kit.errors import read_error
from service_kit.health import Health
from service_kit.interceptors import ErrorsInterceptor, IdentityInterceptor
from service_kit.server import build_server
from service_kit.tls import ClientCertificates, ClientFiles, ServerFiles, server_credentials
from service_kit.watched_file import FileError
from tests.service_kit.echo_service import SERVICE, Echo, Running, settings
from tests.support.certificates import Pair, authority, client_pair, server_pair
from tests.support.waiting import wait_until

CERTIFICATES = {
    "certificates": [
        {"uri": "spiffe://test/agents/{tenant}", "role": "write", "namespaces": ["*"]},
        {"cn": "billing", "tenant": "acme", "role": "read", "namespaces": ["invoices"]},
    ]
}


GLOBEX = "spiffe://test/agents/globex"


class Pki:
    """An authority, and a server's and callers' files made by it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ca = authority()
        self.ca_file = directory / "ca.crt"
        self.ca_file.write_bytes(self.ca.cert_pem)
        self.cert, self.key = server_pair(self.ca).write(directory, "server")
        self.people = directory / "certificates.json"
        self.people.write_text(json.dumps(CERTIFICATES))

    def client(self, pair: Pair | None = None) -> ClientFiles:
        if pair is None:
            return ClientFiles(self.ca_file)
        return ClientFiles(self.ca_file, *pair.write(self.directory, "client"))

    def settings(self, **given: Any) -> dict[str, Any]:
        return {"tls_cert": self.cert, "tls_key": self.key} | given

    def mutual(self, **given: Any) -> dict[str, Any]:
        return self.settings(
            **{"auth_mode": "mtls", "tls_client_ca": self.ca_file} | given,
            certificates_file=self.people,
        )


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    return Pki(tmp_path)


@asynccontextmanager
async def serving(**given: Any) -> AsyncIterator[Any]:
    """Serve the echo service as the settings say; gives the server and the service."""
    echo, chosen = Echo(), settings(**given)
    async with Health({SERVICE: []}) as health:
        bound = build_server(
            chosen,
            services=[echo.service],
            health=health,
            interceptors=[ErrorsInterceptor(), IdentityInterceptor(authenticator(chosen))],
        )
        await health.refresh()
        for server in (bound.server, bound.health_server):
            if server is not None:
                await server.start()
        try:
            yield bound, echo
        finally:
            for server in (bound.server, bound.health_server):
                if server is not None:
                    await server.stop(None)


async def whoami(served: Any, tls: ClientFiles | None, token: str = "") -> str:
    bound, echo = served
    target = f"localhost:{bound.port}"
    # Not a connection that another channel has made already.
    options = [("grpc.use_local_subchannel_pool", 1)]
    shown = (lambda: token) if token else None
    async with open_channel(target, tls=tls, token=shown, extra_options=options) as channel:
        (answer,) = await Running(bound, channel, echo).call("Unary", "whoami", 5)
        return answer


async def tenant(running: Running) -> str:
    """Return the tenant that the server takes the channel's caller for."""
    (answer,) = await running.call("Unary", "whoami", 5)
    return str(answer).split("tenant='")[1].split("'")[0]


def shows(running: Running, expected: str) -> Callable[[], Awaitable[bool]]:
    async def shown() -> bool:
        return await tenant(running) == expected

    return shown


async def refusal(served: Any, tls: ClientFiles | None, token: str = "") -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await whoami(served, tls, token)
    return raised.value.code()


async def test_a_caller_is_known_by_a_uri_or_name_of_its_certificate(pki: Pki):
    async with serving(**pki.mutual()) as served:
        agent = client_pair(pki.ca, "anything", "spiffe://test/agents/globex")
        answer = await whoami(served, pki.client(agent))
        assert "tenant='globex', subject='spiffe://test/agents/globex'" in answer
        assert "role=<Role.WRITE: 2>" in answer
        answer = await whoami(served, pki.client(client_pair(pki.ca, "billing")))
        assert "tenant='acme', subject='billing', role=<Role.READ: 1>" in answer
        assert "frozenset({'invoices'}), expires=1" in answer


@pytest.mark.parametrize(
    "names",
    [
        ("stranger",),
        ("spiffe://test/agents/globex",),
        ("x", "spiffe://test/agents/globex/extra"),
        ("x", "spiffe://test/agents/"),
        ("x", "https://evil/?spiffe://test/agents/globex"),
        ("x", "billing"),
        ("billing2",),
    ],
)
async def test_a_certificate_that_stands_for_nobody_is_refused(pki: Pki, names: tuple[str, ...]):
    async with serving(**pki.mutual()) as served:
        pair = client_pair(pki.ca, *names)
        assert await refusal(served, pki.client(pair)) is grpc.StatusCode.UNAUTHENTICATED


async def test_no_certificate_one_of_another_ca_and_an_expired_one_do_not_connect(pki: Pki):
    async with serving(**pki.mutual()) as served:
        stranger = client_pair(authority("other"), "billing")
        old = client_pair(pki.ca, "billing", valid=-dt.timedelta(hours=1))
        for files in (None, pki.client(), pki.client(stranger), pki.client(old)):
            assert await refusal(served, files) is grpc.StatusCode.UNAVAILABLE


async def test_a_key_says_who_it_is_even_over_another_certificate(
    pki: Pki, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "keys.json"
    keys.main(["new", "--file", str(file), "--tenant", "initech"])
    key = capsys.readouterr().out.strip()
    async with serving(**pki.mutual(auth_mode="api_key,mtls", api_keys_file=file)) as served:
        files = pki.client(client_pair(pki.ca, "billing"))
        assert "tenant='acme'" in await whoami(served, files)
        assert "tenant='initech'" in await whoami(served, files, key)
        wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
        for bad in (wrong, "nonsense", "a.b.c"):
            assert await refusal(served, files, bad) is grpc.StatusCode.UNAUTHENTICATED


async def test_a_server_takes_up_a_new_certificate_by_itself(pki: Pki):
    async with serving(**pki.settings()) as served:
        assert await whoami(served, pki.client())
        fresh = authority("next ca")
        server_pair(fresh).write(pki.directory, "server")
        newer = pki.directory / "next.crt"
        newer.write_bytes(fresh.cert_pem)

        async def trusted() -> bool:
            try:
                return bool(await whoami(served, ClientFiles(newer)))
            except grpc.aio.AioRpcError:
                return False

        await wait_until(trusted, "the new certificate is shown", seconds=10)


async def test_a_channel_shows_a_new_certificate_by_itself_and_its_calls_go_on(pki: Pki):
    files = pki.client(client_pair(pki.ca, "billing"))
    async with (
        serving(**pki.mutual()) as (bound, echo),
        open_channel(f"localhost:{bound.port}", tls=files) as channel,
    ):
        running = Running(bound, channel, echo)
        assert await tenant(running) == "acme"
        begun = running.open("Bidi", "wait")
        await echo.waiting.wait()
        client_pair(pki.ca, "x", GLOBEX).write(pki.directory, "client")
        await wait_until(shows(running, "globex"), "the new certificate is shown", seconds=10)
        echo.gate.set()
        assert [answer.value async for answer in begun] == ["wait"]


async def test_a_channel_takes_up_no_certificate_without_its_key(
    pki: Pki, caplog: pytest.LogCaptureFixture
):
    files = pki.client(client_pair(pki.ca, "billing"))
    async with (
        serving(**pki.mutual()) as (bound, echo),
        open_channel(f"localhost:{bound.port}", tls=files) as channel,
    ):
        running, next_pair = Running(bound, channel, echo), client_pair(pki.ca, "x", GLOBEX)
        assert files.cert
        assert files.key
        files.cert.write_bytes(next_pair.cert_pem)

        async def seen() -> bool:
            assert await tenant(running) == "acme"
            return "do not belong together" in caplog.text

        await wait_until(seen, "the change is seen", seconds=10)
        files.key.write_bytes(next_pair.key_pem)
        await wait_until(shows(running, "globex"), "the new certificate is shown", seconds=10)
        assert caplog.text.count("do not belong together") == 1


@pytest.mark.parametrize("broken", ["cert", "key"])
def test_a_callers_certificate_and_key_of_two_pairs_are_one_clear_line(pki: Pki, broken: str):
    files = pki.client(client_pair(pki.ca, "billing"))
    other = client_pair(pki.ca, "billing")
    getattr(files, broken).write_bytes(getattr(other, f"{broken}_pem"))
    with pytest.raises(FileError, match=r"client\.crt: does not belong to the key"):
        ClientCertificates(files)


def test_files_of_a_caller_that_are_no_certificates_are_one_clear_line(pki: Pki):
    files = pki.client(client_pair(pki.ca, "billing"))
    for path in (files.ca, files.cert, files.key):
        assert path
        good = path.read_bytes()
        path.write_text("nonsense")
        with pytest.raises(FileError, match=r"\.(crt|key): is not PEM"):
            ClientCertificates(files)
        path.write_bytes(good)
    assert files.key
    files.key.write_text("-----BEGIN PRIVATE KEY-----\nnonsense")
    with pytest.raises(FileError, match="does not belong to the key"):
        ClientCertificates(files)


async def test_plaintext_does_not_reach_a_tls_port_but_health_has_its_own(pki: Pki):
    async with serving(**pki.mutual(health_bind="127.0.0.1:0")) as served:
        assert await refusal(served, None) is grpc.StatusCode.UNAVAILABLE
        bound, echo = served
        async with open_channel(f"127.0.0.1:{bound.health_port}") as channel:
            answer = await health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=5
            )
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
            error = await Running(bound, channel, echo).error("Unary", "whoami")
            assert error.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_token_travels_with_calls_of_every_kind(tmp_path: Path, capsys: Any):
    file = tmp_path / "keys.json"
    keys.main(["new", "--file", str(file), "--tenant", "initech"])
    key = capsys.readouterr().out.strip()
    async with serving(auth_mode="api_key", api_keys_file=file) as (bound, echo):
        address = f"127.0.0.1:{bound.port}"
        async with open_channel(address, token=lambda: key) as channel:
            for method in ("Unary", "ServerStream", "ClientStream", "Bidi"):
                answers = await Running(bound, channel, echo).call(method, "whoami")
                assert "tenant='initech'" in answers[-1]
        async with open_channel(address) as channel:
            error = read_error(await Running(bound, channel, echo).error("Unary", "whoami"))
            assert (error.reason, error.message) == (
                "UNAUTHENTICATED",
                "no credentials that are taken here",
            )


def test_files_that_are_no_certificates_are_one_clear_line(pki: Pki):
    pki.cert.write_text("nonsense")
    with pytest.raises(FileError, match=r"server\.crt: is not PEM"):
        server_credentials(ServerFiles(pki.cert, pki.key))
    pki.cert.unlink()
    with pytest.raises(FileError, match=r"server\.crt: no such file"):
        server_credentials(ServerFiles(pki.cert, pki.key))


async def test_a_certificate_and_key_of_two_pairs_are_one_clear_line(pki: Pki):
    pki.key.write_bytes(server_pair(pki.ca).key_pem)
    with pytest.raises(BindError, match="with this certificate and key"):
        build_server(settings(**pki.settings()), services=[], health=Health({}), interceptors=[])


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"uri": "a", "cn": "b", "tenant": "t"}, "needs either uri or cn"),
        ({"tenant": "t"}, "needs either uri or cn"),
        ({"cn": "x"}, "needs a tenant"),
        ({"cn": "{tenant}", "tenant": "t"}, "needs a tenant"),
        ({"uri": "{tenant}{tenant}"}, "needs a tenant"),
    ],
)
def test_a_bad_file_of_certificates_is_one_clear_line(pki: Pki, entry: dict[str, str], said: str):
    whole = {"role": "read", "namespaces": ["*"]} | entry
    pki.people.write_text(json.dumps({"certificates": [whole]}))
    with pytest.raises(FileError, match=said):
        authenticator(settings(**pki.mutual()))
