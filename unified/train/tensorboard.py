"""The same numbers as TensorBoard events; the only file that imports it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from unified.errors import MissingExtraError
from unified.train.log import EpochRecord, StepRecord
from unified.train.plan import Plan

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FOLDER = "tensorboard"


class TensorBoard:
    """Events under `folder/tensorboard`. Raises MissingExtraError where TensorBoard is not installed."""

    def __init__(self, folder: Path, *, every: int = 10) -> None:
        try:
            import torch.utils.tensorboard  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("tensorboard", "tensorboard") from error
        self.folder = folder / FOLDER
        self.every = every

    def start(self, plan: Plan, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        # Events after the checkpoint that the training goes on from are hidden.
        self._writer: SummaryWriter = SummaryWriter(str(self.folder), purge_step=step + 1 if step else None)

    def step(self, record: StepRecord) -> None:
        if not record.due(self.every):
            return
        for name, value in (record.numbers() | {"speed/images_per_second": record.speed.images_per_second}).items():
            if value is not None:
                self._writer.add_scalar(name, value, record.step)

    def epoch(self, record: EpochRecord) -> None:
        for name, value in record.numbers().items():
            # The epoch's mean losses beside the steps' own: under another name, or they would share a curve.
            if value is not None:
                self._writer.add_scalar(f"epoch/{name}", value, record.step)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()
