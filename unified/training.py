"""Train: from a config to a run folder with a trained model in it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

import unified
from unified.build import (
    LOG_EVERY,
    build_model,
    freezing,
    joint_loss,
    kinship_of,
    prepare,
    recipe_of,
    same_classes,
    start_from,
    study,
    taxonomy_from,
    threads_of,
    training_loader,
    validation_loader,
    workers_of,
)
from unified.build_data import check_labels, open_data, unscored, with_labels_kept
from unified.config import Config, differences, show
from unified.data.dataset import Dataset
from unified.data.loader import Loader
from unified.data.workers import worker_context
from unified.errors import ConfigError, MissingExtraError
from unified.evaluate import Inference, evaluate
from unified.model.multitask import MultiTaskModel
from unified.ops.counted import counted
from unified.ops.device import choose_device
from unified.settle import settle, some_pictures
from unified.task import Scores
from unified.train.checkpoint import Checkpoint, Provenance
from unified.train.code_log import CodeLog
from unified.train.log import Sink
from unified.train.precision import Precision
from unified.train.ranks import Ranks, unwrapped
from unified.train.run import RunFolder, numbered
from unified.train.terminal import terminal
from unified.train.trainer import Trainer


def train(
    config: Config,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    console: Console | None = None,
) -> Path:
    """Train as `config` says and return the run folder: `out`, or the next `runs/<name>/<n>`.

    Raises:
        ConfigError, DataError: before anything is written.
        NonFiniteLossError, CheckpointError: the last good checkpoint stands.
    """
    ranks = Ranks.of_environment()
    device = choose_device(ranks.device(config.device))
    if console is None or not ranks.first:
        console = Console(stderr=True, quiet=not ranks.first)
    with ranks.joined(device):
        return _train(config, None if out is None else Path(out), resume, console, device, ranks)


def _train(
    config: Config, out: Path | None, resume: bool, console: Console, device: torch.device, ranks: Ranks
) -> Path:
    if workers_of(config.train.workers, device):
        worker_context()  # starts what they are copied from
    data = config.dataset()
    _tell(console, "reading the data set")
    whole, val_set = open_data(config, "train"), open_data(config, "val")
    train_set = with_labels_kept(config, whole)
    same_classes(train_set.taxonomy, val_set.taxonomy, f"{data.train} split", f"{data.val} split")
    seed_everything(config.train.seed)
    model = build_model(config, train_set.taxonomy)
    check_labels(model, train_set)
    check_norms(config, model, len(train_set))
    joint = joint_loss(config.joint, model, ranks)
    freezing(config.train, model)  # a mistake in it is said before anything is written
    precision = Precision.choose(device, config.train.precision)
    torch.set_num_threads(threads_of(workers_of(config.train.workers, device), device))
    provenance = Provenance(
        config=config.to_dict(), taxonomy=asdict(train_set.taxonomy), metadata={"unified": unified.__version__}
    )
    earlier = RunFolder(out, provenance) if out is not None and resume else None
    seen, saved = (None, None) if earlier is None else (earlier.stamp(), earlier.last())
    if saved is None:
        prepare(model, train_set, config.size)
        if config.train.start is not None:
            taken = start_from(config.train.start, model, config, train_set.taxonomy)
            _tell(console, f"{config.train.start}: {taken.describe()}")
    else:
        same_classes(train_set.taxonomy, taxonomy_from(saved.provenance.taxonomy), "data set", "checkpoint")
        same_optimizer(config, saved)
    study(model, train_set)
    loader = training_loader(config, train_set, device, kinship=kinship_of(model, train_set), ranks=ranks)
    wrapped = ranks.wrapped(model.to(device), precision.memory_format)
    run = RunFolder(ranks.of_first(lambda: out or numbered(Path("runs"), config.name)), provenance)
    trainer = Trainer(
        wrapped,
        joint,
        loader,
        evaluator(config, train_set, val_set, device, precision),
        recipe_of(config.train),
        precision=precision,
        run=run if ranks.first else None,
        sinks=_sinks(run, console, config, unwrapped(wrapped)) if ranks.first else [],
        freezing=freezing(config.train, unwrapped(wrapped)),
    )
    if saved is not None:
        trainer.restore(saved)
        if changed := ", ".join(differences(saved.provenance.config, config.to_dict())):
            _tell(console, f"going on otherwise than before: {changed}")
    with ExitStack() as claim:
        # Only now: what cannot be gone on with leaves the folder as it is.
        ranks.of_first(lambda: claim.enter_context(RunFolder.create(run.path, provenance, resume=resume, seen=seen)))
        ranks.of_first(lambda: run.record_config(show(config, comments=False)))
        for dataset in (train_set, val_set):
            _tell(console, dataset.summary())
        if left_out := len(whole) - len(train_set):
            _tell(console, f"{left_out} of {len(whole)} pictures keep no label (train.keep_labels) and are not shown")
        for task in unscored(model, val_set):
            why = f"no picture is labelled for {task}, which will have no scores"
            _tell(console, f"{val_set.name}, {val_set.split}: {why}")
        several = f", {ranks.world} processes" if ranks.world > 1 else ""
        where = f"on {device} in {precision.describe()}{several}"
        _tell(console, f"{run.path}: {config.trunk} with {', '.join(config.tasks)} {where}")
        try:
            progress = trainer.fit()
        except KeyboardInterrupt:
            _tell(console, f"stopped; --out {run.path} --resume goes on")
            raise
        if trainer.gave_up():
            why = f"{progress.stale} without a better score (train.patience); checkpoints/best has the best"
            _tell(console, f"stopped early, after {counted(progress.epoch, 'epoch')}: {why}")
    return run.path


def same_optimizer(config: Config, saved: Checkpoint) -> None:
    """ConfigError when the training was begun with another optimiser: its moments are of no use to this one."""
    begun = saved.provenance.config.get("train", {}).get("optimizer", config.train.optimizer)
    if begun != config.train.optimizer:
        raise ConfigError(
            f"train.optimizer is {config.train.optimizer}, and the training was begun with {begun}: leave it so, or "
            "begin another from its weights, train.start=RUN with a new --out"
        )


def check_norms(config: Config, model: MultiTaskModel, pictures: int) -> None:
    """ConfigError when batch norms would see a single number a channel, which has no variance."""
    stride = model.trunk.max_stride
    if min(config.train.batch, pictures) == 1 and config.size == stride:
        raise ConfigError(
            f"a batch of one picture of {config.size} px is one cell at stride {stride}, where batch norms find no "
            f"variance; give size={2 * stride} or more, or train.batch=2 and two pictures or more"
        )


def _sinks(run: RunFolder, console: Console, config: Config, model: MultiTaskModel) -> list[Sink]:
    """Files, terminal, the log of the codes and, where it is installed, TensorBoard."""
    sinks = [run.metrics(every=LOG_EVERY), terminal(console), *_code_log(config.train.log_codes, run, model)]
    try:
        sinks.append(run.events(every=LOG_EVERY))
    except MissingExtraError as error:
        _tell(console, f"no TensorBoard events: {error}")
    return sinks


def _code_log(every: int | str, run: RunFolder, model: MultiTaskModel) -> list[Sink]:
    """What keeps the codes' values; no sink where the config wants none."""
    if every == 0:
        return []
    return [CodeLog(run.path, model.codes(), every=every if isinstance(every, int) else None)]


def _tell(console: Console, text: str) -> None:
    """As it is: names and paths may hold [brackets]."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def seed_everything(seed: int) -> None:
    """All three generators: what a library draws from any of them belongs to the run too."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the global one is what libraries use
    torch.manual_seed(seed)


def evaluator(
    config: Config, train_set: Dataset, val_set: Dataset, device: torch.device, precision: Precision
) -> Callable[[MultiTaskModel], Mapping[str, Scores]]:
    """What scores the averaged model during the training, once it settled on training pictures."""

    def loader(dataset: Dataset) -> Loader:
        workers = workers_of(config.train.workers, device, pictures=len(dataset))
        return validation_loader(dataset, size=config.size, batch=config.train.batch, workers=workers, device=device)

    scored = loader(val_set)

    @cache
    def looked_at() -> Loader:  # few tasks want to look
        return loader(some_pictures(train_set))

    def score(model: MultiTaskModel) -> Mapping[str, Scores]:
        settle(model, lambda: looked_at().epoch(0), precision)
        return evaluate(Inference.of(model, device, precision), scored.epoch(0))

    return score
