"""Text ↔ token ids: a byte-level BPE fitted to the training captions. The only file that knows `tokenizers`.

Every text has tokens, whatever its script, since the 256 bytes are among them; case is given up. The tokenizer's JSON
lies in a buffer, so that a checkpoint holds it; its room, like the decoder's embedding, depends on the options alone,
never on the data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from unified.errors import CheckpointError, MissingExtraError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

START, END = 0, 1  # ids of no text
FIRST = 2  # id of the tokenizer's token 0

LONGEST_TOKEN = 20  # characters, each a byte of the text; bounds the size of the JSON:
BYTES_A_TOKEN = 100  # its text, 2 bytes a character, in the list of tokens and again in the list of merges, with quotes
BYTES_BESIDE = 2048  # names of the parts and their settings


class Vocabulary(nn.Module):
    """At most `size` ids: the start and the end of a caption, and the tokens. Before `fit` the tokens are the bytes."""

    json: Tensor  # (room,) uint8: the tokenizer as UTF-8 JSON, then zeros

    def __init__(self, size: int, *, start: int = START, end: int = END, first: int = FIRST, room: int | None = None):
        super().__init__()
        self.size, self.start, self.end, self.first = size, start, end, first
        self.register_buffer("json", torch.zeros(room or BYTES_A_TOKEN * size + BYTES_BESIDE, dtype=torch.uint8))
        self._tokenizer: Tokenizer | None = None

    @classmethod
    def bytes_only(cls, size: int) -> Vocabulary:
        """Ready to be fitted."""
        vocabulary = cls(size)
        vocabulary.fit(())
        return vocabulary

    def fit(self, captions: Iterable[str]) -> None:
        """Learn which runs of bytes are worth a token."""
        self.store(train_tokenizer(captions, self.size - self.first).to_str())

    def store(self, text: str) -> None:
        """Take a tokenizer as JSON."""
        data = text.encode()
        assert len(data) <= len(self.json), f"{len(data)} bytes of JSON for {len(self.json)}"
        self.json.zero_()
        self.json[: len(data)] = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        self._tokenizer = None

    @property
    def tokenizer(self) -> Tokenizer:
        if self._tokenizer is None:
            self._tokenizer = tokenizer_from(self.json)
        return self._tokenizer

    def __len__(self) -> int:
        """Ids in use: all below it."""
        return self.first + self.tokenizer.get_vocab_size()

    def encode(self, caption: str) -> list[int]:
        """Ids of the words and of the end."""
        found: list[int] = self.tokenizer.encode(caption, add_special_tokens=False).ids
        return [*(self.first + id for id in found), self.end]

    def decode(self, ids: Sequence[int]) -> str:
        """The text up to the end."""
        said = ids[: ids.index(self.end)] if self.end in ids else ids
        text: str = self.tokenizer.decode([id - self.first for id in said if id >= self.first])
        return text.strip()

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *rest)
        self._tokenizer = None
        if len(self) > self.size:
            raise CheckpointError(
                f"the checkpoint's tokenizer has {len(self)} ids, the decoder {self.size}: it belongs to another model"
            )


def train_tokenizer(captions: Iterable[str], tokens: int) -> Tokenizer:
    """A byte-level BPE with at most `tokens` tokens, 256 at least; lower case, NFC."""
    library = import_tokenizers()
    tokenizer: Tokenizer = library.Tokenizer(library.models.BPE())
    tokenizer.normalizer = library.normalizers.Sequence([library.normalizers.NFC(), library.normalizers.Lowercase()])
    tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = library.decoders.ByteLevel()
    trainer = library.trainers.BpeTrainer(
        vocab_size=tokens,
        min_frequency=2,
        initial_alphabet=library.pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=LONGEST_TOKEN,
        show_progress=False,
    )
    tokenizer.train_from_iterator(captions, trainer)
    return tokenizer


def tokenizer_from(json: Tensor) -> Tokenizer:
    """The inverse of `Vocabulary.store`."""
    library = import_tokenizers()
    data = bytes(json.cpu().numpy()).rstrip(b"\0")
    try:
        found: Tokenizer = library.Tokenizer.from_str(data.decode())
    except Exception as error:  # the library raises no narrower one
        raise CheckpointError(f"the checkpoint's tokenizer cannot be read: {error}") from error
    return found


def sha256_of(json: Tensor) -> Tensor:
    """(32,) uint8: tells one tokenizer from another."""
    digest = hashlib.sha256(bytes(json.cpu().numpy()).rstrip(b"\0")).digest()
    return torch.frombuffer(bytearray(digest), dtype=torch.uint8)


def import_tokenizers() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise MissingExtraError("tokenizers", "caption") from error
    return tokenizers
