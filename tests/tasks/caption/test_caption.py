"""The task as a whole, beyond the contract that every task keeps."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tasks.caption import Captioning, Options, Search, task
from tests.tasks.caption.conftest import CAPTIONS, LEVELS, TINY, make_features, make_sample
from unified.data.sample import Taxonomy
from unified.errors import CheckpointError, DataError
from unified.ops.frame import Frame
from unified.train import checkpoint, rng
from unified.train.warm_start import take

Make = Callable[..., Captioning]
FRAMES = [Frame.identity((64, 48))] * 2


def test_each_step_learns_one_reference_drawn_at_random(make: Make) -> None:
    captioning, raw = make(), {"memory": torch.randn(1, 5, 16)}
    each = [loss_of(captioning.eval(), raw, caption) for caption in CAPTIONS]
    target = captioning.encode([make_sample(*CAPTIONS)])

    assert captioning.loss(raw, target)["ce"].item() == pytest.approx(each[0], rel=1e-4)
    captioning.train()
    drawn = [captioning.loss(raw, target)["ce"].item() for _ in range(24)]
    for value in each:
        assert any(found == pytest.approx(value, rel=1e-4) for found in drawn)
    assert all(any(found == pytest.approx(value, rel=1e-4) for value in each) for found in drawn)


def loss_of(captioning: Captioning, raw: dict[str, torch.Tensor], caption: str) -> float:
    return captioning.loss(raw, captioning.encode([make_sample(caption)]))["ce"].item()


def test_the_draw_comes_back_with_the_generators_of_a_resumed_run(make: Make) -> None:
    captioning, raw = make(dropout=0.5), {"memory": torch.randn(2, 5, 16)}
    target = captioning.encode([make_sample(*CAPTIONS)] * 2)
    state = rng.capture()
    first = [captioning.loss(raw, target)["ce"].item() for _ in range(5)]
    rng.restore(state)
    assert [captioning.loss(raw, target)["ce"].item() for _ in range(5)] == first


def test_it_learns_what_distinguishes_two_pictures(make: Make) -> None:
    captioning = make(width=32)
    features, samples = make_features(2), [make_sample(CAPTIONS[0]), make_sample("two shapes")]
    target = captioning.encode(samples)
    optimizer = torch.optim.AdamW(captioning.parameters(), lr=0.01)
    for _ in range(40):
        optimizer.zero_grad()
        captioning.loss(captioning(features), target)["ce"].backward()
        optimizer.step()

    captioning.eval()
    said = [caption.text for caption in captioning.decode(captioning(features), FRAMES)]
    assert said == ["a red star left of a blue ring.", "two shapes"]
    swapped = captioning({level: value.flip(0) for level, value in features.items()})
    assert [caption.text for caption in captioning.decode(swapped, FRAMES)] == said[::-1]


def test_the_way_of_searching_is_an_option_and_can_be_changed_for_once(make: Make) -> None:
    captioning = make(search={"beams": 1}).eval()
    raw = captioning(make_features(2))
    greedy = captioning.decode(raw, FRAMES)
    assert greedy == captioning.decode(raw, FRAMES, search=Search(beams=1, cache=False))
    torch.manual_seed(0)
    assert captioning.decode(raw, FRAMES, search=Search(temperature=3.0)) != greedy
    assert all(0 < caption.score < 1 and 2 <= caption.tokens <= TINY["length"] for caption in greedy)


def test_the_memory_may_come_in_half_precision(make: Make) -> None:
    captioning = make().eval()
    raw = {"memory": captioning(make_features(2))["memory"].bfloat16()}
    with torch.inference_mode():
        assert len(captioning.decode(raw, FRAMES)) == 2


@pytest.mark.parametrize("caption", ["a 🐶 and a 👩‍🚀", "собака бежит", "狗在跑", "x"])
def test_emoji_and_any_script_are_learnt_like_words(make: Make, caption: str) -> None:
    captioning = make(length=40)
    target = captioning.encode([make_sample(caption)])
    raw = captioning.perfect(target, captioning(make_features(1)))
    assert captioning.decode(raw, FRAMES[:1])[0].text == caption
    assert torch.isfinite(captioning.loss(captioning(make_features(1)), target)["ce"])


def test_a_caption_of_400_words_is_cut_and_that_is_said(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    long = " ".join(["a red star"] * 134)
    captioning = make()
    with caplog.at_level(logging.WARNING):
        captioning.prepare([make_sample(long, "a star").record], 64)
    assert "1 of 2 captions have more than 12 tokens; only their beginning is learnt" in caplog.text
    target = captioning.encode([make_sample(long)])
    assert target["references"].shape == (1, 1, 12) and not (target["references"] == captioning.vocabulary.end).any()
    assert torch.isfinite(captioning.loss(captioning(make_features(1)), target)["ce"])


def test_empty_captions_are_no_labels(make: Make) -> None:
    captioning = make()
    target = captioning.encode([make_sample("", " ")])
    assert target["labelled"].tolist() == [False]
    assert captioning.loss(captioning(make_features(1)), target) == {}


def test_training_without_captions_is_refused_with_the_way_out(make: Make) -> None:
    with pytest.raises(
        DataError, match=r"no caption among the 2 pictures .*captions_train2017\.json.*tasks\.caption=fals"
    ):
        make().prepare([make_sample(labelled=False).record, make_sample("").record], 64)


def test_a_checkpoint_brings_its_words(make: Make, tmp_path: Path) -> None:
    captioning = make().eval()
    checkpoint.save(tmp_path / "saved", checkpoint.Checkpoint(captioning.state_dict()))
    again = task(LEVELS, Taxonomy((), ()), **TINY).eval()
    checkpoint.load_into(again, checkpoint.load(tmp_path / "saved").model, "saved")
    raw = captioning(make_features(2))
    assert again.decode(raw, FRAMES) == captioning.decode(raw, FRAMES)


def test_a_checkpoint_with_another_tokenizer_is_refused(make: Make) -> None:
    captioning, other = make(), make()
    other.prepare([make_sample("quite other words", "quite other things").record] * 3, 64)
    mixed = captioning.state_dict() | {"vocabulary.json": other.vocabulary.json}
    with pytest.raises(CheckpointError, match="the tokenizer is not the one that the caption decoder was trained with"):
        checkpoint.load_into(make(), mixed, "mixed")


def test_a_warm_start_brings_its_words_along(make: Make) -> None:
    """Also where the tokenizer of the new data has been in use already."""
    before, after = make().eval(), make().eval()
    after.prepare([make_sample("quite other words", "quite other things").record] * 3, 64)
    take(after, before.state_dict())
    raw = before(make_features(2))
    assert after.decode(raw, FRAMES) == before.decode(raw, FRAMES)
    assert after.vocabulary.encode(CAPTIONS[0]) == before.vocabulary.encode(CAPTIONS[0])


def test_a_warm_start_from_another_number_of_tokens_keeps_its_own_tokenizer(make: Make) -> None:
    after = make()
    taken = take(after, make(vocabulary=400).state_dict())
    assert "vocabulary.json" in taken.reshaped
    checkpoint.load_into(make(), after.state_dict(), "what would be saved")


def test_a_checkpoint_for_another_number_of_tokens_is_refused(make: Make) -> None:
    with pytest.raises(CheckpointError, match=r"weights of another model.*vocabulary\.json"):
        checkpoint.load_into(make(), make(vocabulary=400).state_dict(), "other")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"width": 30, "heads": 3}, "4 must divide width"),
        ({"width": 32, "heads": 3}, "heads must divide width"),
        ({"search": {"top_p": 0.5}}, "give a temperature"),
        ({"codes": {"align": {"operator": "add", "per_anchor": True}}}, "speak of anchors, and this task has none"),
        ({"vocabulary": 100}, "greater than or equal to 300"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Options.model_validate(options)
