"""Data sets of a config, and who may learn from what."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.tiny import TinyRun, tiny_config
from unified.build import build_model, kinship_of, prepare, study, training_loader
from unified.build_data import check_labels, open_data, views_of, with_labels_kept
from unified.config import Config, read
from unified.data.convert import convert
from unified.errors import ConfigError, DataError


def two_sources(data: Path, first: str = "detection", second: str = "classification", *more: str) -> Config:
    """The tiny data set twice, each time labelled for one task."""
    sources = f"{{one: {{path: {data}, tasks: [{first}]}}, two: {{path: {data}, tasks: [{second}]}}}}"
    return tiny_config(data, f"data={{sources: {sources}}}", *more)


def test_a_path_is_one_data_set_for_all_tasks(tiny_run: TinyRun) -> None:
    dataset = open_data(tiny_config(tiny_run.data), "train")
    assert len(dataset) == 8 and dataset.audience is None and dataset.record(0).tasks is None


def test_a_config_may_say_which_format_is_meant(tiny_run: TinyRun, tmp_path: Path) -> None:
    convert(tiny_run.data, tmp_path / "both", to="yolo", pictures="symlink")
    shutil.copytree(tiny_run.data / "annotations", tmp_path / "both" / "annotations")
    both = f"path: {tmp_path / 'both'}"
    for data, found in (
        (f"{{{both}}}", "COCO"),
        (f"{{{both}, format: yolo}}", "YOLO"),
        (f"{{sources: {{a: {{{both}, format: yolo}}}}}}", "YOLO"),
    ):
        assert f"({found})" in open_data(tiny_config(tiny_run.data, f"data={data}"), "train").name


def test_sources_are_joined_each_for_its_tasks(tiny_run: TinyRun) -> None:
    config = two_sources(tiny_run.data)
    train, val = (open_data(config, split) for split in ("train", "val"))
    assert (len(train), len(val)) == (16, 8) and train.parts == {"one": 8, "two": 8}
    assert [train.record(i).tasks for i in (0, 8)] == [frozenset({"detection"}), frozenset({"classification"})]
    loader = training_loader(config, train, torch.device("cpu"))
    tasks = [sample.tasks for batch in loader.epoch(0) for sample in batch.samples]
    assert len(tasks) == 16 and tasks.count(frozenset({"detection"})) == 8


def test_a_task_looks_at_the_labels_that_are_for_it_and_at_no_others(
    tiny_run: TinyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = two_sources(tiny_run.data)
    dataset = open_data(config, "train")
    model = build_model(config, dataset.taxonomy)
    looks: dict[str, list[bool]] = {}

    def watched(look: str) -> Callable[..., None]:
        return lambda records, *_: looks.update({look: [record.labels.objects is not None for record in records]})

    for look in ("prepare", "study", "kinship"):
        monkeypatch.setattr(model.task("classification"), look, watched(look))
    prepare(model, dataset, 64)
    study(model, dataset)
    kinship_of(model, dataset)
    assert looks == dict.fromkeys(("prepare", "study", "kinship"), [False] * 8 + [True] * 8)


def test_labels_are_kept_by_share(tiny_run: TinyRun) -> None:
    config = tiny_config(tiny_run.data, "train.keep_labels.detection=0.25")
    kept = with_labels_kept(config, open_data(config, "train"))
    assert kept.audience is not None and kept.audience.counts() == {"detection": 2, "classification": 8}
    assert len(kept) == 8
    other = tiny_config(tiny_run.data)
    assert with_labels_kept(other, whole := open_data(other, "train")) is whole


def test_pictures_that_keep_no_label_are_not_shown(tiny_run: TinyRun) -> None:
    kept_labels = "train.keep_labels.detection=0.25"
    config = two_sources(tiny_run.data, "detection, classification", "detection", kept_labels)
    whole = open_data(config, "train")
    kept = with_labels_kept(config, whole)
    assert kept.audience is not None and kept.audience.counts() == {"detection": 4, "classification": 8}
    assert kept.audience.given.any(1).all()
    one, two = kept.parts.values()
    assert one == 8 and one + two == len(kept), "all of the first source has tags"


def test_a_task_that_no_data_set_labels_is_an_error(tiny_run: TinyRun) -> None:
    config = two_sources(tiny_run.data, "detection", "detection")
    dataset = open_data(config, "train")
    with pytest.raises(DataError, match=r"task classification: no picture .*tasks\.classification=false"):
        check_labels(build_model(config, dataset.taxonomy), dataset)


def test_a_data_set_that_labels_no_task_is_an_error(tiny_run: TinyRun, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(tiny_run.data, data)
    for path in (data / "annotations").glob("instances_*.json"):
        content = json.loads(path.read_text())
        for annotation in content["annotations"]:
            annotation.pop("identity", None)
        path.write_text(json.dumps(content))
    sources = f"{{one: {{path: {tiny_run.data}}}, two: {{path: {data}, tasks: [embedding]}}}}"
    config = tiny_config(data, f"data={{sources: {sources}}}", "tasks.embedding={target: identity}")
    dataset = open_data(config, "train")
    with pytest.raises(DataError, match=r"data set two, train: not one of its 8 pictures is labelled for any"):
        check_labels(build_model(config, dataset.taxonomy), dataset)


def test_captions_ask_for_weak_views_and_a_config_may_for_others(tiny_run: TinyRun) -> None:
    plain, captions = views_of(tiny_config(tiny_run.data)), views_of(tiny_config(tiny_run.data, name="all-shapes"))
    assert (plain.share, plain.only_weak) == (0, frozenset())
    assert (captions.share, captions.only_weak) == (0.5, frozenset({"caption"}))
    own = views_of(tiny_config(tiny_run.data, "augment.weak={share: 0.25, tasks: [classification], hsv_s: 0}"))
    assert (own.share, own.only_weak, own.weak.mosaic) == (0.25, frozenset({"classification"}), 0)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("data={sources: {}}", "data.sources"),
        ("data={train: a}", "give either path or sources; got neither"),
        ("data={path: a, sources: {b: {path: c}}}", "got both"),
        ("data={sources: {a: {path: x, tasks: []}}}", "data.sources.a.tasks"),
        (
            "data={sources: {a: {path: x, tasks: [detektion]}}}",
            r"data.sources.a.tasks: the config has no such task; did you mean 'detection'",
        ),
        ("train.keep_labels={captoin: 0.5}", r"train.keep_labels.captoin: the config has no such task"),
        ("train.keep_labels={detection: 2}", r"train.keep_labels.detection: got 2"),
        ("augment.weak.tasks=[boxes]", r"augment.weak.tasks: the config has no such task"),
        ("augment.weak.share=0", r"augment.weak.share: got 0"),
        ("data={sources: {a: {path: x}}, mix: {a: 0}}", r"data.mix: got .*larger than 0"),
        ("data={sources: {a: {path: x}, b: {path: y}}, mix: {a: 1}}", r"data.mix: no ratio for b"),
        ("data={sources: {a: {path: x}}, mix: {a: -1}}", r"data.mix.a: got -1"),
        ("data={sources: {a: {path: x}}, mix: {a: .nan}}", r"data.mix.a"),
        ("data={sources: {a: {path: x}}, mix: evenly}", "data.mix: got \"evenly\"; allowed: 'proportional'"),
        ("data={path: x, mix: {a: 1}}", r"data.mix: no source 'a'"),
    ],
)
def test_what_does_not_go_together_is_said_at_its_key(override: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read("jdc-shapes", [override])


def test_paths_of_sources_count_from_the_file_that_says_them(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    text = "base: jdc-shapes\ndata:\n  sources:\n    a: {path: here}\n    b: {path: ../there, tasks: [detection]}\n"
    (tmp_path / "sub" / "mine.yaml").write_text(text)
    parts = read(tmp_path / "sub" / "mine.yaml").dataset().parts()
    assert {name: part.path for name, part in parts.items()} == {
        "a": str(tmp_path / "sub" / "here"),
        "b": str(tmp_path / "there"),
    }


def test_one_data_set_takes_the_place_of_several_and_they_of_it(tmp_path: Path) -> None:
    several = "data={sources: {a: {path: a}, b: {path: b}}, mix: sqrt}"
    for overrides, names in ((["data=c", several], ["a", "b"]), ([several, "data=c"], ["c"])):
        data = read("jdc-shapes", overrides).dataset()
        assert [Path(name).name for name in data.parts()] == names
        assert data.mix == ("sqrt" if len(names) == 2 else "proportional")
