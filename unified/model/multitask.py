"""The multi-task model: one trunk, computed once a picture, and every task's head on its features.

y_t = d_t( f(x) ⋆ g(z_t) )        equation (5) of arXiv 2105.04206
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping
from typing import Any

from torch import Tensor, nn

from unified.errors import ConfigError, nearest
from unified.model.implicit import ImplicitCode, Markov
from unified.task import Target, Task


class ByName(nn.ModuleDict):
    """Modules by names that may have dots, as `their_package.pose` has; torch, which allows none, sees slashes."""

    def __getitem__(self, name: str) -> nn.Module:
        return super().__getitem__(name.replace(".", "/"))

    def __setitem__(self, name: str, module: nn.Module) -> None:
        super().__setitem__(name.replace(".", "/"), module)

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def keys(self) -> KeysView[str]:
        return dict(self.items()).keys()

    def items(self) -> ItemsView[str, nn.Module]:
        return {key.replace("/", "."): module for key, module in super().items()}.items()


class MultiTaskModel(nn.Module):
    """`trunk` maps images (B, 3, H, W) float in [0, 1] to features; `tasks` read them.

    Losses are computed inside `forward`, so that DistributedDataParallel sees every parameter used.
    """

    def __init__(self, trunk: nn.Module, tasks: Mapping[str, Task]) -> None:
        super().__init__()
        self.trunk = trunk
        self.tasks = ByName(dict(tasks))
        for name, task in tasks.items():
            task.name = name  # by which the config, labels and results know it
        _link_markov_codes(tasks)

    def forward(self, images: Tensor, targets: Mapping[str, Target] | None = None) -> dict[str, Any]:
        """Raw outputs by task; with `targets`, the loss parts by task instead ({} where nothing is labelled)."""
        features = self.trunk(images)
        if targets is None:
            return {name: task(features) for name, task in self.tasks.items()}
        return {name: self.tasks[name].loss(self.tasks[name](features), target) for name, target in targets.items()}  # type: ignore[operator]

    def task(self, name: str) -> Task:
        """The task of that name."""
        task = self.tasks[name]
        assert isinstance(task, Task)
        return task

    def learns(self, name: str) -> bool:
        """Whether a loss of that task moves any weight: not where trunk and task stand still."""
        return any(weight.requires_grad for part in (self.trunk, self.tasks[name]) for weight in part.parameters())

    def settled(self) -> set[str]:
        """Keys of the state dict that the tasks' `settle` fills."""
        return {f"{at}.{name}" for at, task in self.named_modules() if isinstance(task, Task) for name in task.settled}

    def codes(self) -> dict[str, ImplicitCode]:
        """{"detection/align/p3": code, …} over all tasks."""
        return {f"{name}/{place}": code for name in self.tasks for place, code in self.task(name).codes().items()}


def _link_markov_codes(tasks: Mapping[str, Task]) -> None:
    """Give every Markov code the code it is a transition of; chains are allowed, circles are not."""
    codes = {f"{name}/{place}": code for name, task in tasks.items() for place, code in task.codes().items()}
    source_of: dict[str, str] = {}
    for name, code in codes.items():
        if isinstance(code.modelling, Markov):
            source_of[name] = _find_source(name, code.modelling.source_name, codes)
    for name in source_of:
        path = [name]
        while path[-1] in source_of:
            path.append(source_of[path[-1]])
            if path[-1] in path[:-1]:
                circle = " ← ".join(path)
                raise ConfigError(f"markov codes form a circle: {circle}; one of them needs another modelling")
    for name, source in source_of.items():
        modelling = codes[name].modelling
        if isinstance(modelling, Markov) and modelling.T is None:
            modelling.link(codes[source])


def _find_source(name: str, wanted: str, codes: Mapping[str, ImplicitCode]) -> str:
    """`wanted` is 'task/place/level', or a task: then the code of the same place and level, or the task's first."""
    place = name.split("/", 1)[1]
    of_task = [other for other in codes if other.startswith(f"{wanted}/")]
    for candidate in (wanted, f"{wanted}/{place}", *of_task[:1]):
        if candidate in codes and candidate != name:
            return candidate
    others = [other for other in codes if other != name]
    raise ConfigError(f"markov code {name}: no code {wanted!r} to be a transition of; {nearest(wanted, others)}")
