"""Files for TensorBoard's embedding projector: the codes as points over the training (`tensorboard --logdir`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from unified.train.code_log import Entry
from unified.train.durable import replace_file

from .refinement import by_anchor
from .subject import Code

CONFIG = "projector_config.pbtxt"

Point = tuple[tuple[str, ...], list[float]]  # metadata, vector
ALIGN_HEAD = ("task", "update")
REFINE_HEAD = ("task", "level", "anchor")


def write_projector(codes: Sequence[Code], entries: Sequence[Entry], folder: Path) -> list[str]:
    """Write one space a place and level of the alignment codes, one for all refinement codes of a task.

    Returns the names of the spaces. Codes that are matrices have no points here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    spaces: dict[str, tuple[tuple[str, ...], list[Point]]] = {}
    for code in codes:
        if len(code.values()) > 1:
            continue
        if code.place == "refine" and code.outputs:
            points: list[Point] = [((code.task, code.level, a), values) for a, values in by_anchor(code).items()]
            _, known = spaces.setdefault(f"refine-{code.task}", (REFINE_HEAD, []))
        else:
            points = [((code.task, str(step)), g.tolist()) for step, g in _over_time(code, entries)]
            _, known = spaces.setdefault(f"{code.place}-{code.level}-{code.values().numel()}", (ALIGN_HEAD, []))
        known += points
    for name, (head, points) in spaces.items():
        _write(folder / f"{name}.tsv", [["\t".join(f"{v:.6g}" for v in vector)] for _, vector in points])
        _write(folder / f"{name}-metadata.tsv", [list(head), *(list(labels) for labels, _ in points)])
    replace_file(folder / CONFIG, "".join(map(_entry, spaces)).encode())
    return list(spaces)


def _over_time(code: Code, entries: Sequence[Entry]) -> list[tuple[int | str, Tensor]]:
    logged: list[tuple[int | str, Tensor]] = [(entry.step, entry.codes[code.name]) for entry in entries]
    return [*logged, ("checkpoint", code.values()[0])]


def _write(path: Path, rows: Sequence[Sequence[str]]) -> None:
    replace_file(path, "".join("\t".join(row) + "\n" for row in rows).encode())


def _entry(name: str) -> str:
    lines = (f'  tensor_name: "{name}"', f'  tensor_path: "{name}.tsv"', f'  metadata_path: "{name}-metadata.tsv"')
    return "embeddings {\n" + "\n".join(lines) + "\n}\n"
