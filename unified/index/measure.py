"""What an index folder costs over FAISS alone: both in one process, on the same structure, in turns.

Times of one machine and one minute say little; `over` are ratios of neighbouring runs, ours to FAISS's, medians over
the rounds.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from unified.index.ann import Ann, exact
from unified.index.backend import Effort, Vectors
from unified.index.entry import Entry
from unified.index.folder import FolderBackend
from unified.index.index import Index
from unified.index.origin import Origin
from unified.index.policy import RECALL_AT, USUAL, Policy, recall

PER_CLUSTER = 1000
SPREAD = 1.5  # of a cluster: two of its vectors have a cosine of about 1 / (1 + SPREAD²) = 0.31
SINGLES = 200
NAMES = ("person", "bus", "dog", "chair")


@dataclass(frozen=True, slots=True)
class Measurement:
    """`faiss` is FAISS alone, `nearest` and `search` are ours, without and with the entries of what was found.

    `per_second` counts queries of one batch, `single_ms` is one query alone, `over` our time over FAISS's for both.
    """

    entries: int
    dimension: int
    kind: str
    nprobe: int | None
    k_factor: int | None
    recall: float  # @10, of queries that are not in the index
    recall_stored: float | None  # as measured when it was built
    build_seconds: dict[str, float]
    open_seconds: float
    megabytes_on_disk: float
    peak_megabytes: float | None  # of the process, generated vectors included
    per_second: dict[str, float]
    single_ms: dict[str, float]
    over: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def measure_anew(count: int, *, rounds: int) -> Measurement:
    """`measure` in a folder that is gone afterwards."""
    with TemporaryDirectory() as folder:
        return measure(Path(folder) / "index", count=count, rounds=rounds)


def measure(
    folder: Path, *, count: int, dimension: int = 128, queries: int = 1000, rounds: int = 7, policy: Policy = USUAL
) -> Measurement:
    """Build an index of `count` clustered vectors in the new `folder`, and search it."""
    vectors, asked = clustered(count, queries, dimension)
    entries = [_entry(place) for place in range(count)]
    kind = policy.kind(count, dimension)
    build = {"faiss": _seconds(lambda: Ann.build(vectors, kind))}
    origin = Origin(model="0" * 64, task="measure", codes="0" * 64, preprocessing={}, dimension=dimension)
    with Index(FolderBackend.create(folder, origin, policy)) as index:
        build["ours"] = _seconds(lambda: index.add(vectors, entries))
    backend = FolderBackend.open(folder, policy)
    opened = _seconds(lambda: FolderBackend.open(folder, policy))
    (segment,) = backend.snapshot.segments
    effort = Effort(segment.record.nprobe, segment.record.k_factor)
    index, raw, parameters = Index(backend), segment.ann.index, segment.ann.parameters(effort)
    alone = getattr(raw, "search_numpy", raw.search)  # FAISS's own, where a library replaced it (see `Ann`)
    truth = exact(asked, vectors, RECALL_AT)[1]
    found = index.nearest(asked, RECALL_AT).ids
    calls: dict[str, Callable[[Vectors], Any]] = {
        "faiss": lambda q: alone(q, RECALL_AT, params=parameters),
        "nearest": lambda q: index.nearest(q, RECALL_AT),
        "search": lambda q: index.search(q, RECALL_AT),
    }
    batch = in_turns({name: lambda c=call: c(asked) for name, call in calls.items()}, rounds)  # type: ignore[misc]
    singles = [asked[place : place + 1] for place in range(min(SINGLES, queries))]
    single = in_turns({name: lambda c=call: [c(q) for q in singles] for name, call in calls.items()}, rounds)  # type: ignore[misc]
    return Measurement(
        entries=count,
        dimension=dimension,
        kind=kind,
        nprobe=effort.nprobe,
        k_factor=effort.k_factor,
        recall=recall(found, truth, without=np.full(queries, -1)),
        recall_stored=index.info()["recall@10"],
        build_seconds=build,
        open_seconds=opened,
        megabytes_on_disk=sum(path.stat().st_size for path in folder.iterdir()) / 2**20,
        peak_megabytes=_peak_megabytes(),
        per_second={name: queries / statistics.median(times) for name, times in batch.items()},
        single_ms={name: 1000 * statistics.median(times) / len(singles) for name, times in single.items()},
        over={f"{name}, batch": ratio(batch, name) for name in ("nearest", "search")}
        | {f"{name}, single": ratio(single, name) for name in ("nearest", "search")},
    )


def clustered(count: int, queries: int, dimension: int) -> tuple[Vectors, Vectors]:
    """Unit vectors around random centres, `PER_CLUSTER` to each, and queries around the same centres."""
    generator = np.random.default_rng(0)
    centres = generator.standard_normal((max(1, count // PER_CLUSTER), dimension), dtype=np.float32)

    def draw(number: int) -> Vectors:
        drawn = centres[generator.integers(len(centres), size=number)]
        drawn += SPREAD * generator.standard_normal((number, dimension), dtype=np.float32)
        drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
        return drawn

    return draw(count), draw(queries)


def in_turns(calls: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each call in each round, after one that does not count."""
    for call in calls.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            times[name].append(_seconds(call))
    return times


def ratio(times: Mapping[str, list[float]], name: str) -> float:
    """How many times as long as FAISS alone `name` took, round by round."""
    return statistics.median(ours / alone for ours, alone in zip(times[name], times["faiss"], strict=True))


def _entry(place: int) -> Entry:
    return Entry(
        f"pictures/{place // 4:07d}.jpg", (place % 640, 10, 32, 48), NAMES[place % len(NAMES)], place // 10, 0.5
    )


def _seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _peak_megabytes() -> float | None:
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak) / (2**20 if sys.platform == "darwin" else 2**10)
