from __future__ import annotations

import json
import shutil
from collections import namedtuple
from pathlib import Path
from types import ModuleType

import pytest

from unified import doctor, registry

Usage = namedtuple("Usage", "total used free")


def test_a_working_machine_has_nothing_that_failed() -> None:
    checks = doctor.examine()
    assert [check for check in checks if check.status == "failed"] == []
    names = [check.name for check in checks]
    looked_at = ["python", "unified", "timm", "device", "cpu", "threads", "disk"]
    assert {*looked_at, "torch, torchvision", "shared memory", "current folder"} <= set(names)
    assert {f"task {name}" for name in registry.task_names()} <= set(names)
    assert {"extra retrieval", "extra export", "extra serve"} <= set(names)
    json.dumps([check.to_json() for check in checks])


def test_torch_and_torchvision_of_different_builds_are_diagnosed() -> None:
    def load(name: str) -> ModuleType:
        if name == "torchvision":
            raise RuntimeError("operator torchvision::nms does not exist\nmore lines")
        return ModuleType(name)

    check = doctor.check_torch(load)
    assert check.status == "failed" and check.mark == "FAILED"
    assert check.found.endswith("operator torchvision::nms does not exist")
    assert "same build" in check.advice and "pip install" in check.advice


def test_without_torch_the_rest_is_still_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> ModuleType:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(doctor, "check_torch", lambda broken=doctor.check_torch: broken(load))
    checks = doctor.examine()
    assert [check.name for check in checks if check.status == "failed"] == ["torch, torchvision"]
    assert "disk" in [check.name for check in checks]


def test_a_missing_package_is_named_with_its_installation() -> None:
    check = doctor.check_package("surely-not-installed")
    assert (check.status, check.advice) == ("failed", "pip install surely-not-installed")


def test_little_room_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(2**20, 0, 2**20))
    assert doctor.check_shared_memory(tmp_path).status == "note"
    assert doctor.check_disk(tmp_path).status == "note"
    assert doctor.check_shared_memory(tmp_path / "none").status == "ok"


def test_a_folder_that_may_not_be_written_is_noted(tmp_path: Path) -> None:
    assert doctor.check_writable(tmp_path).status == "ok"
    assert doctor.check_writable(tmp_path / "gone").status == "note"


def test_a_missing_extra_is_named_by_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = ["torch>=2", "faiss-cpu>=1.9; extra == 'retrieval'", "pytest>=8 ; extra == 'dev'", "x; extra == 'all'"]
    monkeypatch.setattr(doctor, "_requirements", lambda package: needs)
    monkeypatch.setattr(doctor, "_version", lambda package: "8.0" if package == "pytest" else doctor.MISSING)
    missing, present = doctor.check_extras()
    assert (missing.name, missing.status, missing.advice) == (
        "extra retrieval", "note", "optional: pip install 'unified[retrieval]'"
    )  # fmt: skip
    assert (present.name, present.status, present.found) == ("extra dev", "ok", "pytest 8.0")


def test_what_an_extra_does_not_bring_to_every_system_is_not_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = [
        'torchjd[cagrad]<0.19,>=0.18; extra == "balance"',
        'ecos>=2.0.14; (python_version < "3") and extra == "balance"',
        'pymilvus>=3.0; extra == "milvus"',
        'milvus-lite>=3.2; (sys_platform != "win32") and extra == "milvus"',
    ]
    monkeypatch.setattr(doctor, "_requirements", lambda package: needs)
    monkeypatch.setattr(doctor, "_version", lambda package: "0.18" if package == "torchjd" else doctor.MISSING)
    balance, milvus = doctor.check_extras()
    assert (balance.status, balance.found, balance.advice) == ("ok", "torchjd 0.18", "")
    assert (milvus.status, milvus.found) == ("note", "without pymilvus")


def test_a_task_that_does_not_load_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "task_names", lambda: ["detection", "gone"])
    monkeypatch.setattr(registry, "summary", lambda name: name)
    statuses = {check.name: check.status for check in doctor.check_tasks()}
    assert statuses == {"task detection": "ok", "task gone": "failed"}
