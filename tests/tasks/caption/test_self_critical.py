"""Training on CIDEr-D of sampled captions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from tasks.caption import Captioning
from tasks.caption.reward import BEST, Reward
from tasks.caption.self_critical import mean_of_others
from tests.tasks.caption.conftest import CAPTIONS, make_features, make_sample
from unified.data.sample import Sample
from unified.errors import ConfigError, DataError

Make = Callable[..., Captioning]
SAMPLES = [make_sample(CAPTIONS[0], CAPTIONS[2]), make_sample(labelled=False), make_sample("a blue ring on grass")]


def critical(make: Make, pictures: list[Sample] = SAMPLES, **options: Any) -> Captioning:
    made = make(objective="cider", **options)
    made.study([sample.record for sample in pictures])
    return made.train()


@pytest.mark.parametrize("many", [1, 3])
def test_the_gradient_is_that_of_reinforce_sentence_by_sentence(make: Make, many: int) -> None:
    captioning = critical(make, samples=many)
    memory = torch.randn(3, 5, 16, requires_grad=True)
    target = captioning.encode(SAMPLES)
    torch.manual_seed(1)
    loss = captioning.loss({"memory": memory}, target)["cider"]
    loss.backward()
    assert memory.grad is not None and memory.grad[1].eq(0).all(), "the second picture has no captions"

    torch.manual_seed(1)
    labelled = memory.detach()[[0, 2]]
    found, worth = naive_gradient(captioning, labelled, [SAMPLES[0], SAMPLES[2]], many)
    torch.testing.assert_close(memory.grad[[0, 2]], found, rtol=1e-4, atol=1e-7)
    assert found.abs().max() > 0
    assert loss.item() == pytest.approx(BEST - worth, rel=1e-5)


def naive_gradient(captioning: Captioning, memory: Tensor, samples: list[Sample], many: int) -> tuple[Tensor, float]:
    """-mean of (r - b) ∇ log p, each word's probability computed by itself; and the mean of r."""
    decoder, vocabulary, length = captioning.decoder, captioning.vocabulary, captioning.options.length
    ids = len(vocabulary)
    reward = Reward([tuple(sample.record.labels.captions or ()) for sample in SAMPLES if sample.labels.captions])
    sampled = decoder.say(memory.repeat_interleave(many, 0), length=length, ids=ids, temperature=1.0)
    greedy = decoder.say(memory, length=length, ids=ids)
    total, rewards_of_all = torch.zeros_like(memory), []

    def worth(row: Tensor, sample: Sample) -> float:
        tokens = [id for id in row.tolist() if id >= 0]
        # The references as the decoder sees them: cut to its length.
        truth = [vocabulary.encode(text)[:length] for text in sample.labels.captions or ()]
        said, *several = [(vocabulary.decode(one), vocabulary.end in one) for one in (tokens, *truth)]
        return reward([said], several)[0]

    for i, sample in enumerate(samples):
        rows = sampled[many * i : many * (i + 1)]
        rewards = [worth(row, sample) for row in rows]
        rewards_of_all += rewards
        for k, row in enumerate(rows):
            others = [r for j, r in enumerate(rewards) if j != k] or [worth(greedy[i], sample)]
            one = memory[i : i + 1].clone().requires_grad_()
            log_p = torch.zeros(())
            before: list[int] = []
            for id in [id for id in row.tolist() if id >= 0]:
                logits = decoder(one, torch.tensor([[*before, -1]]))[0, len(before), :ids]
                allowed = [j for j in range(ids) if j != decoder.start and (before or j != decoder.end)]
                log_p = log_p + logits[id] - logits[allowed].logsumexp(0)
                before.append(id)
            (gradient,) = torch.autograd.grad(log_p, one)
            total[i] -= (rewards[k] - sum(others) / len(others)) * gradient[0] / len(sampled)
    return total, sum(rewards_of_all) / len(rewards_of_all)


def test_the_baseline_of_a_sample_is_the_mean_of_the_others() -> None:
    assert mean_of_others(torch.tensor([[1.0, 2.0, 6.0]])).tolist() == [[4.0, 3.5, 1.5]]


def test_what_is_said_comes_to_be_worth_more(make: Make) -> None:
    features = {level: value.repeat(6, 1, 1, 1) for level, value in make_features(3).items()}
    words = make(width=32, length=8).train()
    descend(words, features, steps=10, lr=0.01)
    captioning = critical(make, samples=4, width=32, length=8)
    captioning.load_state_dict(words.state_dict())
    shortfalls = descend(captioning, features, steps=24, lr=0.003)
    before, after = sum(shortfalls[:4]) / 4, sum(shortfalls[-4:]) / 4
    assert after < before - 0.5, (before, after)


def descend(captioning: Captioning, features: dict[str, Tensor], *, steps: int, lr: float) -> list[float]:
    """The loss of each step."""
    optimizer = torch.optim.AdamW(captioning.parameters(), lr=lr)
    target, losses = captioning.encode(SAMPLES * 6), []
    for _ in range(steps):
        optimizer.zero_grad()
        (loss,) = captioning.loss(captioning(features), target).values()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_a_batch_without_captions_trains_nothing(make: Make) -> None:
    captioning = critical(make)
    unlabelled = [make_sample(labelled=False), make_sample(" ")]
    assert captioning.loss(captioning(make_features(2)), captioning.encode(unlabelled)) == {}


def test_the_decoder_that_speaks_is_the_one_that_learns(make: Make) -> None:
    captioning = critical(make, dropout=0.5)
    memory, tokens = torch.randn(2, 5, 16), captioning.encode(SAMPLES)["references"][[0, 2], 0]
    ids = len(captioning.vocabulary)
    once, again = (captioning.decoder.log_probability(memory, tokens, ids=ids) for _ in range(2))
    assert once.equal(again), "without dropout, though it is training"


def test_without_the_training_captions_there_is_no_reward(make: Make) -> None:
    captioning = make(objective="cider")
    with pytest.raises(ConfigError, match=r"call study\(records\)"):
        captioning.loss(captioning(make_features(3)), captioning.encode(SAMPLES))


def test_captions_that_tell_no_picture_from_another_are_refused(make: Make) -> None:
    with pytest.raises(DataError, match=r"0 whatever is said.*tasks\.caption\.objective=words"):
        critical(make, [make_sample("a star")] * 3)
