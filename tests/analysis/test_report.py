"""The page of all sections is made of the folder's own files."""

from __future__ import annotations

import json
from pathlib import Path

from analysis.report import Plot, Section, folder_of, save


def test_a_section_of_a_strangers_folder_names_no_file_elsewhere_and_runs_nothing(tmp_path: Path) -> None:
    mine = Section("implicit", "Codes", "a run", plots=[Plot("a.png", "Codes", "how to read it")])
    (folder_of(tmp_path, "implicit") / "a.png").write_bytes(b"\x89PNG" + bytes(40))
    (tmp_path / "secret").write_bytes(b"secret" * 9)
    save(mine, tmp_path)
    stored = tmp_path / "implicit" / "implicit.json"
    values = json.loads(stored.read_text())
    values["name"] = '../x"><script>alert(1)</script>'
    values["plots"][0]["file"] = "../../implicit/a.png"
    stored.write_text(json.dumps(values))
    page = save(Section("cost", "Cost", "a run"), tmp_path).read_text()
    assert "<script>alert" not in page
    assert '<section id="implicit">' in page
