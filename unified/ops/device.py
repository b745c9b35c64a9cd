"""Which device to compute on."""

from __future__ import annotations

import torch

from unified.errors import ConfigError


def choose_device(name: str = "auto") -> torch.device:
    """`auto` is the first accelerator there is, else the CPU; anything else is taken at its word.

    Raises:
        ConfigError: the device is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device {name!r} is not known; allowed: auto, cpu, cuda, cuda:N, mps") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(f"device {name!r} is not here: {torch.cuda.device_count()} CUDA devices are; try device=auto")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("device 'mps' is not here; try device=auto")
    return device
