"""Strong and weak views in one batch: mosaics and colours where labels can follow, little of it where they cannot.

A box follows its object into a mosaic; a sentence that names colours, numbers and places does not. So some pictures are
shown strongly and some weakly. From a weak view every task learns; from a strong one all but those of `only_weak`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from unified.data.augment import Augment
from unified.data.pipeline import Draw, View
from unified.data.shelf import Shelf

_VIEW = 2**31  # a stream of random numbers beside that of the sample


class Views:
    """A pipeline for training.

    Args:
        strong, weak: what is done to a picture.
        share: of the pictures that are shown weakly; one that is labelled for tasks of weak views alone always is.
        tasks: all there are.
        only_weak: those that learn from weak views only.
    """

    def __init__(
        self, strong: Augment, weak: Augment, *, share: float, tasks: Collection[str], only_weak: Collection[str] = ()
    ) -> None:
        self.strong = strong
        self.weak = weak
        self.share = share
        self.tasks = frozenset(tasks)
        self.only_weak = frozenset(only_weak)
        self.size = strong.size
        self.longest = strong.longest
        self.partners = strong.partners

    def __call__(self, shelf: Shelf, draw: Draw) -> View:
        own = shelf.dataset.tasks_of(draw.index)
        labelled = self.tasks if own is None else own
        if labelled <= self.only_weak or np.random.default_rng((*draw.seed, _VIEW)).random() < self.share:
            return self.weak(shelf, draw)
        view = self.strong(shelf, draw)
        if not self.only_weak:
            return view
        seeing = self.tasks if view.tasks is None else view.tasks
        return replace(view, tasks=seeing - self.only_weak)
