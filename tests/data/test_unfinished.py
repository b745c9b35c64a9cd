"""Two processes never write one folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from unified.data.unfinished import unfinished
from unified.errors import DataError


def test_a_folder_that_somebody_writes_is_left_alone(tmp_path: Path) -> None:
    with unfinished(tmp_path / "new") as folder:
        (folder / "a").touch()
        with pytest.raises(DataError, match="is writing this folder; name another"), unfinished(tmp_path / "new"):
            pass
        assert [path.name for path in folder.iterdir()] == ["a"]
        folder.rename(tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_what_a_killed_process_left_and_what_took_no_name_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".new.unfinished" / "old").mkdir(parents=True)
    with unfinished(tmp_path / "new") as folder:
        assert not list(folder.iterdir())
        (folder / "half").touch()
    assert not list(tmp_path.iterdir())
