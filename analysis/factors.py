"""Norms, cosines, rank and sparsity: what the codes are, in a few numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import torch
from torch import Tensor

from unified.model.implicit import Factorization, Network

from .figure import DIVERGING, bare, drawn
from .report import Row
from .subject import Code, levels_of, rms


def norm_rows(codes: Sequence[Code]) -> list[Row]:
    """One row a code: its size, in all and as the root mean square deviation from the neutral element."""
    rows = []
    for code in codes:
        g, deviation = code.values(), code.deviation()
        rows.append(
            {
                "code": code.name,
                "operator": type(code.code.operator).__name__.lower(),
                "modelling": type(code.code.modelling).__name__.lower(),
                "values": g.numel(),
                "norm": float(g.norm()),
                "rms_deviation": rms(deviation),
                "smallest": float(g.min()),
                "largest": float(g.max()),
            }
        )
    return rows


def cosine_rows(codes: Sequence[Code]) -> list[Row]:
    """One row a pair of tasks and a level: the cosine between what their codes of the same place do.

    `chance` is 1.96 / √n: nineteen of twenty pairs of independent codes are nearer to 0 than that.
    """
    rows: list[Row] = []
    for a, b in combinations(codes, 2):
        if (a.place, a.level) != (b.place, b.level) or a.values().shape != b.values().shape:
            continue
        x, y = a.deviation(), b.deviation()
        rows.append(
            {"place": a.place, "level": a.level, "first": a.task, "second": b.task}
            | {"cosine": cosine(x, y), "chance": 1.96 / x.numel() ** 0.5}
        )
    return rows


def cosine(x: Tensor, y: Tensor) -> float:
    """0 where one of them is zero: a code that does nothing has no direction."""
    return float(torch.nn.functional.cosine_similarity(x, y, dim=0))


def plot_cosines(rows: Sequence[Row], codes: Sequence[Code], path: Path) -> Path:
    """Draw a matrix of tasks by tasks for every level of the place that the rows speak of."""
    tasks = list(dict.fromkeys(code.task for code in codes))
    levels = [level for level in levels_of(codes) if any(row["level"] == level for row in rows)]
    side = 0.5 * len(tasks) + 0.7
    with drawn(path, max(side * len(levels) + 1.2, 4.0), side + 0.5) as figure:
        panels = figure.subplots(1, len(levels), squeeze=False, sharey=True)[0]
        for axes, level in zip(panels, levels, strict=True):
            matrix = torch.eye(len(tasks))
            for row in rows:
                if row["level"] == level:
                    i, j = tasks.index(row["first"]), tasks.index(row["second"])
                    matrix[i, j] = matrix[j, i] = row["cosine"]
            image = axes.imshow(matrix.tolist(), cmap=DIVERGING, vmin=-1, vmax=1)
            for i, j in ((i, j) for i in range(len(tasks)) for j in range(len(tasks))):
                value = float(matrix[i, j])
                axes.text(
                    j, i, f"{value:.2f}", ha="center", va="center", color="white" if abs(value) > 0.6 else "black"
                )
            bare(axes)
            axes.set_xticks(range(len(tasks)), tasks, rotation=30, ha="right")
            axes.set_yticks(range(len(tasks)), tasks)
            axes.set_title(level)
        figure.colorbar(image, ax=panels, label="cosine", shrink=0.8)
    return path


def factor_rows(codes: Sequence[Code]) -> list[Row]:
    """One row a code that is a product of matrices: the rank of its basis, and how sparse its coefficients are."""
    rows: list[Row] = []
    for code in codes:
        modelling = code.code.modelling
        if isinstance(modelling, Factorization):
            basis, coefficients = modelling.Z, modelling.coefficients()
        elif isinstance(modelling, Network):
            basis, coefficients = modelling.W, modelling.z
        else:
            continue
        c = coefficients.detach().float()
        rows.append(
            {
                "code": code.name,
                "modelling": type(modelling).__name__.lower(),
                "prior_width": c.shape[1],
                "effective_rank": effective_rank(basis.detach().float()),
                "full_rank": min(basis.shape),
                "zero_share": float((c == 0).float().mean()),
                "hoyer_sparsity": hoyer_sparsity(c.flatten()),
            }
        )
    return rows


def effective_rank(matrix: Tensor) -> float:
    """exp of the entropy of the normalised singular values (Roy and Vetterli, EUSIPCO 2007); 1 to the full rank."""
    s = torch.linalg.svdvals(matrix.double())
    p = s / s.sum()
    return float(torch.exp(-torch.special.xlogy(p, p).sum())) if s.sum() > 0 else 0.0


def hoyer_sparsity(values: Tensor) -> float:
    """(√n - ‖c‖₁ / ‖c‖₂) / (√n - 1): 0 where all are of one size, 1 where one alone is not 0 (Hoyer, JMLR 2004)."""
    n, norm = values.numel(), float(values.double().norm())
    if n < 2 or not norm:
        return 0.0
    return float((n**0.5 - float(values.double().abs().sum()) / norm) / (n**0.5 - 1))
