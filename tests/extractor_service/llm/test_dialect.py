from __future__ import annotations

from extractor_service.llm.answer import sentences_form
from extractor_service.llm.dialect import Dialect, ResponseFormat, Sampling, body

SAMPLING = Sampling("qwen", 0.5, 100)
SCHEMA = sentences_form(3).schema
PROMPT = [{"role": "user", "content": "hello"}]


def test_a_request_has_all_that_the_server_takes() -> None:
    request = body(Dialect(), SAMPLING, PROMPT, SCHEMA)
    assert request.pop("response_format") == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA},
    }
    assert request == {
        "model": "qwen",
        "messages": PROMPT,
        "max_tokens": 100,
        "temperature": 0.5,
    }


def test_a_server_that_refuses_is_asked_for_less_each_time() -> None:
    dialect: Dialect | None = Dialect()
    formats = []
    while dialect is not None:
        request = body(dialect, SAMPLING, PROMPT, SCHEMA).get("response_format", {})
        formats.append((request.get("type"), "maxItems" in str(request)))
        dialect = dialect.after_refusal("no")
    assert formats == [
        ("json_schema", True),
        ("json_schema", False),
        ("json_object", False),
        (None, False),
    ]


def test_the_servers_own_words_are_followed_first() -> None:
    newer = Dialect().after_refusal("Use 'max_completion_tokens' instead.")
    assert newer == Dialect(tokens_parameter="max_completion_tokens")
    colder = newer.after_refusal("Unsupported value: 'temperature' is not max_completion_tokens")
    assert colder is not None
    request = body(colder, SAMPLING, PROMPT, SCHEMA)
    assert request["max_completion_tokens"] == 100
    assert not {"max_tokens", "temperature"} & request.keys()
    assert request["response_format"]["type"] == "json_schema"


def test_a_format_that_is_set_is_kept_to() -> None:
    fixed = Dialect(ResponseFormat.JSON_OBJECT, fixed=True)
    assert fixed.after_refusal("no") is None
    schema = Dialect(fixed=True).after_refusal("no")
    assert schema == Dialect(fixed=True, takes_bounds=False)
    assert schema.after_refusal("no") is None
