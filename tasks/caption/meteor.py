"""METEOR 1.5 (Denkowski and Lavie, 2014), a Java program: scored where Java and its jar are, else it is said why not.

The jar comes with the package pycocoevalcap; it is called as that package calls it, and gives the same number.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from unified.errors import UnifiedError

JAR = Path("meteor") / "meteor-1.5.jar"
MEMORY = "-Xmx2G"  # of pycocoevalcap: it holds the paraphrase tables
TIMEOUT = 3600  # seconds: it takes minutes on a busy machine


def why_not() -> str | None:
    """What METEOR lacks here; None where it can run."""
    if shutil.which("java") is None:
        return "METEOR is a Java program, and there is no java here"
    if find_jar() is None:
        return "METEOR's jar is not here; pip install pycocoevalcap brings it"
    return None


def find_jar() -> Path | None:
    spec = find_spec("pycocoevalcap")
    folders = spec.submodule_search_locations if spec is not None else None
    return next((Path(folder) / JAR for folder in folders or () if (Path(folder) / JAR).is_file()), None)


def meteor(candidates: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]) -> float:
    """Of a corpus, in 0..1; only where `why_not` is None.

    Raises:
        UnifiedError: the program failed; its own words follow.
    """
    jar = find_jar()
    assert jar is not None
    asked = [
        " ||| ".join(["SCORE", *(" ".join(words) for words in several), " ".join(said)])
        for said, several in zip(candidates, references, strict=True)
    ]
    statistics = _call(jar, asked)
    # The answer to EVAL is a score for each picture, then that of the corpus.
    return float(_call(jar, [" ||| ".join(["EVAL", *statistics])])[-1])


def _call(jar: Path, lines: Sequence[str]) -> list[str]:
    command = ["java", MEMORY, "-jar", str(jar), "-", "-", "-stdio", "-l", "en", "-norm"]
    text = "".join(f"{line}\n" for line in lines)
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, encoding="utf-8", cwd=jar.parent, timeout=TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnifiedError(f"METEOR failed: {error}") from error
    if done.returncode or not done.stdout.strip():
        raise UnifiedError(f"METEOR failed: {done.stderr.strip()[-500:] or 'it said nothing'}")
    return [line.strip() for line in done.stdout.splitlines()]
