"""A split, read and believed: faults are raised all at once, or left out where that was asked for."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Literal

from unified.data.annotations import Annotations
from unified.data.findings import describe, errors_of, raise_errors
from unified.data.readers.layout import Layout
from unified.errors import DataError

OnError = Literal["raise", "drop"]

CURE = (
    "Mend or remove these entries ('unified data check' lists them all), or go on without them: data.on_error=drop in "
    "a config or on the command line, on_error='drop' in Python."
)

log = logging.getLogger(__name__)


def read(layout: Layout, *, on_error: OnError = "raise") -> Annotations:
    """The annotations of a split.

    Raises one DataError for all faults; with `on_error="drop"` faulty entries are left out, logged and kept in `notes`.
    """
    parsed = layout.parse()
    if on_error == "raise":
        raise_errors(parsed.findings, CURE)
    dropped = errors_of(parsed.findings)
    if dropped:
        log.warning("left out %d faulty entries: %s", len(dropped), describe(dropped))
    annotations = parsed.annotations
    if not annotations.labelled:
        raise DataError(
            f"{layout.source}: no labels at all: {len(annotations)} pictures, not one usable box, no captions, no tags."
        )
    return replace(annotations, notes=tuple(parsed.findings))
