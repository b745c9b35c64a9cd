"""ROUGE-L (Lin, 2004): the longest common subsequence of words.

P = max over references of LCS / words said      R = max over references of LCS / words of the reference
ROUGE-L = (1 + β²) P R / (R + β² P)              β = 1.2, of the published caption evaluation
"""

from __future__ import annotations

from collections.abc import Sequence

BETA = 1.2


def rouge_l(candidate: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """In 0..1, of one picture; a corpus has the mean."""
    common = [longest_common_subsequence(candidate, reference) for reference in references]
    if not any(common):
        return 0.0
    precision = max(common) / len(candidate)
    recall = max(lcs / len(reference) for lcs, reference in zip(common, references, strict=True) if reference)
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def longest_common_subsequence(a: Sequence[str], b: Sequence[str]) -> int:
    """Its length; the words need not be neighbours."""
    row = [0] * (len(b) + 1)
    for word in a:
        diagonal = 0
        for j, other in enumerate(b, start=1):
            diagonal, row[j] = row[j], diagonal + 1 if word == other else max(row[j], row[j - 1])
    return row[-1]
