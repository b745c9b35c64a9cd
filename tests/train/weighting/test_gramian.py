"""TorchJD's weightings at the features against its aggregators of the full Jacobian."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from unified.errors import MissingExtraError, UnifiedError
from unified.train.conflict import gramians
from unified.train.weighting import catalogue, gramian
from unified.train.weighting.gramian import Gramian
from unified.train.weighting.weighting import Observed

torchjd = pytest.importorskip("torchjd.aggregation", reason="needs the extra balance")
pytest.importorskip("cvxpy", reason="needs the extra balance")

TASKS = ("a", "b", "c")
# TorchJD's aggregator, and what its weights of agreeing tasks add up to.
AGGREGATORS: dict[str, tuple[Callable[[], Any], float | None]] = {
    "upgrad": (torchjd.UPGrad, 1),
    "mgda": (torchjd.MGDA, 1),
    "pcgrad": (torchjd.PCGrad, 3),
    "cagrad": (lambda: torchjd.CAGrad(c=0.5), 1),
    "aligned-mtl": (torchjd.AlignedMTL, 1),
    "imtl-g": (torchjd.IMTLG, 1),
    "dualproj": (torchjd.DualProj, 1),
    "random": (torchjd.Random, 1),
    "fairgrad": (lambda: torchjd.FairGrad(alpha=1.0), None),
    "nash-mtl": (lambda: torchjd.NashMTL(n_tasks=3, max_norm=0.0), None),
}


def losses_of(parameters: Tensor, seed: int) -> dict[str, Tensor]:
    """Three quadratics in conflict."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(3, len(parameters), generator=generator, dtype=torch.float64)
    return {task: (parameters - centre).square().sum() for task, centre in zip(TASKS, centres, strict=True)}


@pytest.mark.filterwarnings("ignore")  # of cvxpy
@pytest.mark.parametrize("name", AGGREGATORS)
@pytest.mark.parametrize("seed", range(2))
def test_where_the_features_are_the_parameters_it_is_the_full_jacobian(name: str, seed: int) -> None:
    parameters = torch.randn(6, dtype=torch.float64, requires_grad=True)
    losses = losses_of(parameters, seed)
    make, total = AGGREGATORS[name]
    jacobian = torch.stack([torch.autograd.grad(loss, parameters, retain_graph=True)[0] for loss in losses.values()])
    torch.manual_seed(seed)  # for those that draw lots
    expected = make()(jacobian)
    weighting = catalogue.make(name, TASKS)
    torch.manual_seed(seed)
    found = weighting(Observed(losses, gramians(losses, {"p": parameters}).sum(0)))
    weights = torch.tensor([*found.values()], dtype=torch.float64)
    direction = weights @ jacobian
    if total is None:  # only the direction means anything; our weights add up to the number of tasks
        assert float(weights.sum()) == pytest.approx(3)
        direction, expected = direction / direction.norm(), expected / expected.norm()
    else:
        direction = direction * total / 3
    torch.testing.assert_close(direction, expected, rtol=2e-2 if name == "nash-mtl" else 2e-3, atol=2e-3)


@pytest.mark.parametrize("name", [name for name in AGGREGATORS if name not in ("random", "cagrad")])
def test_tasks_that_do_not_meet_are_simply_added(name: str) -> None:
    weights = catalogue.make(name, TASKS)(Observed(dict.fromkeys(TASKS, torch.ones(())), 1e-9 * torch.eye(3)))
    assert [*weights.values()] == pytest.approx([1.0, 1.0, 1.0], rel=1e-3), "however small the gradients are"


@pytest.mark.parametrize("name", AGGREGATORS)
def test_one_task_alone_counts_one(name: str) -> None:
    assert catalogue.make(name, TASKS)(Observed({"b": torch.ones(())}, torch.ones(1, 1))) == {"b": 1.0}


@pytest.mark.parametrize("name", AGGREGATORS)
def test_gradients_that_are_not_finite_are_not_hidden(name: str) -> None:
    bad = torch.tensor([[1.0, float("nan")], [float("nan"), 1.0]])
    weights = catalogue.make(name, TASKS)(Observed({"a": torch.ones(()), "c": torch.ones(())}, bad))
    assert all(weight != weight for weight in weights.values())


def test_no_task_gets_worse_with_upgrad() -> None:
    gradients = torch.tensor([[1.0, 0.0], [-0.9, 0.5], [-0.6, 0.3]])
    found = catalogue.make("upgrad", TASKS)(Observed(dict.fromkeys(TASKS, torch.ones(())), gradients @ gradients.T))
    assert (gradients @ (torch.tensor([*found.values()]) @ gradients) > -1e-3).all()
    assert (gradients @ gradients.sum(0)).min() < 0, "the sum makes one worse"


def test_a_solver_that_gives_up_is_one_clear_line() -> None:
    def fail(matrix: Tensor) -> Tensor:
        raise ValueError("no solution")

    weighting = Gramian(TASKS, "upgrad", lambda count: fail, "mean")
    with pytest.raises(UnifiedError, match=r"upgrad found no weights .*no solution.*--resume"):
        weighting(Observed(dict.fromkeys(TASKS, torch.ones(())), torch.eye(3)))


@pytest.mark.parametrize("missing", ["torchjd", "qpsolvers"])
def test_a_missing_extra_is_named(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **more: Any) -> Any:
        if name.partition(".")[0] == missing:
            raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr("torchjd._mixins.find_spec", lambda name: None if name == missing else object())
    with pytest.raises(MissingExtraError, match=r"unified\[balance\]"):
        gramian.upgrad(TASKS)
