"""What float32 can hold, and how it is written."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def at_least_float32(x: Tensor) -> Tensor:
    """The tensor in float32, or as it is where that is more precise."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def shortest(values: Tensor) -> Any:
    """0.9 and not 0.8999999761581421: the fewest digits that give the same float32 back; lists of them for lists."""
    return [shortest(value) for value in values] if values.dim() else float(str(values.numpy()))
