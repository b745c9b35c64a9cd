"""Pictures decoded lately, at the size that is needed: a mosaic then costs one new picture, not four."""

from __future__ import annotations

from torch import Tensor

from unified.data.dataset import Dataset
from unified.data.mosaic import fit
from unified.data.paint import resize
from unified.data.picture import pixels_of


class Shelf:
    """Decodes pictures of a data set and keeps the last `capacity` of them.

    With `longest`, a picture whose longer side has more pixels is shrunk to it.
    """

    def __init__(self, dataset: Dataset, longest: int | None = None, capacity: int = 0) -> None:
        self.dataset = dataset
        self.longest = longest
        self._capacity = capacity
        self._pictures: dict[int, Tensor] = {}

    def picture(self, i: int) -> Tensor:
        """Picture i, (H, W, 3) uint8 RGB, perhaps smaller than `dataset.record(i).size` says; not to be written to.

        Raises DataError if it cannot be read.
        """
        if i in self._pictures:
            return self._pictures[i]
        picture = pixels_of(self.dataset.picture(i, at_least=self.longest))
        height, width, _ = picture.shape
        if self.longest is not None and max(height, width) > self.longest:
            picture = resize(picture, fit((width, height), self.longest))
        if self._capacity:
            self._pictures[i] = picture
            if len(self._pictures) > self._capacity:
                # First in, first out: a plan's window moves on in the order of decoding, whatever was used since.
                del self._pictures[next(iter(self._pictures))]
        return picture
