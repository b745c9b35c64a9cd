"""Captions: a sentence about the picture, by a small GPT-2 that looks at the trunk's levels.

Reading order: `target` (labels), `vocabulary` (text ↔ tokens), `memory` (levels → tokens), `decoder`, `loss`, `result`;
then the scores: `words`, `bleu`, `rouge`, `cider`, `corpus`, `metric`, `score_files`; and the training on scores:
`reward`, `self_critical`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from unified.data.sample import Record, Sample, Taxonomy
from unified.errors import CheckpointError, ConfigError, DataError
from unified.model.implicit import ImplicitCode
from unified.ops.frame import Frame
from unified.task import Features, Levels, Target, Task

from .decoder import Decoder, Pretrained
from .loss import certain_logits, cross_entropy, probability
from .memory import Memory
from .metric import CaptionMetric
from .options import Options, Search
from .result import Caption
from .reward import Reward, Sentence
from .score_files import score_files
from .self_critical import expected_shortfall, mean_of_others
from .target import captions_of, choose, encode, references, take
from .vocabulary import Vocabulary, sha256_of

__all__ = ["Caption", "Captioning", "Options", "Search", "score_files", "task"]

WEAK_VIEWS = True  # a sentence names colours, numbers and places
READS_OBJECTS = False

log = logging.getLogger(__name__)


def task(levels: Levels, taxonomy: Taxonomy, **options: Any) -> Captioning:
    """Captions behind a trunk with these levels; `taxonomy` is of no use to sentences.

    Raises:
        MissingExtraError: the extra `caption` is not installed.
    """
    return Captioning(levels, Options.model_validate(options))


class Captioning(Task):
    """Raw output: {"memory": (B, N, d)}, N visual tokens; that of `perfect` also has what is said, "references"."""

    name = "caption"
    # Each in 0..1 like other tasks' numbers, and 1 for the truth. CIDEr-D reaches up to 10, and hangs on the data set.
    fitness = MappingProxyType({"BLEU_4": 0.5, "ROUGE_L": 0.5})
    tokenizer_sha256: Tensor  # (32,) uint8: of the tokenizer that the decoder is trained with

    def __init__(self, levels: Levels, options: Options) -> None:
        super().__init__()
        self.options = options
        on_words = options.objective == "words"
        self._pretrained = None if options.pretrained is None else Pretrained(options.pretrained)
        if self._pretrained is not None:
            self.vocabulary = self._pretrained.vocabulary()
            self.decoder = self._pretrained.decoder(self.vocabulary, length=options.length, dropout=on_words)
        else:
            self.vocabulary = Vocabulary.bytes_only(options.vocabulary)
            self.decoder = small_decoder(self.vocabulary, options, dropout=on_words)
        self.register_buffer("tokenizer_sha256", sha256_of(self.vocabulary.json))
        codes = options.codes
        self.memory = Memory(
            levels.channels, self.decoder.width, grid=options.grid, align=codes.align, refine=codes.refine
        )
        self.gains = {"ce" if on_words else "cider": options.gain}
        self._reward: Reward | None = None

    def forward(self, features: Features) -> dict[str, Tensor]:
        return {"memory": self.memory(features)}

    def encode(self, samples: Sequence[Sample]) -> Target:
        return encode(samples, self.vocabulary.encode, self.options.length)

    def loss(self, raw: Mapping[str, Tensor], target: Target) -> dict[str, Tensor]:
        """Of one reference a picture: drawn anew each time while training, else the first.

        With the objective cider, of sentences that are sampled, whatever the references' order.
        """
        labelled = target["labelled"]
        if not labelled.any():
            return {}
        rows = {name: value[labelled] for name, value in raw.items()}
        if self.options.objective == "cider":
            return {"cider": self._shortfall(rows, target["references"][labelled])}
        which = choose(target, at_random=self.training)
        tokens = take(target["references"], which)[labelled]
        logits = self._logits(rows, which[labelled], tokens)
        return {"ce": cross_entropy(logits, tokens, label_smoothing=self.options.label_smoothing)}

    def _shortfall(self, raw: Mapping[str, Tensor], truth: Tensor) -> Tensor:
        """What sampled sentences lack to the best CIDEr-D, by references `truth` (B, R, T); see `self_critical`."""
        memory, many = raw["memory"], self.options.samples
        length, ids = self.options.length, len(self.vocabulary)
        repeated = memory.repeat_interleave(many, 0)
        if "references" in raw:
            said = take(raw["references"], torch.zeros_like(truth[:, 0, 0])).repeat_interleave(many, 0)
        else:
            said = self.decoder.say(repeated, temperature=1.0, length=length, ids=ids)
        rewards = self._worth(said.unflatten(0, (-1, many)), truth)
        if many > 1:
            baselines = mean_of_others(rewards)
        else:
            baselines = self._worth(self.decoder.say(memory, length=length, ids=ids).unsqueeze(1), truth)
        log_probability = self.decoder.log_probability(repeated, said, ids=ids)
        return expected_shortfall(log_probability.unflatten(0, (-1, many)), rewards, baselines)

    def _worth(self, said: Tensor, truth: Tensor) -> Tensor:
        """(B, K) rewards of sentences (B, K, T), by the pictures' references (B, R, T)."""
        if self._reward is None:
            raise ConfigError("caption.objective: cider weighs words by the training captions: call study(records)")
        pairs = zip(self._sentences(said), self._sentences(truth), strict=True)
        rewards = [self._reward(some, [one for one in several if one[0]]) for some, several in pairs]
        return torch.tensor(rewards, dtype=torch.float32, device=said.device)

    def _sentences(self, tokens: Tensor) -> list[list[Sentence]]:
        """The texts of tokens (B, K, T), picture by picture."""
        decode, end = self.vocabulary.decode, self.vocabulary.end
        return [[(decode([id for id in row if id >= 0]), end in row) for row in picture] for picture in tokens.tolist()]

    def _logits(self, raw: Mapping[str, Tensor], which: Tensor, tokens: Tensor) -> Tensor:
        """(B, T, V) of the ids in use, while `tokens` (B, T) are said."""
        ids = len(self.vocabulary)
        if "references" in raw:
            return certain_logits(take(raw["references"], which), ids)
        logits: Tensor = self.decoder(raw["memory"], tokens)[..., :ids]
        return logits

    @torch.no_grad()
    def decode(
        self,
        raw: Mapping[str, Tensor],
        frames: Sequence[Frame],
        *,
        score: float | None = None,
        search: Search | None = None,
    ) -> list[Caption]:
        """One sentence a picture, made as the options say, or as `search`; whatever the least `score`."""
        which = torch.zeros(len(frames), dtype=torch.long, device=raw["memory"].device)
        if "references" in raw:
            tokens = take(raw["references"], which)
        else:
            way = (search or self.options.search).model_dump()
            tokens = self.decoder.say(raw["memory"], length=self.options.length, ids=len(self.vocabulary), **way)
        scores = probability(self._logits(raw, which, tokens), tokens)
        said = [[id for id in row if id >= 0] for row in tokens.tolist()]
        return [
            Caption(self.vocabulary.decode(row), certainty, len(row))
            for row, certainty in zip(said, scores.tolist(), strict=True)
        ]

    def ways(self) -> dict[str, Callable[[Mapping[str, Tensor], Sequence[Frame]], list[Caption]]]:
        searches = {
            f"{name}{'' if cache else ', no cache'}": Search(beams=beams, cache=cache)
            for name, beams in (("greedy", 1), ("beam 3", 3))
            for cache in (True, False)
        }
        return {name: partial(self.decode, search=search) for name, search in searches.items()}

    def metric(self) -> CaptionMetric:
        return CaptionMetric(self.name)

    def codes(self) -> dict[str, ImplicitCode]:
        return self.memory.codes()

    def perfect(self, target: Target, raw: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {"memory": raw["memory"], "references": target["references"]}

    def prepare(self, records: Sequence[Record], input_size: int) -> None:
        """Fit the tokenizer to the training captions; a pretrained decoder comes with its own, and gets its weights.

        Raises:
            DataError: there are none.
        """
        captions = list(captions_of(records))
        if not captions:
            raise DataError(
                f"no caption among the {len(records)} pictures of the training split; add a captions file (COCO: "
                "annotations/captions_train2017.json, beside the instances), or leave the task out: tasks.caption=false"
            )
        if self._pretrained is not None:
            self._pretrained.load_weights(self.decoder)
        else:
            self.vocabulary.fit(captions)
            self.tokenizer_sha256.copy_(sha256_of(self.vocabulary.json))
        most = self.options.length
        if cut := sum(len(self.vocabulary.encode(caption)) > most for caption in captions):
            text = "%d of %d captions have more than %d tokens; only their beginning is learnt (caption.length)"
            log.warning(text, cut, len(captions), most)

    def study(self, records: Sequence[Record]) -> None:
        """Count the n-grams of the training captions, where the loss asks for them.

        Raises:
            DataError: no word tells one picture from another.
        """
        if self.options.objective == "words":
            return
        self._reward = Reward(found for record in records if (found := references(record.labels)))
        if not self._reward.can_tell:
            raise DataError(
                "caption.objective: CIDEr-D of these training captions is 0 whatever is said, since every picture has "
                "the same words; train on words: tasks.caption.objective=words"
            )

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        json, wanted = (state_dict.get(prefix + name) for name in ("vocabulary.json", "tokenizer_sha256"))
        if json is not None and wanted is not None and not sha256_of(json).equal(wanted.cpu()):
            raise CheckpointError(
                "the tokenizer is not the one that the caption decoder was trained with: its words would come out as "
                "others; take both from the same checkpoint"
            )
        super()._load_from_state_dict(state_dict, prefix, *rest)
        if json is None:  # a warm start that brings another tokenizer's embedding, say: ours stays
            self.tokenizer_sha256.copy_(sha256_of(self.vocabulary.json))


def small_decoder(vocabulary: Vocabulary, options: Options, *, dropout: bool) -> Decoder:
    """The decoder that the options describe, with random weights, with their dropout or without any."""
    return Decoder.small(
        vocabulary,
        width=options.width,
        layers=options.layers,
        heads=options.heads,
        length=options.length,
        dropout=options.dropout if dropout else 0.0,
    )
