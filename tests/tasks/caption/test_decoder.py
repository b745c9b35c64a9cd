from __future__ import annotations

import copy
import itertools
import sys
from typing import Any

import pytest
import torch
from torch import Tensor

from tasks.caption.decoder import Decoder, end_once
from tasks.caption.vocabulary import Vocabulary
from unified.errors import MissingExtraError
from unified.train.ema import Ema

LENGTH = 8


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    """Random, but far from indifferent, and fond of ending."""
    torch.manual_seed(0)
    made = Decoder.small(Vocabulary(300), width=16, layers=2, heads=2, length=LENGTH, dropout=0.1).eval()
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if parameter.dim() > 1:
                parameter.mul_(3 if "wte" in name else 0.7)
        made.gpt.transformer.wte.weight[made.end] *= 4
    return made.double()


@pytest.fixture
def memory() -> Tensor:
    return 2 * torch.randn(4, 5, 16, dtype=torch.float64)


def greedy(decoder: Decoder, memory: Tensor, ids: int) -> list[list[int]]:
    """Word for word, picture for picture, by nothing but `forward`."""
    captions = []
    for one in memory:
        said: list[int] = []
        while len(said) < LENGTH and decoder.end not in said:
            logits = decoder(one[None], torch.tensor([[*said, -1]]))[0, len(said), :ids].detach()
            logits[decoder.start] = -torch.inf
            if not said:
                logits[decoder.end] = -torch.inf
            said.append(int(logits.argmax()))
        captions.append(said)
    return captions


def rows(tokens: Tensor) -> list[list[int]]:
    return [[id for id in row if id >= 0] for row in tokens.tolist()]


@pytest.mark.parametrize("ids", [6, 300])
def test_one_beam_says_the_most_probable_word_each_time(decoder: Decoder, memory: Tensor, ids: int) -> None:
    assert rows(decoder.say(memory, length=LENGTH, ids=ids)) == greedy(decoder, memory, ids)


@pytest.mark.parametrize("beams", [1, 3])
def test_the_cache_changes_nothing(decoder: Decoder, memory: Tensor, beams: int) -> None:
    cached, plain = (decoder.say(memory, length=LENGTH, ids=300, beams=beams, cache=cache) for cache in (True, False))
    assert cached.equal(plain)


@pytest.mark.parametrize("beams", [1, 3])
def test_a_batch_says_what_each_picture_says_alone(decoder: Decoder, memory: Tensor, beams: int) -> None:
    way: dict[str, Any] = {"length": LENGTH, "ids": 7, "beams": beams, "length_penalty": 0.5}
    together = rows(decoder.say(memory, **way))
    assert together == [rows(decoder.say(one[None], **way))[0] for one in memory]
    assert len({len(row) for row in together}) > 1, "captions of one length would hide what padding does"


def test_enough_beams_find_the_best_sentence_of_all(decoder: Decoder, memory: Tensor) -> None:
    ids, length = 5, 3
    words = range(2, ids)
    sentences = [(*s, decoder.end) for n in (1, 2) for s in itertools.product(words, repeat=n)]
    sentences += list(itertools.product(words, repeat=length))
    for one in memory:
        best = max(sentences, key=lambda sentence: mean_log_probability(decoder, one, sentence, ids))
        found = decoder.say(one[None], length=length, ids=ids, beams=40)
        assert tuple(rows(found)[0]) == best


def mean_log_probability(decoder: Decoder, memory: Tensor, sentence: tuple[int, ...], ids: int) -> float:
    """As the library ranks beams: what may not be said is left out after the softmax."""
    logits = decoder(memory[None], torch.tensor([sentence]))[0].detach().log_softmax(-1)
    return sum(float(logits[t, id]) for t, id in enumerate(sentence)) / len(sentence)


def test_beams_that_are_sampled_have_a_length_penalty_too(decoder: Decoder, memory: Tensor) -> None:
    def lengths(penalty: float) -> float:
        torch.manual_seed(0)
        many = memory.repeat(20, 1, 1)
        said = decoder.say(many, length=LENGTH, ids=7, beams=3, temperature=1.0, length_penalty=penalty)
        return float((said >= 0).sum(1).float().mean())

    assert lengths(-3.0) < lengths(3.0)


def test_sampling_follows_the_seed_and_says_only_what_may_be_said(decoder: Decoder, memory: Tensor) -> None:
    def sample(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return decoder.say(memory.repeat(20, 1, 1), length=LENGTH, ids=9, temperature=5.0)

    first = sample(1)
    assert first.equal(sample(1)) and not first.equal(sample(2))
    assert set(first.unique().tolist()) == {-1, *range(1, 9)}


def test_sentences_are_sampled_as_often_as_they_are_probable(decoder: Decoder, memory: Tensor) -> None:
    ids, length, many = 5, 2, 4000
    words = range(2, ids)
    sentences = [[a, b] for a in words for b in (decoder.end, *words)]
    with torch.no_grad():
        one = memory[:1].repeat(len(sentences), 1, 1)
        probable = decoder.log_probability(one, torch.tensor(sentences), ids=ids).exp()
    assert float(probable.sum()) == pytest.approx(1)
    torch.manual_seed(0)
    said = rows(decoder.say(memory[:1].repeat(many, 1, 1), length=length, ids=ids, temperature=1.0))
    for sentence, p in zip(sentences, probable.tolist(), strict=True):
        assert said.count(sentence) / many == pytest.approx(p, abs=5 * (p * (1 - p) / many) ** 0.5 + 1e-3)


def test_at_least_one_word_is_said_and_nothing_after_the_end(decoder: Decoder, memory: Tensor) -> None:
    eager = copy.deepcopy(decoder)
    with torch.no_grad():
        eager.gpt.transformer.wte.weight[eager.end] = 10 * eager.gpt.transformer.ln_f.bias.fill_(1)
    said = eager.say(memory, length=LENGTH, ids=9)
    assert said.shape == (4, 2) and (said[:, 1] == eager.end).all() and (said[:, 0] > eager.end).all()


def test_what_follows_the_end_is_no_token() -> None:
    tokens = torch.tensor([[5, 1, 1, 7], [1, 1, 1, 1], [5, 6, 7, 8]])
    assert end_once(tokens, 1).tolist() == [[5, 1, -1, -1], [1, -1, -1, -1], [5, 6, 7, 8]]


def test_a_place_sees_the_tokens_before_it_and_the_picture(decoder: Decoder, memory: Tensor) -> None:
    said = torch.tensor([[4, 5, 6, 7]] * 4)
    logits = decoder(memory, said)
    later = said.clone()
    later[:, 2] = 99
    changed = (decoder(memory, later) - logits).abs().amax((0, 2))
    assert (changed[:3] < 1e-9).all() and changed[3] > 1e-3
    assert (decoder(memory.flip(0), said) - logits).abs().max() > 1e-3


def test_padding_of_longer_captions_changes_nothing(decoder: Decoder, memory: Tensor) -> None:
    short = torch.tensor([[4, 5, 1]] * 4)
    padded = torch.cat([short, torch.full((4, 3), -100)], dim=1)
    torch.testing.assert_close(decoder(memory, padded)[:, :3], decoder(memory, short))


def test_the_word_embedding_is_stored_once_and_averaged_once() -> None:
    made = Decoder.small(Vocabulary(300), width=8, layers=1, heads=1, length=4, dropout=0.0)
    assert not [name for name in made.state_dict() if "lm_head" in name]
    again = Decoder.small(Vocabulary(300), width=8, layers=1, heads=1, length=4, dropout=0.0)
    again.load_state_dict(made.state_dict())
    assert again.gpt.lm_head.weight is again.gpt.transformer.wte.weight
    assert again.gpt.lm_head.weight.equal(made.gpt.lm_head.weight)

    ema = Ema(made, decay=0.5, tau=1e-9)
    before = made.gpt.lm_head.weight.detach().clone()
    with torch.no_grad():
        made.gpt.lm_head.weight.add_(1)
    ema.update(made)
    averaged: Any = ema.model
    torch.testing.assert_close(averaged.gpt.lm_head.weight, before + 0.5)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'unified\[caption\]'"):
        Decoder.small(Vocabulary(300), width=8, layers=1, heads=1, length=4, dropout=0.0)
