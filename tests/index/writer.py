"""Processes that change an index until they are killed: python -m tests.index.writer

For every line of its input, [FOLDER, FIRST_STEP], it forks one, and says when that is dead.
What step n does depends on n and on the ids there are, and nothing else; so the state after each step is known.
After each committed step its number is printed.
"""

from __future__ import annotations

import json
import os
import sys
from itertools import count
from pathlib import Path

from tests.index.gallery import SMALL, Model, entries, vectors
from unified.index.ann import load_faiss
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
        ids = range(next_id, next_id + 1 + step * 13 % LARGEST)
        if index is not None:
            assert index.add(vectors(len(ids), step), entries(ids)) == list(ids)
        model.add(ids, vectors(len(ids), step), entries(ids))
        next_id = ids.stop
    return next_id


def states(steps: int) -> list[tuple[Model, int]]:
    """The model and the next id before step 0, 1, … `steps`."""
    model, next_id, found = Model(), 0, []
    for step in range(steps + 1):
        found.append((Model(dict(model.held)), next_id))
        next_id = change(step, None, model, next_id)
    return found


def work(folder: Path, first: int) -> None:
    """Say which process this is, then change the index for ever, from step `first` on."""
    model, next_id = states(first)[-1]
    index = Index(FolderBackend.open(folder, SMALL))
    say(f"process {os.getpid()}")
    for step in count(first):
        next_id = change(step, index, model, next_id)
        say(f"{step}")


def say(line: str) -> None:
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


def main() -> None:
    for line in sys.stdin:
        folder, first = json.loads(line)
        child = os.fork()
        if child == 0:
            work(Path(folder), first)
        os.waitpid(child, 0)
        say("dead")


if __name__ == "__main__":
    load_faiss()  # once, not in every child
    main()
