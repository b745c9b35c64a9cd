"""Which categories are present in a picture: the labels of multi-label classification, and what they say in numbers.

Letters: B pictures, K categories.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from unified.data.sample import Labels, Record, Sample
from unified.task import Target

PRIOR = 0.05  # probability of a category before anything is known of the data
CERTAIN = 10.0  # logit of a head without error: a probability of 0.99995


def presence(labels: Labels, categories: int) -> Tensor | None:
    """(K,) bool: the categories present, from the tags where given, else from the objects; None = not labelled.

    A crowd counts: a region of many persons shows persons.
    """
    if labels.tags is not None:
        return labels.tags.bool()
    if labels.objects is None:
        return None
    present = torch.zeros(categories, dtype=torch.bool)
    present[labels.objects.categories] = True
    return present


def encode(samples: Sequence[Sample], categories: int) -> Target:
    """{"labelled": (B,) bool, "present": (B, K) bool}: what can be seen in the *input*, after augmentation."""
    rows = [presence(sample.labels, categories) for sample in samples]
    unknown = torch.zeros(categories, dtype=torch.bool)
    return {
        "labelled": torch.tensor([row is not None for row in rows], dtype=torch.bool),
        "present": torch.stack([unknown if row is None else row for row in rows]),
    }


def perfect_logits(target: Target, like: Tensor) -> Tensor:
    """The logits (B, K) of a head without error."""
    return torch.where(target["present"], CERTAIN, -CERTAIN).to(like)


def log_odds(categories: int) -> Tensor:
    """(K,) logits of the probability `PRIOR`."""
    return torch.full((categories,), PRIOR).logit()


def prior_log_odds(records: Sequence[Record], categories: int) -> Tensor:
    """(K,) logits of the share of the labelled pictures that show each category; one picture of each kind is added.

    Without labelled pictures they say `PRIOR`.
    """
    rows = [row for record in records if (row := presence(record.labels, categories)) is not None]
    if not rows:
        return log_odds(categories)
    present = torch.stack(rows).sum(0)
    return ((present + 1) / (len(rows) + 2)).logit()
