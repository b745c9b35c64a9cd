from __future__ import annotations

from pathlib import Path

import pytest

from unified.config import InvalidConfig, read

GOOD = "trunk: yolor-n\nsize: 64\ntasks:\n  toys.pose:\n"

BAD = """\
trunk: yolor-n
size: 64px
epochs: 10
tasks:
  toys.pose:
    algn: 3
    align: {operator: sub, widt: 3}
    points: [1, two]
    iou: 2
augment: 7
train:
  lr: -1
  worker: 2
  workers: many
  seed: true
  precision: fp16
joint:
  weights:
    toys.pose: {start: 0, ends: 1}
device: [cpu]
"""

MESSAGES = """\
  bad.yaml:2: size: got "64px"; allowed: a whole number ≥ 32 and ≤ 8192, a multiple of 32
  bad.yaml:3: epochs: unknown key; did you mean 'train.epochs'?
  bad.yaml:6: tasks."toys.pose".algn: unknown key; did you mean 'align'?
  bad.yaml:7: tasks."toys.pose".align.operator: got "sub"; allowed: 'add' or 'mul'
  bad.yaml:7: tasks."toys.pose".align.widt: unknown key; did you mean 'width'?
  bad.yaml:8: tasks."toys.pose".points.1: got "two"; allowed: a number
  bad.yaml:9: tasks."toys.pose".iou: got 2; allowed: a number ≥ 0 and ≤ 1
  bad.yaml:10: augment: got 7; allowed: a mapping of mosaic, close_mosaic, hsv_h, hsv_s, hsv_v, degrees, translate, \
scale, shear, fliplr, flipud, mixup, weak
  bad.yaml:12: train.lr: got -1; allowed: a number > 0 or 'auto'
  bad.yaml:13: train.worker: unknown key; did you mean 'workers'?
  bad.yaml:14: train.workers: got "many"; allowed: a whole number ≥ 0 or 'auto'
  bad.yaml:15: train.seed: got true; allowed: a whole number ≥ 0 and < 4294967296
  bad.yaml:16: train.precision: got "fp16"; allowed: 'auto' or 'float32' or 'bfloat16'
  bad.yaml:19: joint.weights."toys.pose".end: missing, but required: Weight after `to`.
  bad.yaml:19: joint.weights."toys.pose".ends: unknown key; did you mean 'end'?
  bad.yaml:20: device: got ["cpu"]; allowed: a text of the form (auto|cpu|cuda(:[0-9]+)?|mps)
"""


def test_all_that_is_wrong_is_told_at_once_with_file_line_path_got_and_allowed(folder: Path) -> None:
    (folder / "bad.yaml").write_text(BAD)
    with pytest.raises(InvalidConfig) as caught:
        read("bad.yaml")
    assert str(caught.value) == (
        f"config 'bad' has 16 problems:\n{MESSAGES}all keys with their meaning: unified config show base"
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("lr: 0.1", "lr: unknown key; did you mean 'train.lr'?"),
        ("mosaik: 0", "mosaik: unknown key; did you mean 'augment.mosaic'?"),
        ("iou: 0.5", """iou: unknown key; did you mean 'tasks."toys.pose".iou'?"""),
        ("joint: {weights: {toys.pose: heavy}}", 'got "heavy"; allowed: a number ≥ 0 or a mapping of start, end, from'),
        ("data: {pth: x}", "data.pth: unknown key; did you mean 'path'?"),
        ("data: {train: a}", "data: give either path or sources; got neither"),
        (
            "data: 3",
            "data: got 3; allowed: a text or a mapping of path, train, val, format, sources, mix, on_error or null",
        ),
        ("train: {epochs: 0}", "train.epochs: got 0; allowed: a whole number ≥ 1"),
        ("train:", "train: got null; allowed: a mapping of epochs"),
        ("<<: {a: 1}", "<<: unknown key; allowed: augment, base, data"),
    ],
)
def test_a_message_names_what_is_allowed(folder: Path, line: str, message: str) -> None:
    (folder / "bad.yaml").write_text(GOOD + line)
    with pytest.raises(InvalidConfig) as caught:
        read("bad.yaml")
    assert message in str(caught.value) and "bad.yaml:5" in str(caught.value)


def test_options_that_contradict_each_other_are_told_in_the_words_of_the_task(folder: Path) -> None:
    (folder / "bad.yaml").write_text("trunk: yolor-n\nsize: 64\ntasks:\n  toys.pose: {low: 3, high: 2}\n")
    with pytest.raises(InvalidConfig, match=r'bad.yaml:4: tasks."toys.pose": low may not exceed high; got 3 and 2'):
        read("bad.yaml")


def test_what_is_missing_altogether_is_told_at_the_file(folder: Path) -> None:
    (folder / "empty.yaml").write_text("")
    with pytest.raises(InvalidConfig) as caught:
        read("empty.yaml")
    assert "empty.yaml: tasks: missing, but required" in str(caught.value)
    assert "empty.yaml: trunk: missing, but required" in str(caught.value)


def test_a_long_value_is_cut(folder: Path) -> None:
    (folder / "bad.yaml").write_text(GOOD + f"device: {'x' * 4000}")
    with pytest.raises(InvalidConfig) as caught:
        read("bad.yaml")
    assert len(str(caught.value)) < 500
