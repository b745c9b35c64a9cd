"""A GPT-2 that the user has."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tasks.caption import task
from tasks.caption.decoder import import_transformers
from tests.tasks.caption.conftest import LEVELS, make_features, make_sample
from unified.data.sample import Taxonomy
from unified.errors import ConfigError
from unified.ops.frame import Frame

END = "<|endoftext|>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 of one layer with its tokenizer."""
    import tokenizers

    library = import_transformers()
    words = tokenizers.Tokenizer(tokenizers.models.BPE())
    words.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300, special_tokens=[END], initial_alphabet=alphabet, show_progress=False
    )
    words.train_from_iterator(["A red star"] * 3, trainer)
    path = tmp_path_factory.mktemp("gpt2")
    library.PreTrainedTokenizerFast(tokenizer_object=words, eos_token=END, bos_token=END).save_pretrained(path)
    config = library.GPT2Config(
        vocab_size=words.get_vocab_size(),
        n_positions=16,
        n_embd=16,
        n_layer=1,
        n_head=2,
        bos_token_id=0,
        eos_token_id=0,
    )
    library.GPT2LMHeadModel(config).save_pretrained(path)
    return path


def test_its_words_and_weights_are_taken_and_trained_on(folder: Path) -> None:
    captioning = task(LEVELS, Taxonomy((), ()), pretrained=str(folder), length=12, grid=2)
    samples = [make_sample("A red Star")]
    captioning.prepare([sample.record for sample in samples], 64)

    original = import_transformers().GPT2LMHeadModel.from_pretrained(folder).state_dict()
    own = captioning.decoder.gpt.state_dict()
    assert all(own[name].equal(value) for name, value in original.items())
    target = captioning.encode(samples)
    captioning.loss(captioning(make_features(1)), target)["ce"].backward()
    raw = captioning.perfect(target, captioning(make_features(1)))
    assert captioning.decode(raw, [Frame.identity((64, 48))])[0].text == "A red Star"
    assert captioning.eval().decode(captioning(make_features(1)), [Frame.identity((64, 48))])[0].tokens <= 12


def test_a_checkpoint_needs_its_architecture_but_not_its_weights(folder: Path) -> None:
    first, again = (task(LEVELS, Taxonomy((), ()), pretrained=str(folder), length=12) for _ in range(2))
    again.load_state_dict(first.state_dict())
    said = torch.tensor([[5, 6, 0]])
    memory = torch.randn(1, 4, 16)
    torch.testing.assert_close(again.eval().decoder(memory, said), first.eval().decoder(memory, said))


def test_a_model_that_is_not_here_is_not_downloaded(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Nothing is downloaded here; 'hf download"):
        task(LEVELS, Taxonomy((), ()), pretrained=str(tmp_path / "gone"))
    with pytest.raises(ConfigError, match="'surely/not-here' is neither"):
        task(LEVELS, Taxonomy((), ()), pretrained="surely/not-here")


def test_another_kind_of_model_is_refused(tmp_path: Path) -> None:
    import_transformers().BertConfig().save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="is a bert; allowed: a GPT-2"):
        task(LEVELS, Taxonomy((), ()), pretrained=str(tmp_path))


def test_captions_longer_than_it_can_say_are_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="has room for 16, got 40"):
        task(LEVELS, Taxonomy((), ()), pretrained=str(folder))
