from __future__ import annotations

from unified import registry
from unified.config.listing import listing


def test_every_option_is_listed_with_type_default_and_meaning() -> None:
    rows = {row["key"]: row for row in listing(registry.options("toys.pose"))}
    assert list(rows) == ["align", "align.operator", "align.width", "points", "iou", "low", "high"]
    assert rows["iou"] == {"key": "iou", "allowed": "a number ≥ 0 and ≤ 1", "default": 0.65, "meaning": "Threshold."}


def test_a_default_of_the_section_comes_before_that_of_the_key() -> None:
    rows = {row["key"]: row for row in listing(registry.options("toys.pose"))}
    assert rows["align.operator"]["default"] == "mul"
