"""TensorBoard is optional: its events are there, or an error names the extra."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.train.toys import toy_trainer
from unified.errors import MissingExtraError
from unified.train.tensorboard import TensorBoard


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_scalars_are_written_under_the_names_of_the_files(tmp_path: Path) -> None:
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    toy_trainer(None, sinks=[TensorBoard(tmp_path, every=1)]).fit()
    events = reading.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert {"loss/bright/fit", "weight/rare", "lr", "epoch/bright/score"} <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("lr")] == list(range(1, 13))


def test_its_absence_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingExtraError, match=r"unified\[tensorboard\]"):
        TensorBoard(tmp_path)
