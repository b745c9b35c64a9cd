"""Where vectors come from. Two vectors may be compared only if all of it is the same."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from unified.errors import RetrievalError

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Origin(BaseModel):
    """The network and the settings that made an index's vectors.

    `model` is the SHA-256 of its tensors and of the config that says what they do, `codes` that of the task's codes,
    `preprocessing` what was done to the picture ({"size": 640, …}), `dimension` the length of a vector. `run` is where
    the model lay when the index was built: a hint for queries that must make a vector, and no part of the comparison.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Sha256
    task: str
    codes: Sha256
    preprocessing: dict[str, int | float | str | bool]
    dimension: Annotated[int, Field(ge=1)]
    metric: Literal["cosine"] = "cosine"
    run: str | None = None


def require_same(index_origin: Origin, query_origin: Origin) -> None:
    """RetrievalError that shows both sides of every difference, whole hashes included."""
    index, query = index_origin.model_dump(exclude={"run"}), query_origin.model_dump(exclude={"run"})
    differences = [
        f"  {name}: index {index[name]}, query {query[name]}" for name in index if index[name] != query[name]
    ]
    if differences:
        raise RetrievalError(
            "vectors of another origin cannot be compared with this index's:\n"
            + "\n".join(differences)
            + "\nquery with the model that the index was built with, or build the index anew with this one"
        )
