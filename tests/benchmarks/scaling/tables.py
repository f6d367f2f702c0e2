"""The figures as the parts of the page, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from . import manifests
from .costs import EMPTY
from .growth import ONE

Found = Mapping[str, Any]

SERVICES = ("MemoryService", "ExtractorService", "Redis")

_PARTS = ("", "word_index_", "vector_index_")
_MIB, _GIB = 2**20, 2**30
_LEAST = 2e-5
"""CPU seconds; less is what cannot be told from what a process does unasked."""


def tables(found: Found) -> dict[str, str]:
    """Return each part of the page as Markdown."""
    return {
        "machine": machine(found),
        "costs": costs(found["costs"]),
        "idle": idle(found["idle"]),
        "cores": cores(found["costs"]),
        "example": example(found["costs"]),
        "holdings": holdings(found["holdings"]),
        "room": room(found["holdings"]),
        "owners": owners(found["owners"]),
        "growth": growth(found["growth"]),
        "embedding": embedding(found["costs"], found["holdings"]),
        "thresholds": thresholds(found["costs"]),
        "footprints": footprints(found["footprints"], found["memories_in_all"]),
        "connections": connections(found["connections"]),
    }


def machine(found: Found) -> str:
    """Say where and how it was measured."""
    where, plan = found["machine"], found["plan"]
    quiet = where["load_before"] <= where["cpus"] / 4
    weather = (
        "nothing else ran"
        if quiet
        else f"other work ran (load {where['load_before']:.1f}): rates and waits are worse than "
        "they need be, CPU times suffer little"
    )
    return (
        f"{where['cpus']} CPUs, {where['platform'].split('-with')[0]}; {weather}. "
        f"{plan['rounds']} rounds of {plan['seconds']:g} s each; the owner who is searched has "
        f"{plan['memories']:,} memories."
    )


def costs(found: Sequence[Found]) -> str:
    """A row for each operation, and how much more it costs than an RPC that does nothing."""
    empty = _named(found, EMPTY)["cpu"]["MemoryService"]
    head = ("", "callers", "a second", "one caller waits, p50", "p95", "CPU: MemoryService")
    return _table(
        (*head, "of an empty RPC's", "CPU: ExtractorService", "CPU: Redis"),
        (
            (
                each["name"],
                each["callers"],
                f"{each['rate']:,.0f} {each['unit']}",
                *(_ms(each[name]) for name in ("p50", "p95")),
                _cpu(each, "MemoryService"),
                _ratio(each["cpu"]["MemoryService"], empty),
                *(_cpu(each, name) for name in SERVICES[1:]),
            )
            for each in found
        ),
    )


def idle(found: Found) -> str:
    """Say what the processes use while nobody calls."""
    shares = (f"{name} {share:.1%}" for name, share in found.items())
    return (
        f"While nobody calls, each uses some of a CPU to look after things: {', '.join(shares)}. "
        "That is taken off the figures."
    )


def cores(found: Sequence[Found]) -> str:
    """What one core of each service, or of Redis, does of one operation and nothing else."""
    return _table(
        ("a second", *(f"a core of {name}" for name in SERVICES)),
        (
            (f"{each['name']}, {each['unit']}", *(_per_core(each, name) for name in SERVICES))
            for each in found
            if each["name"] != EMPTY
        ),
    )


def example(found: Sequence[Found]) -> str:
    """The cores for 100 turns a second, each of which is appended, searched for and extracted."""
    turn = [_named(found, name)["cpu"] for name in ("append", "search hybrid", "flush")]
    target = manifests.target_utilization()
    rows = []
    for name in SERVICES:
        used = 100 * sum(cpu.get(name, 0.0) for cpu in turn)
        rows.append((name, f"{used:.1f}", f"{used / target:.1f}"))
    return _table(("", "cores used", f"cores at {target:.0%}"), rows)


def holdings(found: Sequence[Found]) -> str:
    """Bytes for a memory and for a turn."""
    return _table(
        ("", "KiB in Redis", "index of words, tags, numbers", "index of vectors", "memories"),
        (
            (
                each["what"],
                *(f"{each[f'{name}bytes'] / 1024:.1f}" for name in _PARTS),
                f"{each['memories']:.2f}",
            )
            for each in found
        ),
    )


def room(found: Sequence[Found]) -> str:
    """What fits into the Redis of the manifests."""
    memory, appended, extracted = (each["bytes"] for each in found)
    bytes_ = manifests.redis_maxmemory()
    return (
        f"So the component `redis`, whose `maxmemory` is {bytes_ / _GIB:.0f} GiB, has room for "
        f"{_rounded(bytes_ / memory)} memories that callers create, or for "
        f"{_rounded(bytes_ / (appended + extracted))} turns of conversations with what is "
        "extracted from them."
    )


def owners(found: Sequence[Found]) -> str:
    """How a search grows."""
    first = found[0]
    return _table(
        (
            *("the owner's memories", "in the index", "p50", "p95"),
            *("of the first row's p50", "CPU: MemoryService", "CPU: Redis", "of the first row's"),
        ),
        (
            (
                *(f"{each[name]:,}" for name in ("own", "indexed")),
                *(_ms(each[name]) for name in ("p50", "p95")),
                _ratio(each["p50"], first["p50"]),
                *(_cpu(each, name) for name in ("MemoryService", "Redis")),
                _ratio(each["cpu"]["Redis"], first["cpu"]["Redis"]),
            )
            for each in found
        ),
    )


def growth(found: Sequence[Found]) -> str:
    """Rates with more replicas, beside those with one."""
    return _table(
        ("", "on", "a second", f"of {ONE}", "CPUs of the machine in use"),
        (
            (
                *(each["name"], each["on"], f"{each['rate']:,.0f} {each['unit']}"),
                "" if each["on"] == ONE else f"{each['ratio']:.2f}",
                f"{each['busy']:.1f}",
            )
            for each in found
        ),
    )


def thresholds(found: Sequence[Found]) -> str:
    """What the thresholds of autoscaling stand for, in seconds of work."""
    turn = _named(found, "flush")["cpu"]["ExtractorService"]
    replica = manifests.extractor_cpus()
    queue, notices = manifests.queue_threshold(), manifests.lag_threshold()
    return (
        f"An extractor of {replica:g} CPUs extracts about {replica / turn:,.0f} turns a second: "
        f"{queue} messages in its queue are {queue * turn / replica:.1f} s of work, and {notices} "
        f"notices, of one message each, {notices * turn / replica:.1f} s."
    )


def embedding(costs: Sequence[Found], holdings: Sequence[Found]) -> str:
    """Say which part of extraction the embedding model is."""
    texts = holdings[-1]["memories"]
    text = _named(costs, "create 32 a call")["cpu"]["ExtractorService"]
    share = texts * text / _named(costs, "flush")["cpu"]["ExtractorService"]
    return (
        f"Of the extractor's CPU for a turn about {share:.0%} is embedding: {texts:.1f} texts, "
        "each at what it costs in a batch of `create 32 a call`. The rest is the rules."
    )


def footprints(found: Sequence[Found], memories: int) -> str:
    """The memory of the processes, beside what the manifests give them."""
    rows = []
    for each in found:
        request, limit = manifests.memory_of(each["process"])
        most = each["most"]
        what = each["process"] + (f", {memories:,} memories" if each["process"] == "Redis" else "")
        measured = (f"{each[name] / _MIB:,.0f}" for name in ("at_start", "most"))
        rows.append((what, *measured, request, limit, f"{most / manifests.in_bytes(limit):.0%}"))
    head = ("MiB", "at the start", "the most", "requested", "limit", "the most, of the limit")
    return _table(head, rows)


def connections(found: Found) -> str:
    """How many connections many callers need."""
    return (
        f"{found['callers']} callers at once made MemoryService open {found['opened']} connections."
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _named(found: Sequence[Found], name: str) -> Found:
    return next(each for each in found if each["name"] == name)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _cpu(each: Found, process: str) -> str:
    used = each["cpu"].get(process, 0.0)
    return f"{used * 1000:.2f} ms" if used > _LEAST else ""


def _per_core(each: Found, process: str) -> str:
    used = each["cpu"].get(process, 0.0)
    return f"{1 / used:,.0f}" if used > _LEAST else ""


def _ratio(value: float, baseline: float) -> str:
    return f"{value / baseline:.1f}" if value > _LEAST and baseline > 0 else ""


def _rounded(number: float) -> str:
    """Two digits that count."""
    size = 10 ** max(0, len(str(int(number))) - 2)
    return f"{round(number / size) * size:,}"
