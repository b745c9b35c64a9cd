"""`unified analyze implicit`: what the codes are, and how they came to be so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from unified.model.operators import Add, Mul, Select
from unified.train.code_log import CODES, Entry, read_codes

from .channels import plot_channels
from .factors import cosine_rows, factor_rows, norm_rows, plot_cosines
from .history import distances, plot_history
from .projector import write_projector
from .refinement import plot_refinement, points_of
from .report import Plot, Row, Section, folder_of, save
from .subject import Code, codes_of, open_subject

NAME = "implicit"

REFINE = (
    "Each dot is the value g(z) that one output of the prediction meets, the stem its distance from the neutral value, "
    "the grey line.{anchors} {meaning}"
)
ANCHORS = " Colours and signs are anchors."
MEANINGS: dict[type, str] = {
    Mul: "It multiplies the output: above 1 a raw score counts for more and is surer, below 1 for less.",
    Add: "It is added to the output: above 0 a raw score is higher, below 0 lower.",
    Select: "2σ(g) multiplies the output: above 0 a raw score counts for more and is surer, below 0 for less.",
}
BOXES: dict[type, str] = {  # where there are some
    Mul: " A factor above 1 lets (x, y) go further from the middle of its cell, (w, h) from the size of its anchor.",
    Add: " A shift above 0 moves (x, y) right and down and makes (w, h) larger: by (2σ(g))², where the output was 0.",
}
ALIGN = (
    "Each dot is one channel's shift (or factor) away from neutral, all tasks in the channel order of the first: if "
    "the others rise with it the tasks want the same shift, a cloud without trend says that they want unrelated ones."
)
HISTORY = (
    "Values over the updates: single lines where a group has few values, else the median and the band that holds 90 % "
    "of them. The grey line is the neutral value near which all codes start; a band that stays there was not needed."
)
COSINES = (
    "Cosine between the codes of two tasks on the same features, 1 on the diagonal. Near 0 within the chance level of "
    "the table, the tasks learnt unrelated codes; positive, a common shift; negative, they pull apart."
)


def analyze(path: Path, out: Path) -> Section:
    """Look at the codes of a run, or of a checkpoint of one; writes the section to `out` and returns it.

    Raises:
        CheckpointError: no checkpoint, or one without codes.
    """
    subject = open_subject(path)
    codes = codes_of(subject.model, str(path))
    section = Section(NAME, "What the codes learnt", subject.describe())
    folder = folder_of(out, NAME)
    flat = [code for code in codes if len(code.values()) == 1]
    if len(flat) < len(codes):
        section.notes.append("codes that are matrices (operator: project) are in the tables, and not drawn")
    _values(section, flat, folder)
    entries = read_codes(subject.run)
    _history(section, entries, flat, folder, subject.run)
    cosines = cosine_rows(codes)
    if cosines:
        place = cosines[0]["place"]
        shown = [row for row in cosines if row["place"] == place]
        plot_cosines(shown, [code for code in codes if code.place == place], folder / "cosines.png")
        section.plots.append(Plot("cosines.png", f"Cosines between the tasks' {place} codes", COSINES))
        section.tables["cosines"] = cosines
    section.tables["norms"] = norm_rows(codes)
    if factors := factor_rows(codes):
        section.tables["factors"] = factors
    write_projector(flat, entries, folder / "projector")
    save(section, out)
    return section


def _values(section: Section, codes: Sequence[Code], folder: Path) -> None:
    """The codes as they are."""
    refine = [code for code in codes if code.place == "refine"]
    for task in dict.fromkeys(code.task for code in refine):
        file = f"refinement-{task}.png"
        plot_refinement([code for code in refine if code.task == task], folder / file)
        own = [code for code in refine if code.task == task]
        section.plots.append(Plot(file, f"Refinement codes of {task} (Figure 9)", reading_of(own)))
    align = [code for code in codes if code.place == "align"]
    if align:
        plot_channels(align, folder / "alignment.png")
        section.plots.append(Plot("alignment.png", "Alignment codes by level and task", ALIGN))
    section.data["values"] = [row for code in codes for row in _rows(code)]


def reading_of(codes: Sequence[Code]) -> str:
    """How to read the plot of these refinement codes of one task."""
    first = codes[0]
    anchors = ANCHORS if len({output.anchor for output in first.outputs}) > 1 else ""
    operator = type(first.code.operator)
    meaning = MEANINGS.get(operator, "")
    if any(output.part == "wh" for output in first.outputs):
        meaning += BOXES.get(operator, "")
    return REFINE.format(anchors=anchors, meaning=meaning).strip()


def _rows(code: Code) -> list[Row]:
    where = {"task": code.task, "place": code.place, "level": code.level}
    points = points_of(code)
    return [
        where | {"channel": i, "part": part, "name": name, "anchor": anchor, "value": value}
        for i, (part, name, anchor, value) in enumerate(points)
    ]


def _history(section: Section, entries: Sequence[Entry], codes: Sequence[Code], folder: Path, run: Path) -> None:
    """The codes as they came to be."""
    logged = [code for code in codes if entries and code.name in entries[0].codes]
    if len(entries) < 2 or not logged:
        section.notes.append(
            f"no curves over the training: {run} has no {CODES} with at least two entries; "
            "runs keep one unless train.log_codes is 0"
        )
        return
    plot_history(entries, logged, folder / "history.png")
    section.plots.append(Plot("history.png", "The codes over the training", HISTORY))
    section.data["history"] = [row for code in logged for row in distances(entries, code)]
