"""The states of the random generators a training may draw from, as tensors."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor


def capture() -> dict[str, Tensor]:
    """The states of Python's, NumPy's and torch's global generators, CUDA's included where it is in use."""
    version, words, gauss = random.getstate()
    _, key, position, has_gauss, cached = np.random.get_state()  # noqa: NPY002 - what libraries draw from
    states = {
        "python": torch.tensor([version, *words]),
        "python_gauss": torch.tensor([] if gauss is None else [gauss], dtype=torch.float64),
        "numpy": torch.from_numpy(np.array([*key, position, has_gauss], dtype=np.int64)),
        "numpy_gauss": torch.tensor([cached], dtype=torch.float64),
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_initialized():
        states |= {f"cuda{i}": state for i, state in enumerate(torch.cuda.get_rng_state_all())}
    return states


def restore(states: Mapping[str, Tensor]) -> None:
    """Set the generators to what `capture` returned. CUDA states of devices that are not here are left out."""
    version, *words = states["python"].tolist()
    gauss = states["python_gauss"].tolist()
    random.setstate((version, tuple(words), gauss[0] if gauss else None))
    *key, position, has_gauss = states["numpy"].tolist()
    words32, cached = np.array(key, dtype=np.uint32), states["numpy_gauss"].item()
    np.random.set_state(("MT19937", words32, position, has_gauss, cached))  # noqa: NPY002
    torch.set_rng_state(states["torch"])
    if torch.cuda.is_available():
        for device in range(torch.cuda.device_count()):
            if f"cuda{device}" in states:
                torch.cuda.set_rng_state(states[f"cuda{device}"], device)


@contextmanager
def replayed(states: Mapping[str, Tensor]) -> Iterator[None]:
    """Within the block the generators draw what they drew from `states` on; afterwards they go on as if without it."""
    now = capture()
    restore(states)
    try:
        yield
    finally:
        restore(now)


def reseed(*numbers: int) -> None:
    """Begin all generators anew from whole numbers, which others than these lead elsewhere."""
    words = np.random.SeedSequence(numbers).generate_state(3)
    random.seed(int(words[0]))
    np.random.seed(int(words[1]))  # noqa: NPY002
    torch.manual_seed(int(words[2]))
