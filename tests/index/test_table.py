"""What a stranger's SQLite file may not hold."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from unified.errors import RetrievalError
from unified.index.table import Table


def test_a_view_in_place_of_the_table_is_refused_before_it_computes(tmp_path: Path) -> None:
    endless = "with recursive t(n) as (select 0 union all select n + 1 from t) select n position, n id from t"
    with closing(sqlite3.connect(tmp_path / "table")) as database:
        database.execute(f"create view entries as {endless}")
        database.commit()
    with pytest.raises(RetrievalError, match="no table of ours: it has entries"):
        Table(tmp_path / "table")
