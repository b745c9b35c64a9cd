"""Deal pictures out to train and val so that every category keeps its share: iterative stratification.

K. Sechidis, G. Tsoumakas, I. Vlahavas, "On the stratification of multi-label data", ECML PKDD 2011, algorithm 1, with
groups of pictures in place of single ones: what belongs together stays together. A group goes not to the side that
lacks the rarest category most, but where what is lacking of all categories, and of pictures, becomes least in squares:
of dense labels some category would be up to 8 pictures off its share, and is less than 2.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unified.data.annotations import Annotations
from unified.errors import ConfigError, DataError

By = Literal["picture", "identity", "video"]


def partition(
    annotations: Annotations, val: float, *, seed: int = 0, by: By = "picture"
) -> tuple[list[int], list[int]]:
    """The numbers of the pictures of train and of val, rising; `val` is the share of the latter, 0 < val < 1.

    With `by` "identity" pictures that share one stay on one side, with "video" those of one video. Raises DataError
    where a side would be empty, and where `by` does not apply.
    """
    if not 0 < val < 1:
        raise ConfigError(f"val is {val:g}; allowed: a share above 0 and below 1.")
    groups = _groups(annotations, by)
    if len(groups) < 2:
        raise DataError(f"{len(annotations)} pictures make {len(groups)} group by {by}; two sides need at least two.")
    shown = _shown(annotations)
    sizes = np.array([len(group) for group in groups], dtype=np.float64)
    counts = np.stack([shown[group].sum(0) for group in groups]).astype(np.float64)
    to_val = _deal(sizes, counts, val, np.random.default_rng(seed))
    if to_val.all() or not to_val.any():
        # With few groups both sides may want the same: the smaller side gets the group that suits it best.
        to_val = _nearest_single(sizes, val)
    train = [i for group, chosen in zip(groups, to_val, strict=True) if not chosen for i in group]
    return sorted(train), sorted(set(range(len(annotations))) - set(train))


def _shown(annotations: Annotations) -> NDArray[np.bool_]:
    """(pictures, K + 1): the categories of each picture, and whether it shows none."""
    count = len(annotations)
    shown = np.zeros((count, len(annotations.taxonomy) + 1), dtype=np.bool_)
    shown[np.repeat(np.arange(count), np.diff(annotations.offsets)), annotations.rows.categories] = True
    if annotations.tags is not None:
        shown[:, :-1] |= annotations.tags.present
    shown[:, -1] = ~shown.any(1)
    return shown


def _deal(
    sizes: NDArray[np.float64], counts: NDArray[np.float64], val: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """(groups,) whether each goes to val: those of the rarest category first, each to the side that lacks it most."""
    share = np.array([[1 - val], [val]])
    things = np.concatenate([counts, sizes[:, None]], axis=1)  # (groups, K + 2): pictures count like a category
    lacking = things.sum(0) * share  # (2, K + 2)
    side = np.full(len(sizes), -1)
    left = counts.sum(0)
    order = rng.permutation(len(sizes))
    while (left > 0).any():
        rarest = int(np.where(left > 0, left, np.inf).argmin())
        members = [int(g) for g in order if side[g] < 0 and counts[g, rarest]]
        # Large groups first: small ones can make good what they leave.
        for g in sorted(members, key=lambda g: -sizes[g]):
            # By how much Σ lacking² / share falls where the group goes to either side.
            falls = ((2 * lacking - things[g]) * things[g] / share).sum(1)
            side[g] = chosen = int(falls.argmax())
            lacking[chosen] -= things[g]
            left -= counts[g]
    to_val: NDArray[np.bool_] = side == 1
    return to_val


def _nearest_single(sizes: NDArray[np.float64], val: float) -> NDArray[np.bool_]:
    """The one group whose size comes nearest to the share of val."""
    chosen = np.zeros(len(sizes), dtype=np.bool_)
    chosen[int(np.abs(sizes - val * sizes.sum()).argmin())] = True
    return chosen


def _groups(annotations: Annotations, by: By) -> list[list[int]]:
    if by == "picture":
        return [[i] for i in range(len(annotations))]
    found: dict[int | str, list[int]] = defaultdict(list)
    if by == "video":
        if annotations.videos is None:
            raise DataError("the pictures are no frames of videos (`video`, `frame_id` of an image in COCO's files).")
        for i, name in enumerate(annotations.videos.names):
            found[name].append(i)
        return list(found.values())
    if not (annotations.rows.identities >= 0).any():
        raise DataError("no object has an identity (`identity`, `track_id` in COCO's files) to stay together by.")
    return _by_identity(annotations)


def _by_identity(annotations: Annotations) -> list[list[int]]:
    """Pictures joined, also over several steps, by identities that they share."""
    parent = list(range(len(annotations)))

    def top(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[int, int] = {}
    for i in range(len(annotations)):
        for identity in annotations.objects_of(i).identities.tolist():
            if identity >= 0:
                parent[top(i)] = top(first.setdefault(identity, i))
    found: dict[int, list[int]] = defaultdict(list)
    for i in range(len(annotations)):
        found[top(i)].append(i)
    return list(found.values())
