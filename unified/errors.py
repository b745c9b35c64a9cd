"""Errors that a user can mend: each says what was got, where, what is allowed and how to put it right.

The command line turns them into one message without a traceback and exits with `exit_code`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UnifiedError(Exception):
    """The work failed for a reason the user can act on."""

    exit_code = 1


class ConfigError(UnifiedError):
    """A configuration, an option or the usage is wrong."""

    exit_code = 2


class DataError(UnifiedError):
    """A picture, an annotation file or a data set is wrong."""

    exit_code = 3


class CheckpointError(UnifiedError):
    """A checkpoint or a weight file cannot be used: damaged, foreign, of another format or another model."""


class RetrievalError(UnifiedError):
    """An index cannot be used: damaged, foreign, empty, of another model, or being written by another process."""


class MissingExtraError(UnifiedError):
    """An optional dependency is not installed."""

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(f"{module} is not installed; install it with: pip install 'unified[{extra}]'")
        self.module, self.extra = module, extra

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        return type(self), (self.module, self.extra)  # for the way from a process to another


class NonFiniteLossError(UnifiedError):
    """A loss became NaN or infinite; raised before the optimiser step, so the weights are still good."""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """A hint for a misspelt `name`: the closest allowed names, or all of them when they are few."""
    names = sorted(allowed)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(map(repr, close))}?"
    if len(names) <= 30:
        return f"allowed: {', '.join(names) or 'none'}"
    return f"none of the {len(names)} known names is close"
