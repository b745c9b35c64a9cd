"""What is wrong with a configuration, and where it was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unified.errors import ConfigError
from unified.ops.counted import counted

KeyPath = tuple[str, ...]  # ("train", "lr")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was said: a file and its line (from 1), or no line for the command line and for checkpoints."""

    source: str
    line: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. `path` is the dotted key, empty where the whole file is meant."""

    origin: Origin
    path: str
    message: str

    def order(self) -> tuple[bool, str, int, str]:
        """File by file, line by line; what has no line last."""
        return self.origin.line is None, self.origin.source, self.origin.line or 0, self.path

    def to_json(self) -> dict[str, str | int | None]:
        return {
            "source": self.origin.source,
            "line": self.origin.line,
            "path": self.path,
            "message": self.message,
        }

    def __str__(self) -> str:
        return ": ".join(part for part in (str(self.origin), self.path, self.message) if part)


class InvalidConfig(ConfigError):
    """A configuration with one or more problems; all of them are in the message and in `problems`."""

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        self.name = name
        self.problems = tuple(sorted(set(problems), key=Problem.order))
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        help_line = "all keys with their meaning: unified config show base"
        super().__init__(f"config {name!r} has {counted(len(self.problems), 'problem')}:\n{lines}\n{help_line}")

    def __reduce__(self) -> tuple[type[InvalidConfig], tuple[str, tuple[Problem, ...]]]:
        return type(self), (self.name, self.problems)


def dotted(path: Sequence[str]) -> str:
    """("tasks", "my.pose", "lr") → 'tasks."my.pose".lr'"""
    return ".".join(f'"{key}"' if "." in key else key for key in path)
