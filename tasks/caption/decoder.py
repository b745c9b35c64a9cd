"""The language model: GPT-2 with attention to the picture, of `transformers`. The only file that knows that library.

How words are chosen is the library's business: greedy, beams, sampling, the cache of keys and values.

Letters: B pictures, N visual tokens, T tokens of a caption, V ids, d the width.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from unified.errors import ConfigError, MissingExtraError

from .vocabulary import Vocabulary

EMBEDDING, TIED = "gpt.transformer.wte.weight", "gpt.lm_head.weight"  # one tensor

# GPT-2's start, for its width. A narrow decoder that starts as small hardly hears the picture, and learns it late.
START_SIGMA, START_WIDTH = 0.02, 768


class Decoder(nn.Module):
    """Continues captions. `gpt` is a GPT2LMHeadModel with cross-attention to tokens of its own width."""

    def __init__(self, gpt: Any, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.gpt = gpt
        self.start, self.end = vocabulary.start, vocabulary.end
        # Under two names it would be stored twice, and averaged twice by an average over the state.
        self.register_state_dict_post_hook(_forget_tied)  # type: ignore[no-untyped-call]
        self.register_load_state_dict_pre_hook(_recall_tied)  # type: ignore[no-untyped-call]

    @classmethod
    def small(
        cls, vocabulary: Vocabulary, *, width: int, layers: int, heads: int, length: int, dropout: float
    ) -> Decoder:
        """With random weights, for captions of `length` tokens."""
        library = import_transformers()
        config = library.GPT2Config(
            vocab_size=vocabulary.size,
            n_positions=length,
            n_embd=width,
            n_layer=layers,
            n_head=heads,
            add_cross_attention=True,
            resid_pdrop=dropout,
            embd_pdrop=dropout,
            initializer_range=START_SIGMA * math.sqrt(START_WIDTH / width),
            attn_pdrop=0.0,  # fused attention, which has no dropout on CPUs, is twice as fast
            bos_token_id=vocabulary.start,
            eos_token_id=vocabulary.end,
        )
        return cls(library.GPT2LMHeadModel(config), vocabulary)

    @property
    def width(self) -> int:
        width: int = self.gpt.config.n_embd
        return width

    def forward(self, memory: Tensor, said: Tensor) -> Tensor:
        """Logits (B, T, V) of the token at each place, from memory (B, N, d) and the tokens (B, T) that belong there.

        Teacher forcing: place t sees the true tokens before t. Negative tokens are none, and come last.
        """
        before = torch.cat([torch.full_like(said[:, :1], self.start), said[:, :-1].clamp(min=0)], dim=1)
        there = torch.cat([torch.ones_like(said[:, :1]), (said[:, :-1] >= 0).to(said)], dim=1)
        seen = memory.to(self.gpt.dtype)
        out = self.gpt(input_ids=before, attention_mask=there, encoder_hidden_states=seen, use_cache=False)
        logits: Tensor = out.logits
        return logits

    def log_probability(self, memory: Tensor, said: Tensor, *, ids: int) -> Tensor:
        """(B,) of sentences `said` (B, T) when `say` samples them at temperature 1; negative tokens are none."""
        logits = self(memory, said)[..., :ids]
        with torch.autocast(logits.device.type, enabled=False):
            logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
            never = torch.zeros(said.shape[1], ids, dtype=torch.bool, device=logits.device)
            never[0, self.end] = True
            never[:, self._unsaid] = True
            each = logits.masked_fill(never, -torch.inf).log_softmax(-1)
            each = each.gather(2, said.clamp(min=0).unsqueeze(2)).squeeze(2)
            found: Tensor = each.masked_fill(said < 0, 0.0).sum(1)
            return found

    @property
    def _unsaid(self) -> list[int]:
        """Ids that no sentence has: the start, unless it is the end as well."""
        return [self.start] if self.start != self.end else []

    @torch.no_grad()
    def say(
        self,
        memory: Tensor,
        *,
        length: int,
        ids: int,
        beams: int = 1,
        length_penalty: float = 1.0,
        temperature: float | None = None,
        top_p: float = 1.0,
        cache: bool = True,
    ) -> Tensor:
        """Tokens (B, T ≤ length) below `ids`: at least one, then the end, then -1 where another picture has more."""
        start = torch.full((len(memory), 1), self.start, device=memory.device)
        unused = [*range(ids, self.gpt.config.vocab_size), *self._unsaid]
        # The library warns of settings that the way of searching does not use.
        way: dict[str, Any] = {"do_sample": False}
        if temperature is not None:
            way = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 0}
        if beams > 1:
            way |= {"length_penalty": length_penalty}
        out = self.gpt.generate(
            input_ids=start,
            attention_mask=torch.ones_like(start),
            encoder_hidden_states=memory.to(self.gpt.dtype),
            max_new_tokens=length,
            begin_suppress_tokens=[self.end],
            suppress_tokens=unused or None,
            num_beams=beams,
            use_cache=cache,
            pad_token_id=self.end,
            **way,
        )
        return end_once(out[:, 1:], self.end)


def end_once(tokens: Tensor, end: int) -> Tensor:
    """What follows the first `end` of a row is -1."""
    ends = (tokens == end).long()
    return tokens.masked_fill(ends.cumsum(1) > ends, -1)


class Pretrained:
    """A GPT-2 that the user has: a folder, or a name of the Hugging Face hub in the local cache.

    Architecture and tokenizer are read whenever the model is built, the weights by `load_weights` only.

    Raises:
        ConfigError: there is no such model here, or it is no GPT-2.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._config = self._read(import_transformers().AutoConfig, add_cross_attention=True)
        if self._config.model_type != "gpt2":
            raise ConfigError(f"caption.pretrained: {name} is a {self._config.model_type}; allowed: a GPT-2")

    def vocabulary(self) -> Vocabulary:
        """Its own: nothing is fitted."""
        tokenizer = self._read(import_transformers().AutoTokenizer)
        json, end = tokenizer.backend_tokenizer.to_str(), tokenizer.eos_token_id
        vocabulary = Vocabulary(self._config.vocab_size, start=end, end=end, first=0, room=len(json.encode()))
        vocabulary.store(json)
        return vocabulary

    def decoder(self, vocabulary: Vocabulary, *, length: int, dropout: bool) -> Decoder:
        """Its architecture, with random weights, with its dropout or without any."""
        if length > self._config.n_positions:
            raise ConfigError(f"caption.length: {self._name} has room for {self._config.n_positions}, got {length}")
        if not dropout:
            self._config.update({"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0})
        return Decoder(import_transformers().GPT2LMHeadModel(self._config), vocabulary)

    def load_weights(self, decoder: Decoder) -> None:
        """All but the attention to the picture, which stays as it is."""
        language = self._read(import_transformers().GPT2LMHeadModel)
        decoder.gpt.load_state_dict(decoder.gpt.state_dict() | language.state_dict())

    def _read(self, kind: Any, **options: Any) -> Any:
        try:
            return kind.from_pretrained(self._name, local_files_only=True, **options)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"caption.pretrained: {self._name!r} is neither a model's folder nor in the local cache of the Hugging "
                f"Face hub. Nothing is downloaded here; 'hf download {self._name}' does that"
            ) from error


def import_transformers() -> Any:
    """The library, which takes seconds to import."""
    try:
        import transformers
    except ImportError as error:
        raise MissingExtraError("transformers", "caption") from error
    return transformers


def _forget_tied(module: nn.Module, state: dict[str, Tensor], prefix: str, _: Any) -> None:
    state.pop(prefix + TIED, None)


def _recall_tied(module: nn.Module, state: dict[str, Tensor], prefix: str, *_: Any) -> None:
    if prefix + EMBEDDING in state:
        state.setdefault(prefix + TIED, state[prefix + EMBEDDING])
