"""A process that changes an index until it is killed: python -m tests.index.writer FOLDER FIRST_STEP

What step n does depends on n and on the ids there are, and nothing else; so the state after each step is known.
After each committed step its number is printed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.index.gallery import SMALL, Model, entries, vectors
from unified.index.folder import FolderBackend
from unified.index.index import Index

LARGEST = 40  # vectors added at once


def change(step: int, index: Index | None, model: Model, next_id: int) -> int:
    """Do step `step` to the model, and to the index if there is one; the next id."""
    if step % 7 == 5:
        if index is not None:
            index.compact()
    elif step % 3 == 2 and len(model.held) > 3:
        gone = [id for id in model.held if id % 5 == step % 5]
        if index is not None:
            index.remove(gone)
        for id in gone:
            del model.held[id]
    else:
        count = 1 + step * 13 % LARGEST
        ids = range(next_id, next_id + count)
        if index is not None:
            assert index.add(vectors(count, step), entries(ids)) == list(ids)
        model.add(ids, vectors(count, step), entries(ids))
        next_id += count
    return next_id


def states(steps: int) -> list[tuple[Model, int]]:
    """The model and the next id before step 0, 1, … `steps`."""
    model, next_id, found = Model(), 0, []
    for step in range(steps + 1):
        found.append((Model(dict(model.held)), next_id))
        next_id = change(step, None, model, next_id)
    return found


def main(folder: Path, first: int) -> None:
    model, next_id = states(first)[-1]
    index = Index(FolderBackend.open(folder, SMALL))
    step = first
    while True:
        next_id = change(step, index, model, next_id)
        sys.stdout.write(f"{step}\n")
        sys.stdout.flush()
        step += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
