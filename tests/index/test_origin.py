from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.index.gallery import ORIGIN
from unified.errors import RetrievalError
from unified.index.origin import Origin, require_same


@pytest.mark.parametrize(
    ("field", "value"),
    [("model", "c" * 64), ("codes", "d" * 64), ("task", "faces"), ("preprocessing", {"size": 320}), ("dimension", 9)],
)
def test_another_origin_is_refused_and_both_sides_shown(field: str, value: object) -> None:
    other = ORIGIN.model_copy(update={field: value})
    with pytest.raises(RetrievalError) as caught:
        require_same(ORIGIN, other)
    lines = [line for line in str(caught.value).splitlines() if line.startswith("  ")]
    assert lines == [f"  {field}: index {getattr(ORIGIN, field)}, query {value}"]


def test_the_same_origin_passes() -> None:
    require_same(ORIGIN, Origin.model_validate_json(ORIGIN.model_dump_json()))


@pytest.mark.parametrize(
    "change", [{"model": "abc"}, {"codes": "A" * 64}, {"dimension": 0}, {"metric": "l2"}, {"more": 1}]
)
def test_what_is_no_origin_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Origin.model_validate(ORIGIN.model_dump() | change)
