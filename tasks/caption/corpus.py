"""The scores of a whole corpus, and what to hold them against.

    oracle     a person: the first reference of each picture, scored against the others
    constant   a model that does not look: the most common reference, said of every picture

Letters: N pictures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from unified.task import Json, Scores

from .bleu import bleu
from .cider import Cider, cider_d, mean
from .ngrams import LONGEST
from .rouge import rouge_l
from .words import TOKENIZER, words

Words = list[str]

NAMES = (*(f"BLEU_{n}" for n in range(1, LONGEST + 1)), "ROUGE_L", "CIDEr_D")
BESIDE = ("BLEU_4", "ROUGE_L", "CIDEr_D")  # numbers that the oracle and the constant caption are told by

SAME_EVERYWHERE = (
    "undefined: every word is in the references of every picture (as of one picture alone), so every n-gram weighs "
    "log(N/df) = 0 and the score would be 0 whatever is said"
)


def score_corpus(captions: Sequence[str], references: Sequence[Sequence[str]]) -> Scores:
    """Scores of one caption a picture against the picture's references (at least one, none blank)."""
    said = [words(caption) for caption in captions]
    truth = [[words(reference) for reference in several] for several in references]
    usual = most_common(truth)
    speakers = {"model": corpus_numbers(said, truth), "oracle": oracle(truth), "constant": _constant(usual, truth)}
    numbers = dict(speakers["model"])
    for speaker in ("oracle", "constant"):
        numbers |= {f"{speaker}_{name}": speakers[speaker][name] for name in BESIDE}
    rows: list[dict[str, Json]] = [{"speaker": speaker, **found} for speaker, found in speakers.items()]
    return Scores(numbers, {"beside": rows}, dict(notes(truth, usual, numbers)))


def corpus_numbers(said: Sequence[Words], references: Sequence[Sequence[Words]]) -> dict[str, float | None]:
    """{"BLEU_1": 0..1, …, "ROUGE_L": 0..1, "CIDEr_D": 0..10}; None where undefined."""
    if not said:
        return dict.fromkeys(NAMES)
    scores: list[float | None] = [*bleu(said, references)]
    scores.append(mean([rouge_l(one, several) for one, several in zip(said, references, strict=True)]))
    scores.append(mean(cider_d(said, references)) if Cider.of(references).can_tell else None)
    return dict(zip(NAMES, scores, strict=True))


def oracle(references: Sequence[Sequence[Words]]) -> dict[str, float | None]:
    """A person's scores: the first reference against the others, over the pictures that have two or more."""
    several = [found for found in references if len(found) > 1]
    return corpus_numbers([found[0] for found in several], [found[1:] for found in several])


def most_common(references: Sequence[Sequence[Words]]) -> Words:
    """The sentence that most references are; of equally common ones the one whose words most pictures share."""
    pictures = Counter(word for several in references for word in {word for one in several for word in one})
    counts = Counter(tuple(one) for several in references for one in several if one)
    usual = max(
        counts,
        key=lambda one: (counts[one], mean([pictures[word] for word in one])),
        default=(),
    )
    return list(usual)


def _constant(usual: Words, references: Sequence[Sequence[Words]]) -> dict[str, float | None]:
    return corpus_numbers([usual] * len(references), references)


def notes(
    references: Sequence[Sequence[Words]], usual: Words, numbers: Mapping[str, float | None]
) -> Iterator[tuple[str, str]]:
    """(what, note): the conditions of the scores, and why one of them is None."""
    total = sum(map(len, references))
    yield "tokenizer", TOKENIZER
    yield "references", f"{total} of {len(references)} pictures"
    if not references:
        yield "scores", "undefined: no picture has captions"
        return
    yield "constant", f"the most common reference: {' '.join(usual)!r}"
    if numbers["CIDEr_D"] is None:
        yield "CIDEr_D", SAME_EVERYWHERE
    if numbers["oracle_BLEU_4"] is None:
        yield "oracle", "undefined: it takes two references of a picture to score one against the other"
    elif any(len(several) == 1 for several in references):
        alone = sum(len(several) == 1 for several in references)
        yield "oracle", f"without {alone} pictures that have one reference only"
