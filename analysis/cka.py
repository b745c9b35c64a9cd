"""Linear CKA: how alike two representations of the same things are, whatever rotation and scale lie between them.

    CKA(X, Y) = HSIC(K, L) / √(HSIC(K, K) HSIC(L, L)),   K = X Xᵀ, L = Y Yᵀ        arXiv 1905.00414

with the unbiased estimate of HSIC (equation 5 of Song et al., JMLR 2012). The usual, biased one is far above 0 for
independent data as soon as the features are not few beside the examples. CKA is blind to shifts: an added code alone
leaves it at 1. Letters: n examples, p and q features.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

LEAST = 4  # examples that the estimate needs
PERMUTATIONS = 499


def linear_cka(x: Tensor, y: Tensor) -> float:
    """CKA of (n, p) and (n, q): 1 for equal up to rotation, shift and scale, about 0 for independent ones.

    Unbiased, so that it can be a little below 0. NaN where one of them is constant, or n < 4.
    """
    k, m = _kernel(x), _kernel(y)
    if len(k) < LEAST:
        return math.nan
    return float(unbiased_hsic(k, m) / (unbiased_hsic(k, k) * unbiased_hsic(m, m)).clamp(min=0).sqrt())


def p_value(x: Tensor, y: Tensor, *, permutations: int = PERMUTATIONS, seed: int = 0) -> float:
    """Share of the pairings of x's rows with shuffled rows of y that are as alike as the true one, which counts, too.

    NaN where CKA is.
    """
    if math.isnan(linear_cka(x, y)):
        return math.nan
    x, y = _centred(x), _centred(y)
    generator = torch.Generator().manual_seed(seed)
    found = association(x, y)
    orders = [torch.randperm(len(x), generator=generator) for _ in range(permutations)]
    as_alike = sum(bool(association(x, y[order]) >= found) for order in orders)
    return (1 + as_alike) / (1 + permutations)


def association(x: Tensor, y: Tensor) -> Tensor:
    """What of the unbiased HSIC of centred x and y depends on how rows are paired, times n (n − 3); without n × n.

    With K and L the kernels without diagonals: tr(K L) = |Xᵀ Y|² − Σ |x_i|² |y_i|², and as the rows of X sum to 0, the
    row sums of K are −|x_i|². The denominator of CKA does not depend on the order, either.
    """
    squares = x.square().sum(1) @ y.square().sum(1)
    return (x.T @ y).square().sum() - squares - 2 / (len(x) - 2) * squares


def unbiased_hsic(k: Tensor, m: Tensor) -> Tensor:
    """Of two kernels (n, n) whose diagonals are 0, n ≥ 4."""
    n = len(k)
    trace = (k * m).sum()
    sums = k.sum() * m.sum() / ((n - 1) * (n - 2))
    cross = 2 / (n - 2) * (k.sum(0) @ m.sum(0))
    return (trace + sums - cross) / (n * (n - 3))


def _kernel(x: Tensor) -> Tensor:
    """(n, p) → X Xᵀ with zeros on the diagonal, in float64; centred first, for the digits' sake."""
    x = _centred(x)
    return (x @ x.T).fill_diagonal_(0)


def _centred(x: Tensor) -> Tensor:
    x = x.double()
    return x - x.mean(0)
