"""Wiring: the only file that turns a config into objects, but for data sets and views: `build_data.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from unified import registry
from unified.build_data import views_of
from unified.config import Config, changed
from unified.config import Joint as JointConfig
from unified.config import Ramp as RampConfig
from unified.config import Train as TrainConfig
from unified.data.dataset import Dataset
from unified.data.kinship import Kinship
from unified.data.letterbox import Letterbox
from unified.data.loader import Loader
from unified.data.mix import Mix
from unified.data.sample import Batch, Taxonomy
from unified.errors import ConfigError, DataError, nearest
from unified.model.blocks import Activation
from unified.model.multitask import MultiTaskModel
from unified.model.reference import Translation, translate
from unified.model.trunk import Trunk, build_trunk
from unified.ops.cores import cores
from unified.task import Levels, Task
from unified.train import checkpoint
from unified.train.freezing import Freezing, Span
from unified.train.joint import JointLoss
from unified.train.plan import Recipe, plan
from unified.train.ranks import Ranks
from unified.train.scale import make_scale
from unified.train.schedule import Ramp, Schedule
from unified.train.warm_start import Taken, take
from unified.train.weighting.catalogue import make as make_weighting

MOST_WORKERS = 8  # more loader processes than this gain nothing even at 8 × 640 px on one GPU
WORTH_WORKERS = 500  # pictures: a process needs five seconds or more to start, as it imports torch
LOG_EVERY = 10  # updates between lines of metrics.jsonl


def build_model(config: Config, taxonomy: Taxonomy) -> MultiTaskModel:
    """The model of `config` for the classes of `taxonomy`, freshly initialised, on the CPU.

    ConfigError for a task without its `gains` or `fitness`, rather than after an epoch.
    """
    trunk = build_trunk(config.trunk)
    levels = levels_of(trunk)
    tasks = {name: registry.load(name).task(levels, taxonomy, **options) for name, options in config.tasks.items()}
    for name, task in tasks.items():
        if lacks := [each for each in ("gains", "fitness") if not hasattr(task, each)]:
            what = f"{type(task).__name__} has no {' and no '.join(lacks)}"
            raise ConfigError(f"task {name}: {what}; see unified.task.Task")
    return MultiTaskModel(trunk, tasks)


def levels_of(trunk: Trunk) -> Levels:
    """What heads must know of the trunk."""
    return Levels(trunk.channels, trunk.strides, trunk.anchors)


def load_model(path: str | Path, overrides: Sequence[str] = ()) -> tuple[MultiTaskModel, Config, Taxonomy]:
    """The averaged weights of a checkpoint in the model of its config, on the CPU in eval mode.

    `overrides` go over that config: options of tasks that say how answers are made and scored, not which weights there
    are. CheckpointError where the weights are not those of such a model.
    """
    saved = checkpoint.load(Path(path))
    config = changed(Config.from_dict(saved.provenance.config, f"config of {path}"), overrides)
    taxonomy = taxonomy_from(saved.provenance.taxonomy)
    model = build_model(config, taxonomy)
    checkpoint.load_into(model, saved.model, str(path))
    return model.eval(), config, taxonomy


def from_reference(
    name: str, state_dict: Mapping[str, Tensor], *, activation: Activation | None = None
) -> MultiTaskModel:
    """A published YOLOR or Scaled-YOLOv4 detector, in eval mode, from its state dict; see `unified models` for names.

    `model(images)["detection"]` is the list of raw maps, finest first: (B, A·(5+K), H, W), anchor by anchor
    x y w h object classes. `activation` overrides the paper's where the published file differs from it.

    Raises:
        CheckpointError: the state dict is not that model's; every tensor unaccounted for is named.
    """
    found = translate(name, state_dict, activation=activation)
    trunk = Trunk.from_spec(found.spec)
    anchors = found.anchors or {level: torch.tensor(a) for level, a in trunk.anchors.items()}
    sizes = [[(float(w), float(h)) for w, h in anchors[level].tolist()] for level in trunk.channels]
    first = next(iter(found.predict.values()))[1]
    classes = len(first) // len(sizes[0]) - 5
    taxonomy = Taxonomy(tuple(f"class {i}" for i in range(classes)), tuple(range(classes)))
    codes = {
        "align": None if found.align is None else {"operator": "add"},
        "refine": None if found.refine is None else {"operator": "mul"},
    }
    task = registry.load("detection").task(levels_of(trunk), taxonomy, codes=codes, anchors=sizes)
    model = MultiTaskModel(trunk, {"detection": task})
    checkpoint.load_into(model, _reference_state(model, found), f"published weights of {name}")
    return model.eval()


def _reference_state(model: MultiTaskModel, found: Translation) -> dict[str, Tensor]:
    """The translated weights under the names of our model."""
    head = "tasks.detection.head.predict"
    state = {f"trunk.{name}": tensor for name, tensor in found.trunk.items()}
    state["tasks.detection.anchors"] = model.state_dict()["tasks.detection.anchors"]
    for level, (weight, bias) in found.predict.items():
        state |= {f"{head}.{level}.conv.weight": weight, f"{head}.{level}.conv.bias": bias}
        if found.align is not None:
            state[f"{head}.{level}.align.modelling.z"] = found.align[level].view(1, -1)
        if found.refine is not None:
            state[f"{head}.{level}.refine.modelling.z"] = found.refine[level].view(1, -1)
    return state


def prepare(model: MultiTaskModel, dataset: Dataset, size: int) -> None:
    """Let every task look at the training labels once."""
    for name in model.tasks:
        model.task(name).prepare(dataset.records(name), size)


def study(model: MultiTaskModel, dataset: Dataset) -> None:
    """Let every task look at the training labels before each training."""
    for name in model.tasks:
        model.task(name).study(dataset.records(name))


def kinship_of(model: MultiTaskModel, dataset: Dataset) -> Kinship | None:
    """Which pictures the tasks want to meet in a batch.

    Raises:
        ConfigError: several tasks want different things.
    """
    found = {name: model.task(name).kinship(dataset.records(name)) for name in model.tasks}
    wishes = {name: wish for name, wish in found.items() if wish is not None}
    if len(wishes) > 1:
        raise ConfigError(f"{' and '.join(wishes)} each say which pictures should meet in a batch; only one task may")
    return next(iter(wishes.values()), None)


@dataclass
class TrainingLoader:
    """A loader as the trainer wants it: it closes the mosaic by itself after `mosaic_epochs` epochs."""

    loader: Loader
    mosaic_epochs: int
    batch_size: int

    def __len__(self) -> int:
        return len(self.loader)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        return self.loader.epoch(epoch, start, mosaic=epoch < self.mosaic_epochs)


def training_loader(
    config: Config,
    dataset: Dataset,
    device: torch.device,
    *,
    kinship: Kinship | None = None,
    ranks: Ranks | None = None,
) -> TrainingLoader:
    """Augmented, shuffled batches of the training split: this process's part of them."""
    ranks = ranks or Ranks()
    views = views_of(config)
    several = len(dataset.parts) > 1
    loader = Loader(
        dataset,
        views,
        batch=config.train.batch,
        workers=workers_of(config.train.workers, device),
        seed=config.train.seed,
        shuffle=True,
        drop_last=len(dataset) > config.train.batch * ranks.world,
        kinship=kinship,
        mix=Mix.make(config.dataset().mix, dataset.parts, config.train.epochs) if several else None,
        labels=dataset.meeting(without=views.only_weak),
        device_type=device.type,
        rank=ranks.rank,
        ranks=ranks.world,
    )
    planned = plan(recipe_of(config.train), batches=len(loader), batch=config.train.batch * ranks.world)
    return TrainingLoader(loader, planned.epochs - config.augment.close_mosaic, config.train.batch)


def validation_loader(
    dataset: Dataset, *, size: int, batch: int, workers: int, device: torch.device, shuffle: bool = False
) -> Loader:
    """The data set as it is, letterboxed, in order, or in the same random one each time."""
    return Loader(dataset, Letterbox(size), batch=batch, workers=workers, device_type=device.type, shuffle=shuffle)


def recipe_of(config: TrainConfig) -> Recipe:
    """The trainer's recipe; `auto` and 0 = never become None."""

    def given(value: Any) -> Any:
        return None if value in ("auto", 0) else value

    return Recipe(
        epochs=config.epochs,
        max_steps=given(config.max_steps),
        optimizer=config.optimizer,
        lr=given(config.lr),
        lr_final=config.lr_final,
        momentum=config.momentum,
        weight_decay=None if config.weight_decay == "auto" else config.weight_decay,
        nominal_batch=given(config.nominal_batch),
        warmup_epochs=None if config.warmup_epochs == "auto" else config.warmup_epochs,
        warmup_momentum=config.warmup_momentum,
        warmup_bias_lr=None if config.warmup_bias_lr == "auto" else config.warmup_bias_lr,
        ema_decay=config.ema_decay,
        evaluate_every=config.evaluate_every,
        patience=given(config.patience),
        checkpoint_steps=given(config.checkpoint_every),
    )


def joint_loss(config: JointConfig, model: MultiTaskModel, ranks: Ranks | None = None) -> JointLoss:
    """The joint loss over the model's tasks, with the config's gains over the tasks' own.

    Raises:
        ConfigError: a gain for a part that no task's loss has, or an unknown weighting.
        MissingExtraError: the weighting needs what is not installed.
    """
    known = [f"{name}/{part}" for name in model.tasks for part in model.task(name).gains]
    for part in config.parts:
        if part not in known:
            raise ConfigError(f"joint.parts.{part}: no task's loss has such a part; {nearest(part, known)}")
    gains = {
        name: {part: config.parts.get(f"{name}/{part}", gain) for part, gain in model.task(name).gains.items()}
        for name in model.tasks
    }
    weights = {
        task: Ramp(weight.start, weight.end, weight.from_, weight.to) if isinstance(weight, RampConfig) else weight
        for task, weight in config.weights.items()
    }
    return JointLoss(
        gains,
        Schedule(weights, alternate=config.alternate),
        make_weighting(config.weighting, list(gains), config.options),
        scale=make_scale(config.scale, list(gains)),
        log_every=config.log_every,
        ranks=ranks,
    )


def freezing(config: TrainConfig, model: MultiTaskModel) -> Freezing:
    """What stands still when. ConfigError for parts that the model does not have."""
    spans = config.freeze if isinstance(config.freeze, dict) else dict.fromkeys(config.freeze)
    return Freezing(model, {name: Span(span.from_, span.to) if span else Span() for name, span in spans.items()})


def start_from(path: str, model: MultiTaskModel, config: Config, taxonomy: Taxonomy) -> Taken:
    """Give the model, built for `taxonomy`, the weights of another training where they fit.

    What tells classes apart is left as it is where the other training had others, or the same in another order.
    CheckpointError when nothing fits.
    """
    saved = checkpoint.load(Path(path))
    leave = {f"{at}.{name}" for at, task in model.named_modules() if isinstance(task, Task) for name in task.of_data}
    if taxonomy_from(saved.provenance.taxonomy).categories != taxonomy.categories:
        leave |= _of_classes(config, taxonomy)
    return take(model, saved.model, leave)


def _of_classes(config: Config, taxonomy: Taxonomy) -> set[str]:
    """The tensors whose shape depends on the number of classes: those that are others for more than twice as many."""
    names = tuple(f"class {i}" for i in range(2 * len(taxonomy) + 1))
    more = Taxonomy(names, tuple(range(len(names))), taxonomy.identities)
    with torch.random.fork_rng(devices=[]):
        own, other = (build_model(config, classes).state_dict() for classes in (taxonomy, more))
    return {name for name in own if own[name].shape != other[name].shape}


def workers_of(workers: int | str, device: torch.device, *, pictures: int | None = None) -> int:
    """Loader processes. On a CPU they compete with the training, which needs few pictures a second: half the cores.

    `pictures` to be read once each: a few are read by the process itself before others have started.
    """
    if isinstance(workers, int):
        return workers
    if pictures is not None and pictures < WORTH_WORKERS:
        return 0
    return min(MOST_WORKERS, max(cores() // 2, 1) if device.type == "cpu" else cores())


def threads_of(workers: int, device: torch.device) -> int:
    """Threads for arithmetic: the cores that the loader leaves, and no more than OMP_NUM_THREADS allows.

    One thread too many costs far more than its share: all the others wait for it at every operation.
    """
    allowed = torch.get_num_threads()
    return min(max(cores() - workers, 1), allowed) if device.type == "cpu" else allowed


def taxonomy_from(values: Mapping[str, Any]) -> Taxonomy:
    """The inverse of `asdict`, from JSON."""
    return Taxonomy(tuple(values["categories"]), tuple(values["category_ids"]), values["identities"])


def same_classes(first: Taxonomy, second: Taxonomy, first_name: str, second_name: str) -> None:
    """DataError showing both class lists unless they are the same, in the same order."""
    if first.categories == second.categories:
        return
    advice = "use the data set that the model was trained on, or train a model for these classes"
    if set(first.categories) == set(second.categories):
        advice = "they are in another order; where a data set has names alone, classes.txt in its folder says the order"
    only = [_listed(sorted(set(a.categories) - set(b.categories))) for a, b in ((first, second), (second, first))]
    raise DataError(
        f"the classes differ between the {first_name} and the {second_name}:\n"
        f"  {first_name} ({len(first)}): {_listed(first.categories)}\n"
        f"  {second_name} ({len(second)}): {_listed(second.categories)}\n"
        f"  only in the first: {only[0]}; only in the second: {only[1]}\n"
        f"{advice}"
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
