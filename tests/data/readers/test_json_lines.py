from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.data.tiny import document, draw_pictures
from unified.data.readers.coco_layouts import CocoLayout
from unified.data.readers.json_lines import entry_lines

values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.text(max_size=4), lambda inner: st.lists(inner, max_size=3), max_leaves=5
)


@given(
    st.dictionaries(st.text(max_size=4), st.lists(values, max_size=4) | values, max_size=4), st.sampled_from([0, 1, 3])
)
def test_every_entry_is_found_on_its_line(content: dict[str, Any], indent: int) -> None:
    text = json.dumps(content, indent=indent)
    rows = text.split("\n")

    found = entry_lines(text)

    assert found.keys() == {key for key, value in content.items() if isinstance(value, list)}
    for key, lines in found.items():
        if len(rows) == 1:
            assert lines == [1] * len(content[key])
            continue
        assert len(lines) == len(content[key])
        for line, value in zip(lines, content[key], strict=True):
            first = json.dumps(value, indent=indent).split("\n")[0]
            assert rows[line - 1].strip().removesuffix(",") == first


def test_a_fault_and_an_object_are_found_by_line(tmp_path: Path) -> None:
    content = document()
    content["annotations"][1]["category_id"] = 99
    draw_pictures(tmp_path, content)
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(content, indent=1))

    parsed = CocoLayout("COCO", "train", path, (tmp_path,)).parse()

    (fault,) = parsed.findings
    rows = path.read_text().split("\n")
    assert fault.line is not None and rows[fault.line] == '   "id": 11,'
    assert str(fault).startswith(f"annotations[1] (id 11), line {fault.line}: category_id is 99")
    file, where, line = parsed.origins.of(0, 0)  # what is left of picture 1 is the entry with the id 12
    assert (file, where) == (str(path), "annotations[2]") and line is not None and rows[line] == '   "id": 12,'
