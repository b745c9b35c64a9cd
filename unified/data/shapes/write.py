"""The data set as files: pictures, COCO annotations, a README, a preview."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from unified.data.shapes.captions import describe
from unified.data.shapes.identity import Identity
from unified.data.shapes.layout import compose
from unified.data.shapes.manifest import SPLITS, Parameters, annotation_path, claim, file_name, finish
from unified.data.shapes.plan import MOST_IDENTITIES, Plan, make_plan
from unified.data.shapes.preview import Exhibit, draw_preview
from unified.data.shapes.readme import readme
from unified.data.shapes.records import captions_file, instances_file
from unified.data.shapes.render import render
from unified.data.shapes.scene import Scene
from unified.data.workers import deaf_children
from unified.errors import ConfigError
from unified.ops.cores import cores

Progress = Callable[[int, int], None]
"""Told the number of pictures done, and of all."""


def make_shapes(
    root: Path,
    *,
    train: int = 800,
    val: int = 200,
    size: int | Sequence[int] = 192,
    seed: int = 0,
    identities: int = MOST_IDENTITIES,
    workers: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Write a data set of `train` + `val` pictures into the folder `root`; nothing to do if it is there already.

    The same parameters give the same files, whatever the number of workers.

    Args:
        size: side of the square pictures, pixels; of several sizes, each picture's width and height are drawn.
        identities: how many objects train has at most, all different; a small set has fewer, so that each recurs.
        workers: processes that draw; by default one a CPU core, or none beside this one for a small set. As always with
            processes, a script that calls this needs `if __name__ == "__main__":`.

    Raises:
        ConfigError: a parameter out of range.
        DataError: `root` holds something else, or a data set of other parameters.
    """
    sizes = (size,) if isinstance(size, int) else tuple(size)
    parameters = Parameters(train=train, val=val, sizes=sizes, seed=seed, identities=identities)
    parameters.check()
    if workers is not None and workers < 1:
        raise ConfigError(f"shapes: workers = {workers}, but at least 1 process has to draw")
    root = Path(root)
    if not claim(root, parameters):
        return
    plan = make_plan(train, val, seed, identities)
    for folder in ("annotations", *(f"images/{split}" for split in SPLITS)):
        (root / folder).mkdir(parents=True, exist_ok=True)
    jobs = list(_jobs(root, plan, parameters))
    drawn = []
    for done, picture in enumerate(_draw_all(jobs, workers or _default_workers(len(jobs))), start=1):
        drawn.append(picture)
        if progress:
            progress(done, len(jobs))
    _write_annotations(root, drawn, plan, parameters)
    finish(root, parameters)


@dataclass(frozen=True, kw_only=True)
class _Job:
    """One picture to draw."""

    path: Path
    identities: tuple[Identity, ...]
    sizes: tuple[int, ...]
    entropy: tuple[int, ...]
    """Seed of this picture alone, so that it does not matter who draws it and when."""


@dataclass(frozen=True)
class _Drawn:
    """What is known of a picture once it is on disk."""

    scene: Scene
    captions: list[str]


_FIRST_STREAM = 2
"""Of the pictures' random numbers; those before are the identities' and the plan's."""
_JPEG_QUALITY = 92
_IMAGES_A_WORKER = 100
"""Starting a process costs as much as about as many pictures."""
_CHUNK = 8


def _jobs(root: Path, plan: Plan, parameters: Parameters) -> Iterator[_Job]:
    """Train first, in the order of their ids."""
    for stream, (split, deal) in enumerate(zip(SPLITS, (plan.train, plan.val), strict=True), start=_FIRST_STREAM):
        for number, identities in enumerate(deal, start=1):
            yield _Job(
                path=root / "images" / split / file_name(number),
                identities=identities,
                sizes=parameters.sizes,
                entropy=(parameters.seed, stream, number),
            )


def _default_workers(images: int) -> int:
    return max(1, min(cores(), images // _IMAGES_A_WORKER))


def _draw_all(jobs: Sequence[_Job], workers: int) -> Iterator[_Drawn]:
    if workers == 1:
        yield from map(_draw, jobs)
        return
    # Not forked: the caller may have threads (torch has), and a fork of those can hang.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn) as pool:
        with deaf_children():
            drawn = pool.map(_draw, jobs, chunksize=_CHUNK)
        yield from drawn


def _draw(job: _Job) -> _Drawn:
    rng = np.random.default_rng(job.entropy)
    width, height = (int(side) for side in rng.choice(job.sizes, size=2))
    scene = compose(job.identities, width, height, rng)
    Image.fromarray(render(scene, rng)).save(job.path, quality=_JPEG_QUALITY)
    return _Drawn(scene, describe(scene, rng))


def _write_annotations(root: Path, drawn: Sequence[_Drawn], plan: Plan, parameters: Parameters) -> None:
    by_split = {"train": drawn[: parameters.train], "val": drawn[parameters.train :]}
    for split, pictures in by_split.items():
        scenes, captions = [p.scene for p in pictures], [p.captions for p in pictures]
        _write_json(root / annotation_path("instances", split), instances_file(scenes, plan, parameters))
        _write_json(root / annotation_path("captions", split), captions_file(scenes, captions))
    exhibits = [
        Exhibit(root / "images" / "val" / file_name(number), picture.scene, picture.captions[0])
        for number, picture in enumerate(by_split["val"], start=1)
    ]
    draw_preview(exhibits, root / "preview.png")
    (root / "README.md").write_text(readme(parameters, plan), "utf-8")


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")), "utf-8")
