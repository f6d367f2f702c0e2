"""Reasons: what the servers send is in ErrorReason, and its comments tell the truth about codes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import grpc
import pytest
from agentmemory.v1.errors_pb2 import ErrorReason

import memory_service.domain.errors as domain
from memory_service import rpc_errors
from tests.support.sources import files

ROOT = Path(__file__).parents[2]
PREFIX = "ERROR_REASON_"
ERROR_REASONS = [value.name for value in ErrorReason.DESCRIPTOR.values]

NEVER_SENT: dict[str, str] = {}
"""Reasons of the contract that nothing sends, and why."""


def documented() -> dict[str, str]:
    """Return each reason with the code that its comment begins with."""
    proto = (ROOT / "protos/agentmemory/v1/errors.proto").read_text()
    found, code = {}, ""
    for line in proto.partition("enum ErrorReason {")[2].splitlines():
        if comment := re.fullmatch(r"  // ([A-Z_]+)\. .*", line):
            code = comment[1]
        elif value := re.fullmatch(rf"  {PREFIX}(\w+) = \d+;", line):
            found[value[1]] = code
    return found


def pairs(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Return code and reason wherever StatusCode.X stands right before a string in a call or tuple.

    That is how ServiceErrors are made, and how tables of them are written.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".abort"):
            continue  # The health service answers with its own protocol's words.
        items = node.args if isinstance(node, ast.Call) else getattr(node, "elts", [])
        for first, second in pairwise(items):
            if (
                isinstance(first, ast.Attribute)
                and ast.unparse(first.value).endswith("StatusCode")
                and isinstance(second, ast.Constant)
                and isinstance(second.value, str)
            ):
                yield first.attr, second.value


SENT = sorted({pair for path in files() for pair in pairs(ast.parse(path.read_text()))})


@pytest.mark.parametrize(("code", "reason"), SENT)
def test_a_reason_that_is_sent_is_documented_with_its_code(code: str, reason: str) -> None:
    assert documented()[reason] == code


def test_every_reason_is_sent_or_is_known_not_to_be() -> None:
    sent = {reason for _, reason in SENT}
    names = {name.removeprefix(PREFIX) for name in ERROR_REASONS} - {"UNSPECIFIED"}
    assert names - sent == set(NEVER_SENT)


def test_every_reason_has_a_code_in_its_comment() -> None:
    codes = {code.name for code in grpc.StatusCode}
    reasons = documented()
    assert set(reasons) == {name.removeprefix(PREFIX) for name in ERROR_REASONS}
    assert {reason for reason, code in reasons.items() if code not in codes} == {"UNSPECIFIED"}


def domain_errors() -> list[type[domain.DomainError]]:
    return [
        error
        for error in vars(domain).values()
        if isinstance(error, type)
        and issubclass(error, domain.DomainError)
        and error is not domain.DomainError
    ]


def made(error: type[domain.DomainError]) -> domain.DomainError:
    if error is domain.InvalidField:
        return domain.InvalidField("scope", "is wrong")
    if error is domain.MessageIdReused:
        return domain.MessageIdReused(3)
    if error is domain.QuotaExceeded:
        return domain.QuotaExceeded("memories")
    if error is domain.RateExceeded:
        return domain.RateExceeded("requests", 0.5)
    if error is domain.ExtractorTooSlow:
        return domain.ExtractorTooSlow(messages=4)
    return error()


@pytest.mark.parametrize(
    "error",
    [each for each in domain_errors() if each is not domain.ExtractionFailed],
    ids=lambda error: error.__name__,
)
def test_every_error_of_the_domain_has_words_for_callers(error: type[domain.DomainError]) -> None:
    told = rpc_errors.to_service_error(made(error))
    assert documented()[told.reason] == told.code.name
    assert told.message


def test_the_documented_errors_of_the_methods_exist() -> None:
    for name in ("memory_service", "extractor_service"):
        proto = (ROOT / f"protos/agentmemory/v1/{name}.proto").read_text()
        for code, reasons in re.findall(r"([A-Z]+(?:_[A-Z]+)*) / ((?:[A-Z_]+(?:, )?)+)", proto):
            for reason in filter(None, reasons.split(", ")):
                assert documented()[reason] == code, f"{name}: {code} / {reason}"
