"""CSP blocks: what the two dialects share, and where they differ."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from unified.model.blocks import Conv, Style
from unified.model.csp import Csp, Csp2, CspSpp, Fusion

D, T = Style("D", "silu"), Style("T", "silu")


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(("c_in", "c_out"), [(8, 8), (6, 12)])
def test_fusion_last_costs_the_same_in_both_dialects(c_in: int, c_out: int) -> None:
    d, t = (Csp(c_in, c_out, 2, fusion="last", style=style) for style in (D, T))
    assert parameters(d) == parameters(t)


def test_fusion_last_is_the_same_function_in_both_dialects_up_to_eps() -> None:
    d, t = (Csp(8, 8, 2, fusion="last", style=style).double().eval() for style in (D, T))
    randomise_norms(t)
    copy_shared(t, d)
    halves = [{k: v if v.ndim == 0 else v.chunk(2)[half] for k, v in t.joint.state_dict().items()} for half in (0, 1)]
    for norm, bare, conv in zip(halves, (t.transition, t.short), (d.transition, d.short), strict=True):
        state = {"conv.weight": bare.state_dict()["weight"], **norm}  # the joint norm's keys start with bn, as a Conv's
        conv.load_state_dict(state, strict=True)
    for module in d.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-3
    x = torch.randn(1, 8, 5, 5, dtype=torch.float64)
    torch.testing.assert_close(d(x), t(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("block", "h"),
    [
        (lambda style: Csp(8, 12, 2, fusion="first", style=style), 6),
        (lambda style: Csp2(8, 12, 2, style=style), 12),
        (lambda style: CspSpp(8, 12, style=style), 12),
    ],
    ids=["fusion first", "csp2", "spp"],
)
def test_the_joint_norm_of_dialect_t_costs_2h_more(block: object, h: int) -> None:
    assert parameters(block(T)) - parameters(block(D)) == 2 * h  # type: ignore[operator]


def test_fusion_first_normalises_the_units_twice_in_t_only() -> None:
    x = torch.randn(1, 8, 5, 5)
    d, t = (Csp(8, 8, 1, fusion="first", style=style).eval() for style in (D, T))
    assert isinstance(d.joint, nn.Identity) and isinstance(d.short, Conv)
    assert isinstance(t.short, nn.Conv2d)
    seen: list[Tensor] = []
    t.close.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    t(x)
    twice = t.joint(torch.cat([t.units(t.main(x)), t.short(x)], dim=1))
    assert torch.equal(seen[0], twice)


def test_csp2_splits_after_the_first_convolution() -> None:
    block = Csp2(8, 4, 1, style=D).eval()
    x = torch.randn(1, 8, 5, 5)
    x1 = block.main(x)
    assert torch.equal(block(x), block.close(torch.cat([block.units(x1), block.short(x1)], dim=1)))


@pytest.mark.parametrize(("style", "order"), [(T, [1, 5, 9, 13]), (D, [13, 9, 5, 1])], ids=["T", "D"])
def test_spp_concatenates_in_the_order_of_the_dialect(style: Style, order: list[int]) -> None:
    block = CspSpp(4, 4, style=style).eval()
    seen: list[Tensor] = []
    block.merge.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    x = torch.randn(1, 4, 16, 16)
    block(x)
    inner = block.conv2(block.conv1(block.main(x)))
    pools = [torch.nn.functional.max_pool2d(inner, k, stride=1, padding=k // 2) for k in order]
    assert torch.equal(seen[0], torch.cat(pools, dim=1))


def test_the_spp_tail_of_csp_x_is_one_more_pair() -> None:
    assert parameters(CspSpp(4, 8, tail=2, style=D)) - parameters(CspSpp(4, 8, style=D)) == 64 + 16 + 9 * 64 + 16


@pytest.mark.parametrize("fusion", ["first", "last"])
@pytest.mark.parametrize("style", [D, T], ids=["D", "T"])
def test_every_parameter_gets_a_gradient(fusion: Fusion, style: Style) -> None:
    block = nn.Sequential(
        Csp(6, 8, 1, fusion=fusion, style=style), CspSpp(8, 8, tail=2, style=style), Csp2(8, 6, 1, style=style)
    )
    torch.autograd.backward(block(torch.randn(2, 6, 8, 8)).square().sum())
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in block.parameters())


def randomise_norms(module: nn.Module) -> None:
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for tensor in (norm.weight, norm.running_var):
                assert tensor is not None
                nn.init.uniform_(tensor, 0.5, 2.0)
            for tensor in (norm.bias, norm.running_mean):
                assert tensor is not None
                nn.init.normal_(tensor)


def copy_shared(source: nn.Module, target: nn.Module) -> None:
    """Everything that has the same name and shape in both."""
    shapes = {key: value.shape for key, value in target.state_dict().items()}
    shared = {key: value for key, value in source.state_dict().items() if shapes.get(key) == value.shape}
    target.load_state_dict(shared, strict=False)
