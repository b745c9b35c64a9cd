"""n-grams, which BLEU and CIDEr count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

LONGEST = 4  # both scores look at runs of one to four words

Ngram = tuple[str, ...]


def count_ngrams(words: Sequence[str]) -> list[Counter[Ngram]]:
    """[unigrams, …, 4-grams], each with how often it occurs."""
    return [Counter(zip(*(words[i:] for i in range(n)), strict=False)) for n in range(1, LONGEST + 1)]
