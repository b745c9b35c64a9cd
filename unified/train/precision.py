"""Which number format and memory layout a device is good at.

bfloat16 autocast where the silicon multiplies bfloat16 (CUDA from compute capability 8.0; x86 CPUs with AVX512-BF16 or
AMX), plain float32 everywhere else; channels-last memory with bfloat16, and on CPUs always: there small networks train
in float32 about a fifth faster so. float16 with its loss scaling is left out on purpose: every GPU that is short of
bfloat16 trains in float32 here.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from unified.errors import ConfigError, nearest
from unified.model.convolution import Convolution

OPTIONS = ("auto", "float32", "bfloat16")
CPU_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})  # as Linux names them
FIRST_CUDA = (8, 0)  # Ampere: the first compute capability with bfloat16 matrix units


@dataclass(frozen=True, slots=True)
class Precision:
    """How a device computes."""

    dtype: torch.dtype
    memory_format: torch.memory_format

    @classmethod
    def choose(cls, device: torch.device, option: str = "auto") -> Precision:
        """`auto` looks at the device; a format asked for by name is taken even where it is emulated, and slow."""
        if option not in OPTIONS:
            raise ConfigError(f"precision {option!r} is not known: {nearest(option, OPTIONS)}")
        if option == "bfloat16" or (option == "auto" and native_bfloat16(device)):
            return cls(torch.bfloat16, torch.channels_last)
        return cls(torch.float32, torch.channels_last if device.type == "cpu" else torch.contiguous_format)

    def autocast(self, device: torch.device) -> AbstractContextManager[object]:
        """Matrix products and convolutions in `dtype`; weights, and what autocast knows to be delicate, in float32."""
        return torch.autocast(device.type, dtype=self.dtype, enabled=self.dtype != torch.float32)

    def cast_weights(self, network: nn.Module) -> None:
        """Put convolutions and linear layers into `dtype`, for a network that from now on only infers, and only under
        `autocast`: that would cast them anew in every pass, to the same numbers, which costs batches of one a lot.
        """
        for layer in network.modules():
            # Not subclasses: they may compute with their weights in float32.
            if type(layer) in (nn.Conv2d, Convolution, nn.Linear):
                layer.to(self.dtype)

    def describe(self) -> str:
        """For people: bfloat16, channels last."""
        layout = "channels last" if self.memory_format == torch.channels_last else "contiguous"
        return f"{str(self.dtype).removeprefix('torch.')}, {layout}"


def native_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= FIRST_CUDA
    if device.type == "cpu":
        # torch may have been built for, or told to use, less than the processor offers.
        return torch.backends.cpu.get_cpu_capability() == "AVX512" and bool(CPU_FLAGS & cpu_flags())
    return False


def cpu_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Feature flags of the first processor; empty where the system does not list them (macOS, Windows)."""
    if not cpuinfo.is_file():
        return frozenset()
    for line in cpuinfo.read_text(errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "flags":
            return frozenset(value.split())
    return frozenset()
