"""Names of a stranger's data do not speak to the terminal."""

from __future__ import annotations

import pytest

from unified.cli.output import complain, say, table, visible

NAME = "cat\x1b]0;title\x07\x1b[2J\x9b31m\u202e"


@pytest.mark.parametrize("text", ["Wörter, 漢字, 🦉", "two\nlines and a\ttab"])
def test_text_is_said_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_control_characters_are_shown_and_not_sent(capsys: pytest.CaptureFixture[str]) -> None:
    say(NAME)
    complain(NAME)
    table([{NAME: NAME}], title=NAME)
    printed = "".join(capsys.readouterr())
    assert not set(printed) & set("\x1b\x07\x9b\u202e")
    assert r"cat\x1b]0;title\x07\x1b[2J\x9b31m\u202e" in printed
