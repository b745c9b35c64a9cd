from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.track.toys import write_frames
from unified.errors import ConfigError, DataError, MissingExtraError
from unified.track.plan import parse_span, plan


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    return [write_frames(tmp_path / "a", 4), write_frames(tmp_path / "b", 4, first=11)]


def test_one_source_goes_into_the_folder_and_several_into_one_each(sources: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    (alone,) = plan(sources[:1], out)
    assert (alone.out, alone.wanted, alone.truth) == (out, (1, 2, 3, 4), None)
    both = plan(sources, out, spans=[(2, 4), (11, 13)], stride=2)
    assert [(job.out, job.wanted) for job in both] == [(out / "a", (2, 4)), (out / "b", (11, 13))]


def test_each_source_has_its_truth(sources: list[Path], tmp_path: Path) -> None:
    truths = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for path, number in zip(truths, (1, 11), strict=True):
        path.write_text(f"{number},7,1,1,5,5,1,1,1\n")
    jobs = plan(sources, tmp_path / "out", spans=[(1, 1), (11, 11)], truths=truths)
    assert [job.truth is not None and list(job.truth.frames) for job in jobs] == [[1], [11]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spans": [(1, 2)] * 3}, "3 ranges of frames for 2 sources"),
        ({"truths": [Path("gt.txt")]}, "1 truth files for 2 sources"),
        ({"truths": [Path("gt.txt")] * 2, "annotations": Path("gt.json")}, "one each in their order, or one COCO file"),
    ],
)
def test_numbers_that_do_not_go_together_are_refused(
    sources: list[Path], options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        plan(sources, tmp_path / "out", **options)


def test_two_sources_of_one_name_are_refused(sources: list[Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="two sources are called 'a'"):
        plan([sources[0], write_frames(tmp_path / "other" / "a", 1)], tmp_path / "out")


def test_what_scoring_needs_is_asked_for_before_the_work(
    sources: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "trackeval", None)
    plan(sources, tmp_path / "out")
    with pytest.raises(MissingExtraError):
        plan(sources[:1], tmp_path / "out", truths=[tmp_path / "gt.txt"])


def test_a_span_is_two_numbers() -> None:
    assert parse_span("47:54") == (47, 54)
    for wrong in ("47", "47-54", ":54", "5:4", "a:b"):
        with pytest.raises(ConfigError, match="FIRST:LAST"):
            parse_span(wrong)
