"""The references of pictures as tensors.

Letters: B pictures, R references of a picture at most, T tokens at most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from unified.data.sample import Labels, Record, Sample
from unified.task import Target

NONE = -100  # no token here; what torch's cross-entropy ignores


def references(labels: Labels) -> list[str]:
    """The captions that say something; none where the picture is not labelled."""
    return [caption for caption in labels.captions or () if caption.strip()]


def encode(samples: Sequence[Sample], tokens_of: Callable[[str], list[int]], length: int) -> Target:
    """{"labelled": (B,) bool, "references": (B, R, T), NONE where there is no token, "count": (B,) references}.

    Of a caption of more than `length` tokens the first are taken.
    """
    found = [[tokens_of(caption)[:length] for caption in references(sample.labels)] for sample in samples]
    most = max(map(len, found), default=0)
    longest = max((len(tokens) for several in found for tokens in several), default=0)
    padded = torch.full((len(found), max(most, 1), max(longest, 1)), NONE)
    for i, several in enumerate(found):
        for j, tokens in enumerate(several):
            padded[i, j, : len(tokens)] = torch.tensor(tokens)
    count = torch.tensor([len(several) for several in found])
    return {"labelled": count > 0, "references": padded, "count": count}


def choose(target: Target, *, at_random: bool) -> Tensor:
    """(B,) one of each picture's references, the first unless `at_random`."""
    count = target["count"]
    if not at_random:
        return torch.zeros_like(count)
    return (torch.rand(len(count), device=count.device) * count).long()


def take(references: Tensor, which: Tensor) -> Tensor:
    """(B, T): reference `which` (B,) of each picture, T tokens of the longest among them."""
    taken = references[torch.arange(len(which), device=which.device), which]
    return taken[:, : int((taken != NONE).sum(1).max()) or 1]


def captions_of(records: Sequence[Record]) -> Iterator[str]:
    for record in records:
        yield from references(record.labels)
