from __future__ import annotations

from service_kit.safe_traceback import exception_name, safe_traceback

MARKER = "what-a-user-said-in-confidence"


def caught(function) -> BaseException:
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def chain():
    try:
        raise KeyError(MARKER)
    except KeyError as error:
        raise ValueError(MARKER) from error


def context():
    try:
        raise KeyError(MARKER)
    except KeyError:
        raise ValueError(MARKER)  # noqa: B904


def suppressed():
    try:
        raise KeyError(MARKER)
    except KeyError:
        raise ValueError(MARKER) from None


def group():
    raise ExceptionGroup(MARKER, [caught(chain), OSError(MARKER)])


def recursion():
    recursion()


def test_it_names_the_type_and_every_frame():
    text = safe_traceback(caught(chain))
    first, *frames = text.split("caused by:")[0].strip().splitlines()
    assert first == "builtins.ValueError"
    assert [frame.split(" in ")[1] for frame in frames] == ["caught", "chain"]
    assert all("test_safe_traceback.py:" in frame for frame in frames)


def test_it_follows_causes_contexts_and_groups():
    assert "caused by:\nbuiltins.KeyError" in safe_traceback(caught(chain))
    assert "raised while handling:\nbuiltins.KeyError" in safe_traceback(caught(context))
    assert "KeyError" not in safe_traceback(caught(suppressed))
    assert "which holds:\nbuiltins.OSError" in safe_traceback(caught(group))


def test_it_never_holds_the_text():
    for function in (chain, context, suppressed, group):
        assert MARKER in str(caught(function))
        assert MARKER not in safe_traceback(caught(function))


def test_a_circle_of_causes_ends():
    error = caught(chain)
    error.__cause__.__cause__ = error
    assert safe_traceback(error).count("builtins.ValueError") == 1


def test_a_deep_recursion_is_cut():
    assert len(safe_traceback(caught(recursion)).splitlines()) == 41


def test_a_name_has_its_module():
    assert exception_name(TimeoutError()) == "builtins.TimeoutError"
