"""What a caption is worth to the self-critical training: CIDEr-D by the document frequencies of the training captions.

The end of a sentence counts as a word of it. Without that, captions learn to stop in the middle ("a dog with a"): the
score looks at n-grams only, and would not miss what is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .cider import SCALE, Cider
from .words import words

BEST = SCALE  # no caption is worth more
END = "</s>"  # no word of a caption: `words` would take it apart

Sentence = tuple[str, bool]  # a caption, and whether it is whole: one that was cut has no end


class Reward:
    """Made of all references of the training pictures, picture by picture."""

    def __init__(self, pictures: Iterable[Sequence[str]]) -> None:
        self._cider = Cider.of([[_words((caption, True)) for caption in several] for several in pictures])

    def __deepcopy__(self, memo: Any) -> Reward:
        return self  # it never changes, and counts millions of n-grams: copies of a model share it

    @property
    def can_tell(self) -> bool:
        """Whether any n-gram tells one picture from another."""
        return self._cider.can_tell

    def __call__(self, said: Sequence[Sentence], references: Sequence[Sentence]) -> list[float]:
        """0..10 for each of the sentences about one picture."""
        truth = [self._cider.vector(_words(reference)) for reference in references]
        return [self._cider.score(_words(sentence), truth) for sentence in said]


def _words(sentence: Sentence) -> list[str]:
    text, whole = sentence
    return [*words(text), END] if whole else words(text)
