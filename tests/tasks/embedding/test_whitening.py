from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from tasks.embedding.whitening import Whitening
from unified.model.fold import fold

IDENTITIES, COPIES, D = 6, 50, 8


def batch(seed: int, spread: Tensor) -> tuple[Tensor, Tensor]:
    """Identities at fixed random places, and copies that stray from them by `spread` (D, D) times white noise."""
    places = torch.randn(IDENTITIES, D, generator=torch.Generator().manual_seed(0))
    numbers = torch.arange(IDENTITIES).repeat(COPIES) * 10 + 3
    noise = torch.randn(len(numbers), D, generator=torch.Generator().manual_seed(seed))
    return places.repeat(COPIES, 1) + noise @ spread, numbers


def test_it_gathers_how_copies_of_one_identity_scatter() -> None:
    spread = torch.diag(torch.linspace(0.1, 2, D))
    spread[0, 1] = 0.5
    whitening = Whitening(D, 0.1)
    for seed in range(150):
        whitening.gather(*batch(seed, spread))
    assert (whitening.within - spread.T @ spread).abs().max() < 0.2


def test_it_makes_the_scatter_within_identities_the_same_in_every_direction() -> None:
    spread = torch.diag(torch.linspace(0.1, 2, D))
    whitening = Whitening(D, 1e-6)
    whitening.within.copy_(spread.T @ spread)
    strayed = torch.randn(20_000, D, generator=torch.Generator().manual_seed(1)) @ spread
    assert torch.allclose(torch.cov((strayed.double() @ whitening.matrix()).T), torch.eye(D).double(), atol=0.05)


def test_much_shrinkage_leaves_directions_as_they_are() -> None:
    whitening = Whitening(D, 1e6).eval()
    whitening.within.copy_(torch.diag(torch.linspace(0.1, 2, D)))
    vectors = F.normalize(torch.randn(5, D), dim=1)
    torch.testing.assert_close(whitening(vectors), vectors, atol=1e-4, rtol=0)


def test_objects_without_another_of_their_identity_teach_nothing() -> None:
    whitening = Whitening(D, 0.1)
    before = whitening.within.clone()
    whitening.gather(torch.randn(5, D), torch.arange(5))
    whitening.gather(torch.zeros(0, D), torch.zeros(0).long())
    assert torch.equal(whitening.within, before)


def test_training_sees_the_vectors_as_they_are() -> None:
    whitening, vectors = Whitening(D, 0.1), torch.randn(3, D)
    whitening.gather(*batch(0, torch.diag(torch.linspace(0.1, 2, D))))
    assert torch.equal(whitening(vectors), vectors)
    assert not torch.allclose(whitening.eval()(vectors), F.normalize(vectors, dim=1), atol=0.05)


def test_folded_it_is_a_plain_layer_that_does_the_same() -> None:
    model = torch.nn.Sequential(Whitening(D, 0.1))
    model[0].gather(*batch(0, torch.diag(torch.linspace(0.1, 2, D))))  # type: ignore[operator]
    vectors = torch.randn(4, D)
    folded = fold(model)
    torch.testing.assert_close(folded(vectors), model.eval()(vectors))
    assert not any(isinstance(module, Whitening) for module in folded.modules())


def test_it_finds_identities_by_a_small_difference_under_a_large_spread() -> None:
    """Which is what it is for: identities never seen differ in quiet directions, and copies of each in loud ones."""
    spread = torch.diag(torch.tensor([5.0] * 4 + [0.05] * 4))
    whitening = Whitening(D, 1e-4)
    for seed in range(100):
        whitening.gather(*batch(seed, spread))
    fresh = torch.randn(40, D, generator=torch.Generator().manual_seed(7)).repeat(2, 1)
    seen = fresh + torch.randn(80, D, generator=torch.Generator().manual_seed(8)) @ spread

    def found(vectors: Tensor) -> float:
        near = F.normalize(vectors, dim=1) @ F.normalize(vectors, dim=1).T
        near.fill_diagonal_(-2)
        return float((near.argmax(1) % 40 == torch.arange(80) % 40).double().mean())

    assert found(seen) < 0.3 < 0.9 < found(whitening.eval()(seen))
