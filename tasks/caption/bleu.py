"""BLEU-1 … BLEU-4 (Papineni et al., ACL 2002) over a corpus, with the closest reference length.

    BLEU-n = min(1, exp(1 - r/c)) · (p_1 … p_n)^(1/n)      p_k = matched k-grams / k-grams said

c words are said; r is the sum over pictures of the reference length closest to what is said, the shorter of two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .ngrams import LONGEST, count_ngrams

# Of the published evaluation: they keep a text without any matching n-gram from being exactly 0.
TINY, SMALL = 1e-15, 1e-9


def bleu(candidates: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]) -> list[float]:
    """[BLEU-1, …, BLEU-4] in 0..1 of one candidate a picture, as words, against the picture's references."""
    matched, said, c, r = [0] * LONGEST, [0] * LONGEST, 0, 0
    for candidate, several in zip(candidates, references, strict=True):
        counts = [count_ngrams(reference) for reference in several]
        for k, own in enumerate(count_ngrams(candidate)):
            said[k] += own.total()
            matched[k] += sum(min(count, max(other[k][ngram] for other in counts)) for ngram, count in own.items())
        c += len(candidate)
        r += min((abs(len(reference) - len(candidate)), len(reference)) for reference in several)[1]
    if not c:
        return [0.0] * LONGEST
    ratio = (c + TINY) / (r + SMALL)
    brevity = math.exp(1 - 1 / ratio) if ratio < 1 else 1.0
    precisions = [(hit + TINY) / (all_ + SMALL) for hit, all_ in zip(matched, said, strict=True)]
    return [brevity * math.prod(precisions[:n]) ** (1 / n) for n in range(1, LONGEST + 1)]
