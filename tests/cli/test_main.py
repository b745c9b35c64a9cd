from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import unified
from unified.cli import main
from unified.data import check as data_check
from unified.errors import CheckpointError, ConfigError, DataError, UnifiedError

VERBS = [
    [], ["demo"], ["doctor"], ["tasks"], ["models"], ["train"], ["evaluate"], ["predict"], ["benchmark"],
    ["config"], ["config", "list"], ["config", "show"], ["config", "validate"], ["config", "schema"],
    ["data"], ["data", "make"], ["data", "make", "shapes"], ["data", "check"], ["data", "browse"],
    ["index"], ["index", "build"], ["index", "add"], ["index", "remove"], ["index", "compact"], ["index", "info"],
    ["index", "verify"], ["query"],
]  # fmt: skip
HEAVY = ("torch", "torchvision", "timm", "numpy", "yaml", "matplotlib", "unified.config", "unified.registry")


def raising(error: BaseException) -> Any:
    def check(*arguments: object) -> None:
        raise error

    return check


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_explains_itself(cli: Any, verb: list[str]) -> None:
    answer = cli(*verb, "--help")
    assert answer.code == 0 and answer.out.startswith("Usage: unified") and answer.err == ""


def test_help_imports_nothing_heavy() -> None:
    """Whatever verb is asked about: all of them are registered by then."""
    script = (
        "import sys\nfrom unified.cli import main\n"
        "try: main(['train', '--help'])\n"
        f"except SystemExit: print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_importing_unified_is_light_and_its_names_are_there() -> None:
    script = (
        f"import sys, unified\nassert not [name for name in {HEAVY} if name in sys.modules]\nprint(unified.__version__)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == f"{unified.__version__}\n"
    assert set(unified.__all__) <= set(dir(unified))
    assert all(getattr(unified, name) for name in unified.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        getattr(unified, "nothing")  # noqa: B009 - the attribute is missing on purpose


def test_python_m_unified_is_the_same_program() -> None:
    done = subprocess.run([sys.executable, "-m", "unified", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"unified {unified.__version__}\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnifiedError("failed"), 1),
        (CheckpointError("damaged"), 1),
        (ConfigError("wrong key"), 2),
        (DataError("no picture"), 3),
        (OSError(28, "No space left on device"), 1),
    ],
)
def test_an_error_is_one_message_and_an_exit_code(
    cli: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    monkeypatch.setattr(data_check, "check", raising(error))
    answer = cli("data", "check", "x", "--json")
    assert (answer.code, answer.out) == (code, "")
    assert answer.err == f"error: {error}\n"


@pytest.mark.parametrize("words", [["--debug", "data", "check", "x"], ["data", "check", "x", "--debug"]])
def test_debug_shows_the_traceback_wherever_it_stands(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.setattr(data_check, "check", raising(DataError("no picture")))
    with pytest.raises(DataError):
        main(words)


def test_an_error_of_our_own_is_not_dressed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_check, "check", raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        main(["data", "check", "x"])


def test_ctrl_c_is_130(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_check, "check", raising(KeyboardInterrupt()))
    assert cli("data", "check", "x").code == 130


@pytest.mark.parametrize(
    "words",
    [["trian"], ["train"], ["config"], ["config", "show"], ["train", "jdc", "--ouut", "x"], ["data", "make", "squares"],
     ["data", "browse", "x", "--count", "0"], ["benchmark", "--mode", "slow"]],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_is_2(cli: Any, words: list[str]) -> None:
    answer = cli(*words)
    assert answer.code == 2 and "Usage: unified" in answer.out + answer.err


def test_the_exit_codes_are_documented(cli: Any) -> None:
    text = " ".join(cli("--help").out.split())
    assert "Exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 data, 130 interrupted." in text


def test_colours_are_for_terminals_that_want_them(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "unified", "config", "show", "nothing"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: no shipped config 'nothing'") and "\x1b" not in done.stderr
