"""The options of a task as a table: every key with its type, its default and its meaning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from unified.config.explain import Schema, branches, describe

Row = dict[str, Any]  # key, allowed, default, meaning
REQUIRED = "(required)"


def listing(model: type[BaseModel]) -> list[Row]:
    """One row a key, nested keys dotted, in the order of the model."""
    schema = model.model_json_schema(by_alias=True)
    return list(_rows(schema, schema, "", {}))


def _rows(schema: Schema, part: Schema, above: str, defaults: Any) -> Iterator[Row]:
    """`defaults` is what the section above says by default, which comes before what the key itself would."""
    for branch in branches(schema, part):
        for key, inner in branch.get("properties", {}).items():
            default = inner.get("default", REQUIRED if key in branch.get("required", ()) else None)
            if isinstance(defaults, dict) and key in defaults:
                default = defaults[key]
            nested = list(_rows(schema, inner, f"{above}{key}.", default))
            yield {
                "key": f"{above}{key}",
                "allowed": "the keys below" if nested else describe(schema, inner),
                "default": "" if nested else default,
                "meaning": " ".join(inner.get("description", "").split()),
            }
            yield from nested
