"""What g(z) is: the modellings of implicit knowledge (arXiv 2105.04206, §4.2).

    vector          g = z                     (6)
    network         g = W z + b               (7), or W tanh(V z) + b
    factorization   g = Zᵀ c + b              (8), optionally sparse or non-negative
    markov          g = W p + b,  p = softmax(T) s     a transition of another task's representation s (§4.2)

How g(z) meets the features f(x) is the other half: `operators.py`. Any modelling goes with any operator.

A representation has shape (rows, n): one row for operators that act channel by channel, several for a projection
(then z is a matrix, "Vector / Matrix / Tensor" in the paper, and every row shares W, or Z). g(z) does not depend on
the image: at inference it is a constant and folds away (`fold.py`).

Initialisation, §4.3: g starts as N(centre, σ) around the operator's neutral element, so that a fresh code leaves f(x)
nearly as it is: 0 for addition, 1 for multiplication (a multiplier that starts at 0 stops training: yolov7#855).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from unified.errors import ConfigError
from unified.model.operators import Operator

SIGMA = 0.02  # the paper's "very small value which is close to zero"; the value of the published models
PRIOR_FACTOR = 2  # §5.6: the prior's dimension is twice that of the explicit representation


class Modelling(nn.Module, ABC):
    """Makes g(z) of shape (rows, n), spread by `sigma` around `centre` at the start."""

    @abstractmethod
    def forward(self) -> Tensor:
        """g(z), shape (rows, n)."""


class Vector(Modelling):
    """g = z, equation (6): every dimension for itself."""

    def __init__(self, centre: Tensor, *, sigma: float = SIGMA) -> None:
        super().__init__()
        self.z = nn.Parameter(centre + sigma * torch.randn_like(centre))

    def forward(self) -> Tensor:
        return self.z


class Network(Modelling):
    """g = W z + b, equation (7): the dimensions depend on each other. `nonlinear` makes it W tanh(V z) + b.

    `width` is the dimension of the prior z, 2n by default.
    """

    def __init__(
        self, centre: Tensor, *, sigma: float = SIGMA, width: int | None = None, nonlinear: bool = False
    ) -> None:
        super().__init__()
        rows, n = centre.shape
        width = width or PRIOR_FACTOR * n
        self.z = nn.Parameter(sigma * torch.randn(rows, width))
        # Rows of unit expected length: W z then has the spread of z.
        self.W = nn.Parameter(torch.randn(n, width) / math.sqrt(width))
        self.V = nn.Parameter(nn.init.orthogonal_(torch.empty(width, width))) if nonlinear else None
        self.b = nn.Parameter(centre.clone())

    def forward(self) -> Tensor:
        hidden = self.z if self.V is None else torch.tanh(self.z @ self.V.T)
        return hidden @ self.W.T + self.b


class Factorization(Modelling):
    """g = Zᵀ c + b, equation (8): K prior vectors Z, mixed by the coefficients c; b is one scalar.

    `width` is K, 2n by default (the paper leaves K open; §5.6 speaks of twice the explicit dimension).
    `sparse` = λ soft-thresholds c at λ times its mean magnitude (the proximal step of an l1 constraint).
    `nonnegative` takes the magnitudes of Z and c, the form of non-negative matrix factorization.
    """

    centre: Tensor

    def __init__(
        self,
        centre: Tensor,
        *,
        sigma: float = SIGMA,
        width: int | None = None,
        sparse: float | None = None,
        nonnegative: bool = False,
    ) -> None:
        super().__init__()
        rows, n = centre.shape
        width = width or PRIOR_FACTOR * n
        self.sparse = sparse
        self.nonnegative = nonnegative
        self.Z = nn.Parameter(sigma * torch.randn(width, n))
        # K terms of random sign add up to √K of one, K terms of the same sign to K.
        self.c = nn.Parameter(torch.randn(rows, width) / (width if nonnegative else math.sqrt(width)))
        self.b = nn.Parameter(torch.zeros(()))
        # The neutral element is the operator's business, not a thing to learn or to store.
        self.register_buffer("centre", centre.clone(), persistent=False)

    def coefficients(self) -> Tensor:
        """c as it is used, (rows, K): thresholded and non-negative where asked for."""
        c = self.c.abs() if self.nonnegative else self.c
        if self.sparse is None:
            return c
        threshold = self.sparse * c.detach().abs().mean()
        return c.sign() * (c.abs() - threshold).clamp(min=0)

    def forward(self) -> Tensor:
        Z = self.Z.abs() if self.nonnegative else self.Z
        return self.centre + self.coefficients() @ Z + self.b


class Markov(Modelling):
    """g = W p + b with the prior p = softmax(T) s: one step of a Markov chain from another task's representation s.

    §4.2: "use Markov chain to simulate the correlation of implicit representation between different tasks". T is the
    row-stochastic transition to a prior of `width` (2n by default), s the other code's deviation from its neutral
    element, b the innovation. Gradients reach the other task's code through T. `link` must name the source first;
    the multi-task model does.
    """

    def __init__(self, centre: Tensor, *, source: str, sigma: float = SIGMA, width: int | None = None) -> None:
        super().__init__()
        rows, n = centre.shape
        self.source_name = source
        self.width = width or PRIOR_FACTOR * n
        self.rows = rows
        self.W = nn.Parameter(torch.randn(n, self.width) / math.sqrt(self.width))
        self.b = nn.Parameter(centre + sigma * torch.randn_like(centre))
        self.T: nn.Parameter | None = None
        self._source: tuple[ImplicitCode, ...] = ()  # in a tuple: the other task owns its code

    def link(self, source: ImplicitCode) -> None:
        """Name the code whose representation this one is a transition of. Creates T, so before the optimiser."""
        size = source.modelling_size()
        self._source = (source,)
        self.T = nn.Parameter(torch.randn(self.rows * self.width, size, device=self.b.device, dtype=self.b.dtype))

    def forward(self) -> Tensor:
        if self.T is None or not self._source:
            raise ConfigError(
                f"a markov code needs the code it is a transition of, and {self.source_name!r} is not linked; "
                "it must be a task of the same model, as 'task' or 'task/place/level'"
            )
        source = self._source[0]
        s = (source.modelling() - source.centre).flatten()
        p = (torch.softmax(self.T, dim=1) @ s).view(self.rows, self.width)
        g: Tensor = p @ self.W.T + self.b
        return g


class ImplicitCode(nn.Module):
    """g(z) and the operator by which it meets the features: f(x) ⋆ g(z), equation (3).

    Args:
        modelling: makes g(z) for the channels that the code acts on.
        operator: how it meets the features.
        channels: C of the features (B, C, H, W).
        index: the channels the code acts on, for element-wise operators (`wh` of every anchor, say); all if None.
    """

    centre: Tensor
    index: Tensor | None

    def __init__(
        self, modelling: Modelling, operator: Operator, channels: int, *, centre: Tensor, index: Tensor | None = None
    ) -> None:
        super().__init__()
        self.modelling = modelling
        self.operator = operator
        self.channels = channels
        self.register_buffer("centre", centre.clone(), persistent=False)
        self.register_buffer("index", index, persistent=False)

    @property
    def out_channels(self) -> int:
        """Channels after the operator."""
        return self.operator.out_channels(self.channels)

    def modelling_size(self) -> int:
        """How many numbers g(z) has before it is spread over the channels."""
        return self.centre.numel()

    def g(self) -> Tensor:
        """The implicit representation for all channels, (rows, n); neutral where the code does not act."""
        g: Tensor = self.modelling()
        if self.index is None:
            return g
        full = self.operator.centre(self.channels).to(g)
        return full.index_copy(1, self.index, g)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C', H, W)."""
        return self.operator(x, self.g().to(x.dtype))

    def extra_repr(self) -> str:
        acts = "" if self.index is None else f", on {self.modelling_size()} of them"
        return f"{type(self.operator).__name__.lower()}, {self.channels} channels{acts}"
