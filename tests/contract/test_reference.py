"""The page about the contract, and that the comments it is made of say what a caller needs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from agentmemory.v1 import extractor_service_pb2, memory_service_pb2
from google.protobuf.descriptor import MethodDescriptor

from protos.reference import split_default

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "protos/REFERENCE.md").read_text()
METHODS = [
    method
    for file in (memory_service_pb2, extractor_service_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]
CONTRACT = (ROOT / "protos/agentmemory/v1/errors.proto").read_text()
ERRORS_OF = {
    "request_id": "REQUEST_ID_REUSED",
    "etag": "ETAG_MISMATCH",
    "page_token": "INVALID_PAGE_TOKEN",
}
"""What a call fails with by a field of its request."""

KNOWN = set(re.findall(r"// ([A-Z_]+)\. ", CONTRACT)) | set(
    re.findall(r"ERROR_REASON_(\w+) = ", CONTRACT)
)
"""Status codes and reasons."""


def section(name: str) -> str:
    found = re.search(rf"^### {name}\n(.*?)(?=^###? |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found, f"{name} is not on the page"
    return found[1]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_the_page_has_every_rpc_with_what_it_takes_and_gives(method: MethodDescriptor) -> None:
    text = section(method.name)
    for message in (method.input_type, method.output_type):
        assert f"**{message.name}**" in text
        for field in message.fields:
            assert f"| `{field.name}` |" in text


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_field_of_a_request_is_required_or_has_a_default(method: MethodDescriptor) -> None:
    rows = [row.split(" | ") for row in section(method.name).splitlines() if row.startswith("| `")]
    taken = {field.name for field in method.input_type.fields}
    silent = [
        row[0]
        for row in rows[: len(taken)]
        if not row[3].strip(" |")
        and "equired" not in row[2]
        and "least" not in row[2]
        and not re.match(r"\d", row[2])
    ]
    assert silent == []


def errors_of(name: str) -> set[str]:
    (errors,) = re.findall(r"\*\*Errors:\*\* (.*)", section(name)) or [""]
    return set(re.findall(r"\b[A-Z]+_[A-Z_]+\b", errors))


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_documented_errors_are_codes_and_reasons_of_the_contract(method: MethodDescriptor) -> None:
    assert errors_of(method.name) <= KNOWN


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_what_fails_by_a_field_of_a_request_is_documented(method: MethodDescriptor) -> None:
    fields = {field.name for field in method.input_type.fields}
    # Whom it erases is all that EraseUser is told, and each user has request ids of its own.
    taken = fields - {"request_id"} if method.name == "EraseUser" else fields
    assert {ERRORS_OF[name] for name in taken & ERRORS_OF.keys()} <= errors_of(method.name)


def test_a_field_comment_is_parted_into_what_it_says_and_its_default() -> None:
    assert split_default("How many, 1 to 9. Default: 5. More.") == (
        "How many, 1 to 9.  More.",
        "5",
    )
    assert split_default("Required. The id.") == ("Required. The id.", "")
