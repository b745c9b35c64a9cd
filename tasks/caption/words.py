"""Captions as words for scoring: lower case, split like the Penn Treebank, without punctuation.

After the tokenizer of the published caption evaluation (Stanford CoreNLP, PTB, `-lowerCase`, punctuation removed):
clitics stand alone ("man 's", "do n't"), hyphenated words and numbers stay whole, every other symbol is its own word.
Abbreviations other than "u.s." lose their full stop, which CoreNLP knows from a list. Where a script has no spaces, a
run of letters is one word.
"""

from __future__ import annotations

import re
import unicodedata

TOKENIZER = "PTB-like: lower case, clitics split, punctuation removed"

_WORD = re.compile(
    r"""
      (?:can(?=not\b) | gon(?=na\b) | got(?=ta\b) | wan(?=na\b))   # as the treebank splits them
    | o'clock\b
    | (?:\w\.){2,}                                                 # u.s.
    | \d+:\d\d                                                     # 5:54 of 5:54pm
    | \d+(?:[.,]\d+)+
    | n't\b
    | '(?:s|re|ve|ll|d|m)\b
    | \w+?(?=n't\b)
    | \w+(?:-\w+)*
    | [^\s\w]
    """,
    re.VERBOSE,
)
_PUNCTUATION = frozenset("'\"`´.,:;!?-()[]{}…‘’“”–—")


def words(text: str) -> list[str]:
    """The words that scores compare; empty for a text of punctuation alone."""
    text = unicodedata.normalize("NFC", text)  # as the tokenizer does
    return [word for word in _WORD.findall(text.lower().replace("’", "'")) if word not in _PUNCTUATION]
