from __future__ import annotations

import pytest

from service_kit.addresses import check_address, is_loopback, split_address


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("127.0.0.1:50051", ("127.0.0.1", 50051)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:65535", ("::1", 65535)),
        ("a-host.example:1", ("a-host.example", 1)),
    ],
)
def test_an_address_has_a_host_and_a_port(address: str, parts: tuple[str, int]):
    assert split_address(address) == parts
    assert check_address(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "localhost",
        ":50051",
        "::1:50051",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:1,0.0.0.0:1",
        "ipv4:127.0.0.1:1",
        "dns:///localhost:1",
        "127.0.0.1:1\n",
        "127.0.0.1:١",
        "unix:",
    ],
)
def test_anything_else_is_refused(address: str):
    with pytest.raises(ValueError, match="should"):
        check_address(address)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1:1", "127.255.255.254:1", "[::1]:1", "localhost:1", "LOCALHOST:1", "unix:/tmp/s"],
)
def test_loopback_is_what_only_this_machine_reaches(address: str):
    assert is_loopback(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0:1",
        "[::]:1",
        "10.0.0.1:1",
        "128.0.0.1:1",
        "example.com:1",
        "localhost.example.com:1",
        "127.0.0.1.example.com:1",
        "127.1:1",
        "unix-abstract:1",
    ],
)
def test_all_else_is_not_loopback(address: str):
    assert not is_loopback(address)
