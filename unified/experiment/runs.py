"""Train what an experiment asks for and is not trained yet. Each run has its folder, and can be stopped at any time."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from unified.config import Config
from unified.config.source import parse
from unified.errors import ConfigError, UnifiedError
from unified.experiment.processes import in_processes
from unified.experiment.spec import Experiment
from unified.train.log import METRICS, read
from unified.train.run import CONFIG, STATUS
from unified.training import train

LOGS = "logs"  # what runs print; not beside their folders: `runs/variant/*` is to name runs alone

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Run:
    """One cell of the grid."""

    variant: str
    seed: int
    config: Config
    path: Path

    @property
    def name(self) -> str:
        return f"{self.variant}, seed {self.seed}"

    def state(self) -> str | None:
        """finished, running, interrupted, failed; None where nothing is there.

        Raises:
            UnifiedError: the status cannot be read.
        """
        path = self.path / STATUS
        if not path.is_file():
            return None
        try:
            state: str = json.loads(path.read_text(encoding="utf-8"))["state"]
            return state
        except (ValueError, TypeError, KeyError) as error:
            why = f"no status of a run ({error}); move the folder away to train it anew"
            raise UnifiedError(f"{path}: {why}") from error

    def scores(self) -> dict[str, float | None]:
        """The numbers of the last evaluation; empty before the run has finished."""
        if self.state() != "finished":
            return {}
        epochs = [line for line in read(self.path / METRICS) if line["kind"] == "epoch" and "fitness" in line]
        return {key: value for key, value in epochs[-1].items() if "/" in key} if epochs else {}


def grid(experiment: Experiment, out: Path, overrides: Sequence[str] = ()) -> list[Run]:
    """All runs, seed by seed, so that a stopped experiment has whole rows to compare.

    Variants of the same name and config in several experiments are one run where they share the folder `out`.

    Raises:
        InvalidConfig: a run whose config is not valid.
        ConfigError: a folder that holds a run of another config.
        UnifiedError: a folder whose status cannot be read.
    """
    runs = [
        Run(variant, seed, experiment.run_config(variant, seed, tuple(overrides)), out / variant / f"seed-{seed}")
        for seed in experiment.seeds
        for variant in experiment.variants
    ]
    for run in runs:
        run.config.dataset()
        _same_config(run)
        run.state()  # a damaged folder is told before anything is trained
    return runs


def _same_config(run: Run) -> None:
    path = run.path / CONFIG
    if path.is_file():
        stored = Config.from_dict(parse(path.read_text(encoding="utf-8"), str(path)).values, str(path))
        if stored != run.config:
            raise ConfigError(
                f"{run.path} holds a run of another config than {run.name} of this experiment; "
                "remove the folder to train it anew, or give the experiment another one with --out"
            )


def train_all(runs: Sequence[Run], *, jobs: int, tell: Tell) -> list[str]:
    """Train the runs that are not finished, `jobs` at a time; returns what went wrong, run by run.

    A run that fails does not stop the others; calling this again goes on with what is left.

    Raises:
        KeyboardInterrupt: after Ctrl-C; what was in training is saved.
    """
    waiting = [run for run in runs if run.state() != "finished"]
    tell(f"{len(runs) - len(waiting)} of {len(runs)} runs are there already")
    failures: list[str] = []
    for done, (run, failure) in enumerate(_trained(waiting, jobs), start=1):
        tell(f"{done} of {len(waiting)} · {run.name}: {failure or 'done'}")
        if failure:
            failures.append(f"{run.name}: {failure}")
    return failures


def _trained(runs: Sequence[Run], jobs: int) -> Iterator[tuple[Run, str]]:
    """Each run as it ends, with why it failed or an empty text."""
    if jobs == 1:
        for run in runs:
            yield run, train_one(run)
        return
    yield from in_processes(train_one, runs, jobs)


def train_one(run: Run) -> str:
    """Train or go on with one run, printing to logs/VARIANT-seed-N.log; returns why it failed, or ''."""
    try:
        return _train_one(run)
    except UnifiedError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is that run's: the others are still to be trained
        return f"{type(error).__name__}: {error}"


def _train_one(run: Run) -> str:
    if run.state() == "finished":  # by another experiment that shares the folder, in the meantime
        return ""
    variant, logs = run.path.parent, run.path.parents[1] / LOGS
    variant.mkdir(parents=True, exist_ok=True)
    logs.mkdir(exist_ok=True)
    with (logs / f"{variant.name}-{run.path.name}.log").open("a", encoding="utf-8") as file:
        try:
            train(run.config, out=run.path, resume=run.state() is not None, console=Console(file=file, width=160))
        except UnifiedError:
            raise
        except Exception:
            traceback.print_exc(file=file)  # nothing that a user can mend by its message
            raise
    return ""
