"""Every RPC has its rule, and every rule is about what the request says."""

from __future__ import annotations

import ast

import pytest
from agentmemory.v1 import extractor_service_pb2, memory_pb2, memory_service_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from extractor_service import access as extractor_access
from memory_service import access as memory_access
from service_kit.access import Rule
from service_kit.auth import Role
from tests.support.sources import files

RULES = {**memory_access.RULES, **extractor_access.RULES}
METHODS: list[MethodDescriptor] = [
    method
    for file in (memory_service_pb2, extractor_service_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]
SCOPE = memory_pb2.Scope.DESCRIPTOR
NOT_WHOSE = {memory_pb2.Memory.DESCRIPTOR}
"""Messages whose scope is output only: what a request says there is ignored."""

READS = {"Get", "List", "BatchGet", "Search", "Build", "Watch"}
TAKES_ALL = {"EraseUser", "ExportMemories", "ImportMemories"}


def name_of(method: MethodDescriptor) -> str:
    return method.name


def path_of(method: MethodDescriptor) -> str:
    return f"{method.containing_service.full_name}/{method.name}"


def scopes_in(message: Descriptor, path: str = "") -> set[str]:
    """Return the paths of the scopes in a message, lists apart."""
    found = set()
    for field in message.fields:
        if field.type != FieldDescriptor.TYPE_MESSAGE or field.is_repeated:
            continue
        if field.message_type == SCOPE:
            found.add(f"{path}{field.name}.namespace")
        elif field.message_type not in NOT_WHOSE and path.count(".") < 2:
            found |= scopes_in(field.message_type, f"{path}{field.name}.")
    return found


def test_there_is_a_rule_for_each_rpc_and_no_other() -> None:
    assert set(RULES) == {path_of(method) for method in METHODS}


@pytest.mark.parametrize("method", METHODS, ids=name_of)
def test_the_rule_is_about_the_scope_that_the_request_has(method: MethodDescriptor) -> None:
    namespace = RULES[path_of(method)].namespace
    assert scopes_in(method.input_type) == ({namespace} if namespace else set())


@pytest.mark.parametrize("method", METHODS, ids=name_of)
def test_a_flag_that_makes_a_read_a_write_is_one_of_the_request(method: MethodDescriptor) -> None:
    flag = RULES[path_of(method)].writes_if
    if flag:
        assert method.input_type.fields_by_name[flag].type == FieldDescriptor.TYPE_BOOL
    makes = {name for name in method.input_type.fields_by_name if name.startswith("create_if")}
    assert makes == ({flag} if flag else set())


@pytest.mark.parametrize("method", METHODS, ids=name_of)
def test_only_what_reads_needs_no_more_than_the_role_read(method: MethodDescriptor) -> None:
    if method.containing_service.name == "ExtractorService":
        assert RULES[path_of(method)] == Rule(Role.READ)
        return
    reads = any(method.name.startswith(verb) for verb in READS)
    expected = Role.READ if reads else Role.ADMIN if method.name in TAKES_ALL else Role.WRITE
    assert RULES[path_of(method)].role is expected


@pytest.mark.parametrize("package", ["memory_service", "extractor_service"])
def test_no_handler_reads_requests_past_the_interceptors(package: str) -> None:
    for path in files(package):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                assert not ast.unparse(node.func).endswith("context.read"), path
