"""bfloat16 where the device multiplies it, float32 elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from unified.errors import ConfigError
from unified.train import precision
from unified.train.precision import Precision, cpu_flags, native_bfloat16

CPU = torch.device("cpu")


def test_float32_asked_for_changes_nothing() -> None:
    chosen = Precision.choose(CPU, "float32")
    with chosen.autocast(CPU):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == torch.float32
    assert chosen.describe() == "float32, channels last"


def test_bfloat16_asked_for_is_taken_on_any_device() -> None:
    chosen = Precision.choose(CPU, "bfloat16")
    with chosen.autocast(CPU):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == torch.bfloat16
    assert chosen.memory_format == torch.channels_last


@pytest.mark.parametrize(
    ("flags", "capability", "native"),
    [
        ({"avx512_bf16"}, "AVX512", True),
        ({"amx_bf16", "amx_tile"}, "AVX512", True),
        ({"avx512f", "avx2"}, "AVX512", False),
        ({"avx512_bf16"}, "AVX2", False),  # torch was told to use less than the processor has
        (set(), "DEFAULT", False),
    ],
)
def test_auto_asks_the_processor(
    flags: set[str], capability: str, native: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "cpu_flags", lambda: frozenset(flags))
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert native_bfloat16(CPU) is native
    assert Precision.choose(CPU).dtype == (torch.bfloat16 if native else torch.float32)


@pytest.mark.parametrize(("capability", "native"), [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_auto_asks_the_gpu(capability: tuple[int, int], native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert native_bfloat16(torch.device("cuda")) is native


def test_other_devices_stay_in_float32() -> None:
    assert Precision.choose(torch.device("mps")).describe() == "float32, contiguous"


def test_flags_are_read_from_the_kernel(tmp_path: Path) -> None:
    listing = tmp_path / "cpuinfo"
    listing.write_text("model name\t: X\nflags\t\t: fpu avx512_bf16\n\nflags\t\t: other\n")
    assert cpu_flags(listing) == {"fpu", "avx512_bf16"}
    assert cpu_flags(tmp_path / "none") == frozenset()


def test_an_unknown_precision_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"float16.*bfloat16"):
        Precision.choose(CPU, "float16")
