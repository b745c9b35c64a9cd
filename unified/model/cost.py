"""Parameters and FLOPs, counted on the real modules by the paper's convention (Table 7 of arXiv 2105.04206):

    FLOPs = 2 · (convolution multiply-accumulates + bias additions + 2 · elements that enter a BN)

in eval mode, nothing folded, everything else free. Implicit codes: an addition is free, since it folds into the next
convolution's bias; any other operator costs one FLOP for each number of g(z) at each position, not doubled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor, nn
from torch.func import functional_call

from unified.model.implicit import ImplicitCode
from unified.model.operators import Add


@dataclass(frozen=True, slots=True)
class Cost:
    """Counts for one image. "Fused": every BN that directly follows a convolution folded into it, codes kept."""

    parameters: int
    code_parameters: int
    fused_parameters: int
    conv_macs: int
    bias_adds: int
    bn_elements: int
    folding_saves: int
    """Operations, before doubling, that folding removes."""
    code_operations: int

    @property
    def flops(self) -> int:
        """Without the codes."""
        return 2 * (self.conv_macs + self.bias_adds + 2 * self.bn_elements)

    @property
    def fused_flops(self) -> int:
        """The same after folding the norms."""
        return self.flops - 2 * self.folding_saves


class _Meter:
    """Forward hooks that add up what every call costs."""

    def __init__(self) -> None:
        self.conv_macs = self.bias_adds = self.bn_elements = self.folding_saves = self.code_operations = 0
        self.folds: dict[nn.BatchNorm2d, nn.Conv2d] = {}
        self._last: tuple[nn.Conv2d, Tensor] | None = None

    def conv(self, conv: nn.Conv2d, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self.conv_macs += output.numel() * conv.weight[0].numel()
        self.bias_adds += 0 if conv.bias is None else output.numel()
        self._last = conv, output

    def norm(self, norm: nn.BatchNorm2d, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self.bn_elements += output.numel()
        if self._last is not None and self._last[1] is inputs[0]:
            self.folds[norm] = conv = self._last[0]
            # A BN costs two operations an element; the bias that replaces it costs one, unless there is one already.
            self.folding_saves += output.numel() * (1 if conv.bias is None else 2)

    def code(self, code: ImplicitCode, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if not isinstance(code.operator, Add):
            batch, _, *positions = output.shape
            self.code_operations += batch * torch.Size(positions).numel() * code.modelling_size()

    @contextmanager
    def attached(self, model: nn.Module) -> Iterator[None]:
        """`model` in eval mode and with the hooks; as it was afterwards."""
        modes = {module: module.training for module in model.modules()}
        hooks = []
        for module in model.eval().modules():
            for kind, hook in ((nn.Conv2d, self.conv), (nn.BatchNorm2d, self.norm), (ImplicitCode, self.code)):
                if isinstance(module, kind):
                    hooks.append(module.register_forward_hook(hook))
        try:
            yield
        finally:
            for handle in hooks:
                handle.remove()
            for module, mode in modes.items():
                module.training = mode


def count(model: nn.Module, size: int, *, probe: int | None = None) -> Cost:
    """What `model` costs on one RGB image of `size` × `size` pixels.

    It runs once in eval mode on the CPU, on weights that hold no memory; the model itself may be on any device, `meta`
    included, and is left as it was. `probe` is the side of the image that really runs, `size` if not given: the counts
    of a trunk with 1×1 heads grow with the area, so that its largest stride is enough.
    """
    probe = probe or size
    meter = _Meter()
    with meter.attached(model), torch.no_grad(), _one_thread():
        functional_call(model, _weightless(model), (torch.zeros(1, 3, probe, probe),))

    def scaled(counted: int) -> int:
        return counted * size**2 // probe**2

    codes = {id(p): p for m in model.modules() if isinstance(m, ImplicitCode) for p in m.parameters()}
    parameters = _numel(model.parameters())
    removed = sum(_numel(norm.parameters()) for norm in meter.folds)
    biases = sum(conv.out_channels for conv in meter.folds.values() if conv.bias is None)
    return Cost(
        parameters=parameters,
        code_parameters=_numel(codes.values()),
        fused_parameters=parameters - removed + biases,
        conv_macs=scaled(meter.conv_macs),
        bias_adds=scaled(meter.bias_adds),
        bn_elements=scaled(meter.bn_elements),
        folding_saves=scaled(meter.folding_saves),
        code_operations=scaled(meter.code_operations),
    )


def _numel(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors)


@contextmanager
def _one_thread() -> Iterator[None]:
    """On pictures as small as a probe the threads would only wait for each other: ten times as long in all."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _weightless(model: nn.Module) -> dict[str, Tensor]:
    """Zeros in the shape of every parameter and buffer, all views of one number."""
    return {
        name: torch.zeros((), dtype=tensor.dtype).expand(tensor.shape)
        for name, tensor in chain(model.named_parameters(), model.named_buffers())
        if tensor.is_floating_point() or tensor.is_meta
    }
