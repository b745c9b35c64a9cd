"""TorchJD's weightings: one number a task from the inner products of the tasks' gradients.

They are made for the whole Jacobian of the losses by the parameters. Here the Gramian is that of the gradients at the
trunk's features: a pass through each head instead of a pass through the trunk for each task. The only file that imports
TorchJD.

Left out are those whose state TorchJD can neither save nor keep for absent tasks (GradVac, PCD, ExcessMTL, CR-MOGM),
and those that want several batches a step (MoDo, SDMGrad).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Literal

import torch
from torch import Tensor

from unified.errors import ConfigError, MissingExtraError, UnifiedError
from unified.train.weighting.weighting import Observed, Weighting, Weights

Solve = Callable[[Tensor], Tensor]  # (T, T) Gramian → (T,) weights

# What the weights of tasks that agree add up to. mean: 1, and they are multiplied by T; sum: T already;
# ratio: to nothing in particular, only their ratios mean anything, and they are brought to T.
Total = Literal["mean", "sum", "ratio"]


class Gramian(Weighting):
    """A weighting of TorchJD.

    Args:
        solve: makes TorchJD's object for a number of tasks.
        total: see `Total`.
    """

    needs_gradients = True

    def __init__(self, tasks: Sequence[str], name: str, solve: Callable[[int], Solve], total: Total) -> None:
        super().__init__(tasks)
        self.name = name
        self.solve = solve
        self.total = total

    def forward(self, observed: Observed) -> Weights:
        assert observed.gramian is not None
        # In float64 on the CPU, where the solvers run; with a trace of 1, because TorchJD takes what is small for zero.
        gramian = observed.gramian.cpu().double()
        count, trace = len(gramian), gramian.trace()
        if count < 2 or trace == 0:
            return dict.fromkeys(observed.losses, 1.0)
        if not gramian.isfinite().all():  # no solver would say so as clearly as what looks at the weights
            return dict.fromkeys(observed.losses, float("nan"))
        weights = self._solved(gramian / trace)
        if self.total == "mean":
            weights = weights * count
        elif self.total == "ratio":
            weights = weights * count / weights.sum()
        return dict(zip(observed.losses, weights.tolist(), strict=True))

    def _solved(self, gramian: Tensor) -> Tensor:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of cvxpy, about accuracy: what is not finite is found out later
                return self.solve(len(gramian))(gramian)
        except (ValueError, ArithmeticError, RuntimeError) as error:
            raise UnifiedError(
                f"joint.weighting={self.name} found no weights for these gradients ({error}); "
                "go on from the last checkpoint with --resume, or choose another weighting"
            ) from error


def upgrad(tasks: Sequence[str]) -> Gramian:
    return _gramian(tasks, "upgrad", lambda jd, _: jd.UPGradWeighting())


def mgda(tasks: Sequence[str]) -> Gramian:
    return _gramian(tasks, "mgda", lambda jd, _: jd.MGDAWeighting())


def pcgrad(tasks: Sequence[str]) -> Gramian:
    return _gramian(tasks, "pcgrad", lambda jd, _: jd.PCGradWeighting(), "sum")


def cagrad(tasks: Sequence[str], *, c: float = 0.5) -> Gramian:
    return _gramian(tasks, "cagrad", lambda jd, _: jd.CAGradWeighting(c=c))


def nash_mtl(tasks: Sequence[str]) -> Gramian:
    return _gramian(tasks, "nash-mtl", _nash, "ratio")


def aligned_mtl(tasks: Sequence[str]) -> Gramian:
    return _gramian(tasks, "aligned-mtl", lambda jd, _: jd.AlignedMTLWeighting())


def imtl_g(tasks: Sequence[str]) -> Gramian:
    return _gramian(tasks, "imtl-g", lambda jd, _: jd.IMTLGWeighting())


def dualproj(tasks: Sequence[str]) -> Gramian:
    return _gramian(tasks, "dualproj", lambda jd, _: jd.DualProjWeighting())


def fairgrad(tasks: Sequence[str], *, alpha: float = 1.0) -> Gramian:
    return _gramian(tasks, "fairgrad", lambda jd, _: jd.FairGradWeighting(alpha=alpha), "ratio")


def random(tasks: Sequence[str]) -> Gramian:
    return _gramian(tasks, "random", lambda jd, _: jd.RandomWeighting())


def _nash(jd: ModuleType, count: int) -> Solve:
    # A new one each step, though it could start from the weights before: a resumed training then solves the same.
    weighting = jd.NashMTL(n_tasks=count, max_norm=0.0).weighting  # the norm is our Gramian's own choice: see `Total`

    def solve(gramian: Tensor) -> Tensor:
        values, vectors = torch.linalg.eigh(gramian)
        weights: Tensor = weighting(vectors * values.clamp(min=0).sqrt())  # it wants the gradients: a root will do
        return weights

    return solve


def _gramian(
    tasks: Sequence[str], name: str, make: Callable[[ModuleType, int], Solve], total: Total = "mean"
) -> Gramian:
    """Makes one at once: what is not installed is said before the training starts, not in it."""
    try:
        from torchjd import aggregation
    except ModuleNotFoundError as error:
        raise MissingExtraError("torchjd", "balance") from error
    try:
        make(aggregation, 2)
    except AttributeError as error:
        raise ConfigError(f"joint.weighting={name}: the installed TorchJD does not have it ({error})") from error
    except ImportError as error:  # of a solver
        raise MissingExtraError(f"what joint.weighting={name} solves with", "balance") from error
    return Gramian(tasks, name, lambda count: make(aggregation, count), total)
