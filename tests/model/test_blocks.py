"""Elementary blocks: parameter-free down-samplings against naive loops, sizes, dialects, folding."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unified.model.blocks import (
    BN_EPS,
    Conv,
    Dialect,
    DownConv,
    DownCsp,
    Dwt,
    ReOrg,
    Residual,
    Style,
    Unit,
    pyramid_pool,
)
from unified.model.fold import fold

D = Style("D", "silu")


def patch(x: Tensor, channel: int, row: int, column: int) -> list[float]:
    """Top left, top right, bottom left, bottom right of one 2×2 patch of the first image."""
    square = x[0, channel, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
    pixels: list[float] = square.flatten().tolist()
    return pixels


def test_reorg_takes_phases_column_by_column_and_keeps_channels_together() -> None:
    x = torch.rand(1, 3, 4, 6)
    y = ReOrg()(x)
    assert y.shape == (1, 12, 2, 3)
    for channel in range(3):
        for row in range(2):
            for column in range(3):
                tl, tr, bl, br = patch(x, channel, row, column)
                assert y[0, channel::3, row, column].tolist() == [tl, bl, tr, br]


def test_dwt_is_a_haar_transform_with_averages_first_and_bands_channel_by_channel() -> None:
    x = torch.rand(1, 3, 4, 6, dtype=torch.float64)
    y = Dwt()(x)
    assert y.shape == (1, 12, 2, 3)
    for channel in range(3):
        for row in range(2):
            for column in range(3):
                tl, tr, bl, br = patch(x, channel, row, column)
                average = (tl + tr + bl + br) / 2
                bands = [(tl + tr - bl - br) / 2, (tl - tr + bl - br) / 2, (tl - tr - bl + br) / 2]
                assert y[0, channel, row, column].item() == pytest.approx(average / 2)
                got = y[0, 3 + 3 * channel : 6 + 3 * channel, row, column].tolist()
                assert got == pytest.approx([band / 2 + 0.5 for band in bands])


def test_dwt_keeps_images_in_the_unit_interval() -> None:
    y = Dwt()((torch.rand(4, 3, 16, 16) > 0.5).float())
    assert y.min() >= 0 and y.max() <= 1


@pytest.mark.parametrize("block", [ReOrg(), Dwt()])
def test_shuffles_have_no_tensors_and_lose_nothing(block: nn.Module) -> None:
    assert not block.state_dict()
    impulses = torch.eye(2 * 8 * 8, dtype=torch.float64).view(-1, 2, 8, 8)
    matrix = (block(impulses) - block(torch.zeros_like(impulses))).flatten(1)  # of the linear map
    assert torch.linalg.matrix_rank(matrix) == len(impulses)


@pytest.mark.parametrize("k", [3, 5])
def test_chained_pools_equal_the_large_pools(k: int) -> None:
    x = torch.randn(2, 3, 17, 12)
    maps = pyramid_pool(x, k)
    for y, size in zip(maps[1:], (k, 2 * k - 1, 3 * k - 2), strict=True):
        assert torch.equal(y, F.max_pool2d(x, size, stride=1, padding=size // 2))


@pytest.mark.parametrize("dialect", ["D", "T"])
def test_norms_follow_the_dialect(dialect: Dialect) -> None:
    conv = Conv(3, 8, 3, style=Style(dialect, "mish"))
    assert conv.bn.eps == BN_EPS[dialect]
    assert conv.bn.momentum == 0.03
    assert conv.conv.bias is None


def test_activations_are_those_of_the_style() -> None:
    assert isinstance(Style("D", "mish").act(), nn.Mish)
    assert isinstance(Style("D", "silu").act(), nn.SiLU)


def test_a_unit_adds_its_input_only_with_the_shortcut() -> None:
    x = torch.randn(1, 8, 5, 5)
    unit = Unit(8, 8, shortcut=True, style=D).eval()
    plain = Unit(8, 8, shortcut=False, style=D).eval()
    plain.load_state_dict(unit.state_dict())
    torch.testing.assert_close(unit(x), x + plain(x))


def test_the_stem_residual_is_half_as_wide_inside() -> None:
    assert Residual(64, style=D).conv1.conv.out_channels == 32


@pytest.mark.parametrize("block", [DownConv(6, 10, style=D), DownCsp(6, 10, style=D)])
def test_down_sampling_halves_the_size(block: nn.Module) -> None:
    assert block.eval()(torch.randn(2, 6, 8, 12)).shape == (2, 10, 4, 6)


def test_csp_down_sampling_puts_the_strided_branch_first() -> None:
    block = DownCsp(6, 10, style=D).eval()
    x = torch.randn(1, 6, 8, 8)
    assert torch.equal(block(x)[:, :5], block.conv2(block.conv1(x)))
    assert torch.equal(block(x)[:, 5:], block.pooled(F.max_pool2d(x, 2)))


def test_folding_a_conv_changes_nothing() -> None:
    conv = Conv(3, 8, 3, style=D).double()
    nn.init.normal_(conv.bn.bias)
    assert conv.bn.running_var is not None
    nn.init.uniform_(conv.bn.running_var)
    x = torch.randn(1, 3, 9, 9, dtype=torch.float64)
    folded = fold(nn.Sequential(conv))
    torch.testing.assert_close(folded(x), conv.eval()(x), rtol=0, atol=1e-12)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
