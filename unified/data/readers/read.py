"""A split, read and believed: faults are raised all at once, or left out where that was asked for."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Literal

from unified.data.annotations import Annotations
from unified.data.findings import describe, errors_of, raise_errors
from unified.data.readers.layout import Layout
from unified.data.readers.opened import bad_pictures
from unified.data.subset import subset
from unified.errors import DataError

OnError = Literal["raise", "drop"]

CURE = (
    "Mend or remove these entries ('unified data check' lists them all), or go on without them: data.on_error=drop in "
    "a config or on the command line, on_error='drop' in Python."
)

log = logging.getLogger(__name__)


def read(layout: Layout, *, on_error: OnError = "raise") -> Annotations:
    """The annotations of a split.

    Raises one DataError for all faults of the annotation files; a picture is opened when it is needed. With
    `on_error="drop"` all pictures are opened first, and what is faulty is left out, logged and kept in `notes`.
    """
    parsed = layout.parse()
    annotations, findings = parsed.annotations, list(parsed.findings)
    if on_error == "raise":
        raise_errors(findings, CURE)
    else:
        bad = bad_pictures(annotations)
        if bad:
            annotations = subset(annotations, [i for i in range(len(annotations)) if i not in bad])
            findings += bad.values()
        if dropped := errors_of(findings):
            log.warning("left out %d faulty entries: %s", len(dropped), describe(dropped))
    if not annotations.labelled:
        raise DataError(
            f"{layout.source}: no labels at all: {len(annotations)} pictures, not one usable box, no captions, no tags."
        )
    return replace(annotations, notes=tuple(findings))
