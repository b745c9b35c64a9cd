"""Score a COCO captions results file against a COCO captions file, wherever the sentences come from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from unified.errors import DataError
from unified.task import Scores

from . import meteor
from .corpus import score_corpus
from .words import words

ImageId = int | str
NAMED = 5  # image ids in a message


def score_files(predictions: Path, annotations: Path) -> Scores:
    """BLEU, ROUGE-L, CIDEr-D and, where Java is, METEOR.

    `predictions` is [{"image_id", "caption"}, …], one entry a picture; `annotations` is
    {"annotations": [{"image_id", "caption"}, …]}, one entry a reference.

    Raises:
        DataError: a file is not what it should be, or they are about other pictures; the message names the entry.
    """
    references: dict[ImageId, list[str]] = {}
    for where, image, caption in _entries(_annotations(annotations), f"{annotations}: annotations"):
        if not caption.strip():
            raise DataError(f"{where}: the caption is blank; a reference says something: mend or remove the entry")
        references.setdefault(image, []).append(caption)
    said: dict[ImageId, str] = {}
    for where, image, caption in _entries(_read(predictions, list, "a list of captions"), f"{predictions}: "):
        if image not in references:
            known = f"the {len(references)} pictures with captions in {annotations}"
            raise DataError(f"{where}: image_id {image!r} is not among {known}")
        if image in said:
            raise DataError(f"{where}: a second caption of image_id {image!r}; one a picture is scored")
        said[image] = caption
    _check_complete(said, references, predictions)
    return with_meteor(list(said.values()), [references[image] for image in said])


def with_meteor(captions: Sequence[str], references: Sequence[Sequence[str]]) -> Scores:
    """All scores of a corpus; METEOR is None where it cannot run, with the reason."""
    scores, reason = score_corpus(captions, references), meteor.why_not()
    if reason is None:
        truth = [[words(reference) for reference in several] for several in references]
        scores.numbers["METEOR"] = meteor.meteor([words(caption) for caption in captions], truth)
    else:
        scores.numbers["METEOR"] = None
        scores.notes["METEOR"] = reason
    return scores


def _check_complete(said: Mapping[ImageId, str], references: Mapping[ImageId, list[str]], predictions: Path) -> None:
    missing = [image for image in references if image not in said]
    if missing:
        named = ", ".join(map(repr, missing[:NAMED])) + (", …" if len(missing) > NAMED else "")
        raise DataError(
            f"{predictions}: {len(missing)} of {len(references)} pictures with references have no caption: {named}; "
            "an empty caption says nothing and scores 0, leaving a picture out would change the score"
        )


def _entries(rows: list[Any], where: str) -> Iterator[tuple[str, ImageId, str]]:
    """(place in the file, image id, caption), each checked."""
    for i, row in enumerate(rows):
        here = f"{where}[{i}]"
        if not isinstance(row, dict):
            raise DataError(f"{here}: expected an object with image_id and caption, got {row!r}")
        image, caption = row.get("image_id"), row.get("caption")
        if not isinstance(image, int | str) or isinstance(image, bool):
            raise DataError(f"{here}: image_id must be a whole number or a string, got {image!r}")
        if not isinstance(caption, str):
            raise DataError(f"{here}: caption must be a string, got {caption!r}")
        yield here, image, caption


def _annotations(path: Path) -> list[Any]:
    rows = _read(path, dict, "an object with the list 'annotations'").get("annotations")
    if not isinstance(rows, list) or not rows:
        raise DataError(f"{path}: 'annotations' must be a list of at least one caption")
    return rows


def _read(path: Path, kind: type, wanted: str) -> Any:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is not JSON: {error}") from error
    if not isinstance(data, kind):
        raise DataError(f"{path}: expected {wanted}, got {type(data).__name__}")
    return data
