from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tasks.embedding.whitening import Whitening
from unified.model.fold import fold

IDENTITIES, COPIES, D = 6, 50, 8
LOUD_AND_QUIET = torch.diag(torch.tensor([5.0] * 4 + [0.05] * 4))


def batches(count: int, spread: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Identities at fixed random places, and copies that stray from them by `spread` (D, D) times white noise."""
    generator = torch.Generator().manual_seed(0)
    places = torch.randn(IDENTITIES, D, generator=generator)
    numbers = torch.arange(IDENTITIES).repeat(COPIES) * 10 + 3
    noises = torch.randn(count, len(numbers), D, generator=generator)
    return [(places.repeat(COPIES, 1) + noise @ spread, numbers) for noise in noises]


def fitted(count: int, spread: Tensor, shrinkage: float = 0.1) -> Whitening:
    whitening = Whitening(D, shrinkage)
    whitening.fit(batches(count, spread))
    return whitening.eval()


def test_it_measures_how_copies_of_one_identity_scatter_and_where_all_lie() -> None:
    spread = torch.diag(torch.linspace(0.1, 2, D))
    spread[0, 1] = 0.5
    whitening = fitted(60, spread)
    assert (whitening.within - spread.T @ spread).abs().max() < 0.1
    assert torch.allclose(whitening.mean, torch.cat([vectors for vectors, _ in batches(60, spread)]).mean(0), atol=1e-5)


def test_copies_may_come_in_different_batches() -> None:
    together, apart = Whitening(D, 0.1), Whitening(D, 0.1)
    ((vectors, numbers),) = batches(1, torch.eye(D))
    together.fit([(vectors, numbers)])
    apart.fit(zip(vectors.split(7), numbers.split(7), strict=True))
    torch.testing.assert_close(apart.within, together.within)
    torch.testing.assert_close(apart.mean, together.mean)


def test_it_makes_the_scatter_within_identities_the_same_in_every_direction() -> None:
    spread = torch.diag(torch.linspace(0.1, 2, D))
    strayed = torch.randn(20_000, D, generator=torch.Generator().manual_seed(1)) @ spread
    whitened = strayed.double() @ fitted(200, spread, shrinkage=1e-6).matrix()
    assert torch.allclose(torch.cov(whitened.T), torch.eye(D).double(), atol=0.05)


def test_much_shrinkage_leaves_directions_as_they_are() -> None:
    whitening, vectors = fitted(1, LOUD_AND_QUIET, shrinkage=1e6), torch.randn(5, D)
    torch.testing.assert_close(whitening(vectors), F.normalize(vectors - whitening.mean, dim=1), atol=1e-4, rtol=0)


def test_without_two_of_one_identity_it_stays_as_it_was() -> None:
    whitening, vectors = Whitening(D, 0.1).eval(), torch.randn(5, D)
    whitening.fit([(vectors, torch.arange(5)), (torch.zeros(0, D), torch.zeros(0).long())])
    torch.testing.assert_close(whitening(vectors), F.normalize(vectors, dim=1))


@pytest.mark.parametrize("batches", [[], [(torch.eye(D)[:1].repeat(4, 1), torch.zeros(4).long())]])
def test_without_any_scatter_it_stays_as_it_was(batches: list[tuple[Tensor, Tensor]]) -> None:
    whitening, vectors = Whitening(D, 0.1).eval(), torch.randn(5, D)
    whitening.fit(batches)
    torch.testing.assert_close(whitening(vectors), F.normalize(vectors, dim=1))


def test_training_sees_the_vectors_as_they_are() -> None:
    whitening, vectors = fitted(1, LOUD_AND_QUIET), torch.randn(3, D)
    assert torch.equal(whitening.train()(vectors), vectors)
    assert not torch.allclose(whitening.eval()(vectors), F.normalize(vectors, dim=1), atol=0.05)


def test_folded_it_is_a_plain_layer_that_does_the_same() -> None:
    model, vectors = torch.nn.Sequential(fitted(1, LOUD_AND_QUIET)), torch.randn(4, D)
    folded = fold(model)
    torch.testing.assert_close(folded(vectors), model(vectors))
    assert not any(isinstance(module, Whitening) for module in folded.modules())


def test_identities_never_seen_are_told_apart_by_quiet_differences_under_a_loud_scatter() -> None:
    fresh = torch.randn(40, D, generator=torch.Generator().manual_seed(7)).repeat(2, 1)
    seen = fresh + torch.randn(80, D, generator=torch.Generator().manual_seed(8)) @ LOUD_AND_QUIET

    def found(vectors: Tensor) -> float:
        near = F.normalize(vectors, dim=1) @ F.normalize(vectors, dim=1).T
        near.fill_diagonal_(-2)
        return float((near.argmax(1) % 40 == torch.arange(80) % 40).double().mean())

    assert found(seen) < 0.3 < 0.9 < found(fitted(20, LOUD_AND_QUIET, shrinkage=1e-4)(seen))
