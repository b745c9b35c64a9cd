"""Options that would not be read are refused, not ignored."""

from __future__ import annotations

from collections.abc import Iterable

import typer

from unified.errors import ConfigError


def refuse(context: typer.Context, options: Iterable[str], why: str) -> None:
    """ConfigError where one of these parameters stands on the command line; `why` goes on from its name."""
    for name in options:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise ConfigError(f"--{name.replace('_', '-')} {why}")
