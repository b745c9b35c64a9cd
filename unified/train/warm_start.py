"""Begin from the weights of another training: of one task only, or with another head."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unified.errors import CheckpointError

SHOWN = 6  # names a line lists before it says how many more there are


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a warm start: names of tensors."""

    taken: Sequence[str]
    fresh: Sequence[str]  # the checkpoint has none of that name
    reshaped: Sequence[str]  # fresh, too: the checkpoint's has another shape
    left: Sequence[str]  # fresh, too: the checkpoint's is about its own data or classes
    unused: Sequence[str]  # the model has none of that name

    def describe(self) -> str:
        lines = [f"{len(self.taken)} tensors taken"]
        for names, what in (
            (self.fresh, "not in it, left as they are"),
            (self.reshaped, "of another shape in it, left as they are"),
            (self.left, "about other data or classes in it, left as they are"),
            (self.unused, "of it not used"),
        ):
            if names:
                more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
                lines.append(f"{len(names)} {what}: {', '.join(names[:SHOWN])}{more}")
        return "; ".join(lines)


@torch.no_grad()
def take(model: nn.Module, tensors: Mapping[str, Tensor], leave: Container[str] = ()) -> Taken:
    """Copy every tensor of the same name and shape into the model, but for those to `leave` as they are.

    CheckpointError when not one parameter fits: then it is the checkpoint of something else.
    """
    own = model.state_dict()
    left = [name for name in own if name in tensors and name in leave]
    fits = [n for n in own if n in tensors and n not in left and own[n].shape == tensors[n].shape]
    parameters = {name for name, _ in model.named_parameters()}
    if not parameters & set(fits):
        raise CheckpointError("no parameter of the checkpoint has a name and shape of this model: another trunk?")
    # Not by copying: modules may have to notice, such as those that keep what they read from a buffer.
    model.load_state_dict({name: tensors[name] for name in fits}, strict=False)
    return Taken(
        taken=fits,
        fresh=[name for name in own if name not in tensors],
        reshaped=[name for name in own if name in tensors and name not in fits and name not in left],
        left=left,
        unused=[name for name in tensors if name not in own],
    )
