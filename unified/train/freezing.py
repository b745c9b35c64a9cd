"""Parts of the model that stand still for a part of the training: their weights, and the statistics of their norms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from unified.errors import ConfigError, nearest
from unified.model.multitask import MultiTaskModel


@dataclass(frozen=True, slots=True)
class Span:
    """From one fraction of the training to another; 0 to 1 is all of it."""

    from_: float = 0.0
    to: float = 1.0

    def holds(self, progress: float) -> bool:
        return self.from_ <= progress < self.to or (self.to >= 1.0 and progress >= self.from_)


class Freezing:
    """
    Args:
        spans: "trunk", a task, or a module within ("trunk.stem", "detection.head") → when it is frozen.

    Raises:
        ConfigError: no such module, or nothing would ever be left to train.
    """

    def __init__(self, model: MultiTaskModel, spans: Mapping[str, Span]) -> None:
        self.model = model
        self.spans = {_module(model, name): span for name, span in spans.items()}
        self.trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
        always = {id(p) for module, span in self.spans.items() if span == Span() for p in module.parameters()}
        if all(id(parameter) in always for parameter in self.trainable):
            raise ConfigError(f"train.freeze: {', '.join(spans)} is all there is: nothing is left to train")

    def apply(self, progress: float) -> None:
        """Freeze what is to be frozen at this point, and nothing else. The model is in training mode afterwards."""
        if not self.spans:
            return
        self.model.train()
        still = [module for module, span in self.spans.items() if span.holds(progress)]
        frozen = {id(parameter) for module in still for parameter in module.parameters()}
        for parameter in self.trainable:
            parameter.requires_grad_(id(parameter) not in frozen)
        for module in still:
            module.eval()


def _module(model: MultiTaskModel, name: str) -> nn.Module:
    # A task of another package has dots in its name.
    owners: dict[str, nn.Module] = {"trunk": model.trunk} | dict(model.tasks.items())
    owner = max((known for known in owners if f"{name}.".startswith(f"{known}.")), key=len, default=None)
    if owner is None:
        raise ConfigError(f"train.freeze.{name}: no such part of the model; {nearest(name, owners)}")
    module, inner = owners[owner], name[len(owner) + 1 :]
    parts: dict[str, nn.Module] = dict(module.named_modules())
    if inner not in parts:
        raise ConfigError(f"train.freeze.{name}: {owner} has no module {inner!r}; {nearest(inner, parts)}")
    return parts[inner]
