"""How every group of verbs behaves."""

from __future__ import annotations

import typer


def group(text: str) -> typer.Typer:
    """A Typer that prints plain help and leaves errors to `main`."""
    return typer.Typer(
        help=text,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # keeps [brackets] as they are, and rich out of the start-up
        context_settings={"help_option_names": ["-h", "--help"]},
    )
