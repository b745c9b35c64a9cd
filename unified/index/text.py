"""Finding pictures by words: full-text search of the captions that are kept with an index. No embedding takes part.

The ranking is BM25, that of SQLite's FTS5: any word asked for counts, a rare one more, and English words count in any
of their forms ("stars" finds "star"). Each segment of an index weighs words by its own captions; `compact` makes one
of several.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from unified.errors import ConfigError

METHOD = "BM25 over the captions kept with the index; no embedding is asked"


@dataclass(frozen=True, slots=True)
class Mention:
    """A picture whose caption has words that were asked for; `score` is above 0, and only compares within one query.

    `ids` are those of its entries, for asking further.
    """

    score: float
    image: str
    caption: str
    ids: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def match(text: str) -> str:
    """What FTS5 is asked for: any word of the text. ConfigError when there is none.

    Each word is quoted, so that nothing in it is taken for FTS5's own language.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(f"{text!r} is not valid Unicode; ask for words") from error
    pieces = unicodedata.normalize("NFC", text).replace("\0", " ").split()
    words = [piece for piece in pieces if any(letter.isalnum() for letter in piece)]
    if not words:
        raise ConfigError(f"{text!r} has no word to look for in captions; ask for one, such as 'red dog'")
    return " OR ".join('"' + word.replace('"', '""') + '"' for word in words)


def best(mentions: Iterable[Mention], k: int) -> list[Mention]:
    """The k best pictures, each once, with all its entries."""
    found: dict[str, Mention] = {}
    for mention in sorted(mentions, key=lambda mention: -mention.score):
        known = found.get(mention.image)
        if known is None:
            found[mention.image] = mention
        else:
            ids = tuple(sorted({*known.ids, *mention.ids}))
            found[mention.image] = Mention(known.score, known.image, known.caption, ids)
    return list(found.values())[:k]
