"""`unified analyze ablate`: what happens to every task when a code is taken away, swapped, shuffled or put back.

The trunk runs once a batch; then only the heads whose codes were changed answer anew. Scores are those of the unfolded
model in float32. A code reaches its own task alone, unless another task's code is derived from it or another task looks
at the boxes that it finds: the change of all others is exactly 0, and they are not computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from unified.data.sample import Batch, network_input
from unified.evaluate import answer
from unified.model.multitask import MultiTaskModel
from unified.task import Prediction, Raw, Resampled, Task
from unified.train.code_log import read_codes

from .ablate_plot import plot_changes
from .bootstrap import DRAWS, SLOW_DRAWS, Scored, interval
from .interventions import Intervention, plan
from .pictures import Progress, some_pictures, told
from .report import Plot, Row, Section, folder_of, save
from .subject import Code, codes_of, open_subject

NAME = "ablate"
PICTURES = 200

READING = (
    "Each dot is the change of a task's score when its code (row) is changed and nothing else, the bar its 95 % "
    "bootstrap interval over the pictures. Left of the line, the network needs the code as it is; on the line, the "
    "code does not matter. “neutral” takes the code away, “swap” gives it the other task's values, “shuffle” keeps its "
    "values but not their channels, “initial” is its random start. Tasks that a code does not reach "
    "keep their scores to the last digit, and are not shown. An added code moves all scores of a class alike: a metric "
    "of their order such as mAP hardly sees it where scores are pooled over the picture; one with a threshold does."
)


@dataclass(frozen=True, slots=True)
class Condition:
    """The model as it is (no intervention) or changed, the tasks that may answer otherwise, and what they score."""

    intervention: Intervention | None
    scored: Mapping[str, Scored]


def analyze(
    path: Path,
    out: Path,
    overrides: Sequence[str] = (),
    *,
    split: str = "val",
    pictures: int = PICTURES,
    task: str | None = None,
    each_level: bool = False,
    draws: int = DRAWS,
    progress: Progress | None = None,
) -> Section:
    """Ablate the codes of a run over `pictures` pictures of a split (0 = all); writes the section to `out`.

    `task` ablates the codes of that task alone, `each_level` every code also by itself.

    Raises:
        CheckpointError: no checkpoint, or one without codes.
        ConfigError: no such task, or no data set.
        DataError: the data set does not fit the model.
    """
    subject = open_subject(path, overrides)
    codes = codes_of(subject.model, str(path))
    wanted = {code.name for code in codes_of(subject.model, str(path), task=task)}
    interventions, notes = plan(codes, read_codes(subject.run), each_level=each_level)
    interventions = [intervention for intervention in interventions if wanted & intervention.values.keys()]
    batches, count = some_pictures(subject, split=split, pictures=pictures)
    conditions = run(subject.model, codes, interventions, batches, progress=progress, total=count)
    draws = draws if count > 1 else 0  # one picture is always drawn again: no spread to see
    rows = changes(conditions, {name: list(subject.model.task(name).fitness) for name in subject.model.tasks}, draws)
    section = Section(NAME, "Whether the codes matter", f"{subject.describe()}; {told(count, split)}")
    section.notes = [*notes, how(conditions[0], draws, count)]
    plot_changes(rows, folder_of(out, NAME) / "ablate.png")
    section.plots.append(Plot("ablate.png", "Change of each task's scores", READING))
    section.tables["changes"] = rows
    save(section, out)
    return section


@torch.inference_mode()
def run(
    model: MultiTaskModel,
    codes: Sequence[Code],
    interventions: Sequence[Intervention],
    batches: Iterable[Batch],
    *,
    progress: Progress | None = None,
    total: int = 0,
) -> list[Condition]:
    """The model as it is first, then under each intervention, over all batches."""
    tasks = {name: model.task(name) for name in model.tasks}
    by_name = {code.name: code for code in codes}
    plain = Condition(None, {name: Scored(task.metric) for name, task in tasks.items()})
    changed = [
        Condition(i, {name: Scored(tasks[name].metric) for name in touched(tasks, i, by_name)}) for i in interventions
    ]
    done = 0
    for batch in batches:
        features = model.trunk(network_input(batch.images, torch.device("cpu")))
        raw: dict[str, Raw] = {name: task(features) for name, task in tasks.items()}
        found = answer(tasks, raw, batch.samples)
        for name, scored in plain.scored.items():
            scored.update(found, [sample.seen_by(name) for sample in batch.samples])
        for condition in changed:
            assert condition.intervention is not None
            with condition.intervention.applied(by_name):
                anew = raw | {name: tasks[name](features) for name in condition.scored}
                predictions = _answer(tasks, anew, batch, list(condition.scored), found)
            for name, scored in condition.scored.items():
                scored.update(predictions, [sample.seen_by(name) for sample in batch.samples])
        done += len(batch.samples)
        if progress is not None:
            progress(done, total)
    return [plain, *changed]


def touched(tasks: Mapping[str, Task], intervention: Intervention, codes: Mapping[str, Code]) -> list[str]:
    """The tasks that may answer otherwise: those with a code whose value changes, and those that describe boxes."""
    before = {name: code.values() for name, code in codes.items()}
    with intervention.applied(codes):
        moved = {code.task for name, code in codes.items() if not torch.equal(before[name], code.values())}
    return [name for name, task in tasks.items() if name in moved or (moved and _describes(task))]


def _describes(task: Task) -> bool:
    return type(task).describe is not Task.describe


def _answer(
    tasks: Mapping[str, Task], raw: Mapping[str, Raw], batch: Batch, names: Sequence[str], before: Sequence[Prediction]
) -> list[Prediction]:
    """What the tasks `names` say now, beside what the others said before."""
    # Whoever describes boxes needs those that others find.
    asked = tasks if any(_describes(tasks[name]) for name in names) else {name: tasks[name] for name in names}
    found = answer(asked, raw, batch.samples)
    return [replace(old, results={**old.results, **new.results}) for old, new in zip(before, found, strict=True)]


def changes(conditions: Sequence[Condition], numbers: Mapping[str, Sequence[str]], draws: int) -> list[Row]:
    """One row an intervention, touched task and number: the score, its change, and the change's interval.

    Told are the numbers that a metric resamples, of other metrics those of the task in `numbers`.
    """
    plain = conditions[0]
    base = {name: scored.numbers() for name, scored in plain.scored.items()}
    base_draws = {name: scored.draws(draws) for name, scored in plain.scored.items()}
    rows: list[Row] = []
    for condition in conditions[1:]:
        assert condition.intervention is not None
        for task, scored in condition.scored.items():
            values, drawn = scored.numbers(), scored.draws(draws)
            for number in drawn if isinstance(scored.metric, Resampled) else numbers[task]:
                before, after = base[task][number], values[number]
                change = None if before is None or after is None else after - before
                # Without draws, a metric that cannot resample has no numbers of any.
                found = interval(drawn[number] - base_draws[task][number]) if number in drawn else None
                low, high = found or (None, None)
                where: Row = {"code": condition.intervention.unit, "intervention": condition.intervention.kind}
                score: Row = {"task": task, "number": number, "before": before, "after": after, "change": change}
                rows.append(where | score | {"low": low, "high": high})
    return rows


def how(plain: Condition, draws: int, pictures: int) -> str:
    """A sentence on where the intervals come from."""
    if pictures < 2:
        return "No intervals: one picture cannot be resampled."
    slow = [name for name, scored in plain.scored.items() if not isinstance(scored.metric, Resampled)]
    text = (
        "All in float32. "
        f"Intervals: {draws} bootstrap resamples of the {pictures} pictures, the same for both sides of a difference; "
        "answers are matched once and counted anew for each resample"
    )
    if slow:
        text += f"; {', '.join(slow)}: {min(draws, SLOW_DRAWS)} resamples, each scored as a whole"
    return f"{text}. They tell of the pictures, not of another training."
