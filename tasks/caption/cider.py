"""CIDEr-D (Vedantam et al., arXiv 1411.5726): n-grams in common with the references, the rare ones counting more.

    g(s)       TF-IDF vector of a sentence's n-grams: count · (log N - log max(1, df)), N pictures
    CIDEr-D_n  10 · mean over references r of exp(-(|s| - |r|)² / 2σ²) · min(g(s), g(r)) · g(r) / (‖g(s)‖ ‖g(r)‖)
    CIDEr-D    mean of n = 1 … 4                                                            σ = 6

df is the number of pictures with the n-gram in a reference, in *this* corpus: scores of other corpora do not compare,
and of one picture alone every df is N, so that all weights and the score are 0 whatever is said.
Lengths are counted in bigrams, as the published evaluation does.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .ngrams import LONGEST, Ngram, count_ngrams

SIGMA = 6.0
SCALE = 10.0


@dataclass(frozen=True, slots=True)
class Vector:
    """TF-IDF by n, the norms, and the length in bigrams."""

    weights: list[dict[Ngram, float]]
    norms: list[float]
    length: int


@dataclass(frozen=True, slots=True)
class Cider:
    """CIDEr-D with the document frequencies of one corpus."""

    frequency: Counter[Ngram]
    log_pictures: float

    @classmethod
    def of(cls, references: Sequence[Sequence[Sequence[str]]]) -> Cider:
        """From the references, as words, of every picture of the corpus."""
        frequency: Counter[Ngram] = Counter()
        for several in references:
            frequency.update({ngram for words in several for counts in count_ngrams(words) for ngram in counts})
        return cls(frequency, math.log(max(len(references), 1)))

    @property
    def can_tell(self) -> bool:
        """Whether any n-gram has a weight: not of one picture alone, nor where all have the same references."""
        return any(math.log(count) < self.log_pictures for count in self.frequency.values())

    def vector(self, words: Sequence[str]) -> Vector:
        """The words as `similarity` compares them."""
        counted = count_ngrams(words)
        weights = [
            {
                ngram: count * (self.log_pictures - math.log(max(1, self.frequency[ngram])))
                for ngram, count in own.items()
            }
            for own in counted
        ]
        norms = [math.sqrt(sum(weight**2 for weight in own.values())) for own in weights]
        return Vector(weights, norms, counted[1].total())

    def score(self, candidate: Sequence[str], references: Iterable[Vector]) -> float:
        """In 0..10: of one picture's candidate, against `vector` of each of its references."""
        said = self.vector(candidate)
        return mean([similarity(said, reference) for reference in references])


def cider_d(candidates: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]) -> list[float]:
    """CIDEr-D of every picture; the corpus has the mean."""
    cider = Cider.of(references)
    return [
        cider.score(candidate, map(cider.vector, several))
        for candidate, several in zip(candidates, references, strict=True)
    ]


def similarity(said: Vector, reference: Vector) -> float:
    """Of two sentences, averaged over n."""
    penalty = math.exp(-((said.length - reference.length) ** 2) / (2 * SIGMA**2))
    total = 0.0
    for n in range(LONGEST):
        others = reference.weights[n]
        clipped = sum(min(w, others[ngram]) * others[ngram] for ngram, w in said.weights[n].items() if ngram in others)
        if clipped:
            total += clipped / (said.norms[n] * reference.norms[n])
    return SCALE * penalty * total / LONGEST


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
