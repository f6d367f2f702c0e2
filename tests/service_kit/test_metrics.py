from __future__ import annotations

import urllib.request
from contextlib import closing

import pytest

from service_kit.binding import BindError
from service_kit.metrics import new_registry, serve_metrics


def test_metrics_are_served_over_http():
    with (
        closing(serve_metrics(new_registry("memory", "1.2.3"), "127.0.0.1", 0)) as server,
        urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics") as response,
    ):
        text = response.read().decode()
    for metric in ("process_cpu_seconds_total", "python_info", "python_gc_collections_total"):
        assert f"\n{metric}" in text
    assert "build_info{" in text
    assert 'service="memory"' in text
    assert 'version="1.2.3"' in text


def test_a_closed_server_frees_its_port():
    registry = new_registry("memory", "1")
    first = serve_metrics(registry, "127.0.0.1", 0)
    first.close()
    with closing(serve_metrics(registry, "127.0.0.1", first.port)) as second:
        assert second.port == first.port


def test_a_taken_port_is_a_clear_error():
    registry = new_registry("memory", "1")
    with (
        closing(serve_metrics(registry, "127.0.0.1", 0)) as first,
        pytest.raises(BindError, match=rf"^cannot listen on 127.0.0.1:{first.port}: .*in use"),
    ):
        serve_metrics(registry, "127.0.0.1", first.port)
