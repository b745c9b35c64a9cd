from __future__ import annotations

from pathlib import Path

import pytest

from unified.config import read, shipped, summary
from unified.config.files import FOLDER, MAX_BYTES, find
from unified.errors import ConfigError

POSE = "trunk: yolor-n\ntasks:\n  toys.pose:\n"


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_config_is_valid(name: str) -> None:
    assert read(name).name == name


@pytest.mark.parametrize("name", [name for name in shipped() if name != "base"])
def test_every_shipped_config_says_where_it_comes_from_and_what_to_expect(name: str) -> None:
    head = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").split("\n\n")[0]
    assert all(line.startswith("#") for line in head.splitlines())
    for word in ("Paper", "Command", "Cost", "Score", f"unified train {name}"):
        assert word in head


def test_the_three_rows_of_table_3_differ_in_what_the_paper_says() -> None:
    baseline, jdc, ijdc = (read(f"table3-{row}") for row in ("baseline", "jdc", "ijdc"))
    assert {config.trunk for config in (baseline, jdc, ijdc)} == {"yolov4-csp"}
    assert baseline.train == jdc.train == ijdc.train
    assert list(baseline.tasks) == ["detection"]
    assert list(jdc.tasks) == list(ijdc.tasks) == ["detection", "classification"]
    for config in (baseline, jdc):
        assert all(options["codes"] == {"align": None, "refine": None} for options in config.tasks.values())
    for options in ijdc.tasks.values():
        assert (options["codes"]["align"]["operator"], options["codes"]["refine"]) == ("add", None)


def test_a_summary_is_the_first_line_of_the_head_comment() -> None:
    assert summary("jdc").startswith("JDC on COCO")


def test_a_name_is_a_shipped_config_and_a_path_ends_in_yaml(folder: Path) -> None:
    (folder / "jdc.yaml").write_text(POSE)
    assert find("jdc", Path()) == FOLDER / "jdc.yaml"
    assert find("jdc.yaml", Path()) == Path("jdc.yaml")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("jdc-shape", "did you mean 'jdc-shapes'"),
        ("mine", "mine.yaml"),
        ("mime.yaml", "did you mean 'mine.yaml'"),
        ("no/such/folder/a.yaml", "no config file no/such/folder/a.yaml"),
        ("../../etc/passwd", "no shipped config"),
    ],
)
def test_a_config_that_is_not_there_is_an_error_with_a_hint(folder: Path, name: str, words: str) -> None:
    (folder / "mine.yaml").write_text(POSE)
    with pytest.raises(ConfigError, match=words):
        read(name)


def test_a_base_lies_under_the_file_that_names_it(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "low.yaml").write_text(POSE + "train: {epochs: 5, batch: 4}\nname: low\n")
    (folder / "sub" / "mid.yaml").write_text("base: ../low.yaml\ntrain:\n  epochs: 7\n")
    (folder / "top.yaml").write_text("base: sub/mid.yaml\nsize: 64\n")
    config = read("top.yaml")
    assert (config.train.epochs, config.train.batch, config.size) == (7, 4, 64)
    assert config.name == "top"  # a name belongs to its own file


def test_a_base_may_be_a_shipped_config(folder: Path) -> None:
    (folder / "mine.yaml").write_text("base: table3-jdc\ntrain: {epochs: 2}\n")
    config = read("mine.yaml")
    assert (config.trunk, config.train.epochs, config.name) == ("yolov4-csp", 2, "mine")


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ("jdx", "mine.yaml:1: base: no shipped config 'jdx'"),
        ("other.yaml", "mine.yaml:1: base: no config file other.yaml"),
        ("[a, b]", "mine.yaml:1: base: got"),
        ("mine.yaml", "based on itself"),
        ("loop.yaml", "based on itself"),
    ],
)
def test_a_bad_base_is_an_error_at_its_line(folder: Path, base: str, words: str) -> None:
    (folder / "mine.yaml").write_text(f"base: {base}\n{POSE}")
    (folder / "loop.yaml").write_text("base: mine.yaml\n")
    with pytest.raises(ConfigError, match=words.replace("[", r"\[")):
        read("mine.yaml")


def test_problems_of_a_base_are_told_with_its_own_lines(folder: Path) -> None:
    (folder / "low.yaml").write_text(POSE + "sise: 64\n")
    (folder / "mine.yaml").write_text("base: low.yaml\ntrian: {}\n")
    with pytest.raises(ConfigError) as caught:
        read("mine.yaml")
    assert "low.yaml:4: sise: unknown key; did you mean 'size'?" in str(caught.value)
    assert "mine.yaml:2: trian: unknown key; did you mean 'train' or" in str(caught.value)


def test_a_file_that_is_no_text_of_ours_is_refused(folder: Path) -> None:
    (folder / "big.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    (folder / "latin.yaml").write_bytes("# größer\n".encode("latin-1"))
    (folder / "dir.yaml").mkdir()
    for name, words in (("big", "larger than"), ("latin", "no text in UTF-8"), ("dir", "no config file")):
        with pytest.raises(ConfigError, match=words):
            read(f"{name}.yaml")


def test_a_byte_order_mark_is_no_part_of_the_first_key(folder: Path) -> None:
    (folder / "mine.yaml").write_text(POSE, encoding="utf-8-sig")
    assert read("mine.yaml").trunk == "yolor-n"
