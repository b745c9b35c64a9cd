"""Every kind of fault is planted, found at its line, and mended in a copy; a clean data set has no finding."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.data.checks import planted_text
from tests.data.checks.ground import Planted, Site, fingerprint, kind_in
from tests.data.checks.planted import PLANTINGS
from unified.data.check import check
from unified.data.checks.kinds import KINDS, Fix, kind_of
from unified.data.findings import Finding
from unified.data.mend import mend


def place(finding: Finding) -> tuple[str, str, int | None]:
    return finding.kind, finding.file, finding.line


def plant(root: Path, *names: str) -> list[Planted]:
    site = Site(root)
    planted = [one for name in names for one in PLANTINGS[name](site, name)]
    site.write()
    return planted


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Planted]]:
    """A data set with everything wrong that can be; not to be changed."""
    root = tmp_path_factory.mktemp("dirty") / "data"
    return root, plant(root, *PLANTINGS)


def test_a_clean_set_has_no_finding(tmp_path: Path) -> None:
    assert not plant(tmp_path / "data")
    assert not check(tmp_path / "data").findings


def test_every_kind_is_planted(tmp_path: Path) -> None:
    text = {planting(tmp_path / name)[0] for name, planting in planted_text.PLANTINGS.items()}

    assert {kind_in(name) for name in PLANTINGS} | text == set(KINDS)


@pytest.mark.parametrize("name", PLANTINGS)
def test_a_planted_fault_is_found_where_it_is_and_nothing_else(name: str, tmp_path: Path) -> None:
    planted = plant(tmp_path / "data", name)

    report = check(tmp_path / "data")

    assert sorted(map(place, report.findings)) == sorted(one.at() for one in planted)
    assert report.sound == all(kind_of(one.kind).severity == "note" for one in planted)


def test_all_of_them_are_found_together(dirty: tuple[Path, list[Planted]]) -> None:
    root, planted = dirty

    found = Counter(map(place, check(root).findings))

    assert found == Counter(one.at() for one in planted)


def test_the_copy_is_clean_and_the_original_as_before(dirty: tuple[Path, list[Planted]], tmp_path: Path) -> None:
    root, planted = dirty
    before = fingerprint(root)

    mended = mend(root, tmp_path / "copy")

    assert fingerprint(root) == before
    assert mended.copy.sound and mended.copy.findings == check(tmp_path / "copy").findings
    left = {kind_of(finding.kind).fix for finding in mended.copy.findings}
    assert left <= {Fix.NONE}
    listed = Counter(place(change.finding) for change in mended.changes)
    assert listed == Counter(one.at() for one in planted if kind_of(one.kind).fix is not Fix.NONE)


@pytest.mark.parametrize("format", planted_text.CLEAN)
def test_a_clean_set_of_another_format_has_no_finding(format: str, tmp_path: Path) -> None:
    planted_text.CLEAN[format](tmp_path)

    assert not check(tmp_path).findings


@pytest.mark.parametrize("name", planted_text.PLANTINGS)
def test_a_fault_of_another_format_is_found_and_mended(name: str, tmp_path: Path) -> None:
    planted = planted_text.PLANTINGS[name](tmp_path / "data")
    before = fingerprint(tmp_path / "data")

    mended = mend(tmp_path / "data", tmp_path / "copy")

    assert [place(finding) for finding in mended.original.findings] == [planted]
    assert mended.copy.sound and fingerprint(tmp_path / "data") == before
    fix = kind_of(planted[0]).fix
    assert [place(change.finding) for change in mended.changes] == ([] if fix is Fix.NONE else [planted])
