"""unified doctor, tasks, models: what is here, and whether it works."""

from __future__ import annotations

from json import dumps
from typing import Annotated, Any

import typer

from unified.cli.output import Json, emit, progress, say, table

OneTask = Annotated[str | None, typer.Argument(metavar="TASK", help="Only this one; their_package.pose works too.")]
OneModel = Annotated[str | None, typer.Argument(metavar="MODEL", help="Its stages, levels, anchors and codes.")]


def doctor(json: Json = False) -> None:
    """Check this machine.

    Python, torch, devices, memory, disk, extras, tasks; each fault with its cure. Exit code 1 if anything failed.
    """
    from unified.doctor import examine

    checks = examine()
    if json:
        emit([check.to_json() for check in checks])
    else:
        table([{"what": check.name, "": check.mark, "found": check.found, "advice": check.advice} for check in checks])
    if any(check.status == "failed" for check in checks):
        raise typer.Exit(1)


def tasks(name: OneTask = None, json: Json = False) -> None:
    """The tasks and their options.

    Each option is what a config may say under tasks.<name>.
    """
    from unified import registry
    from unified.config.listing import listing

    found: list[dict[str, Any]] = [
        {"name": task, "summary": registry.summary(task), "options": listing(registry.options(task))}
        for task in ([name] if name else registry.task_names())
    ]
    if json:
        emit(found)
        return
    for task in found:
        say(f"{task['name']}: {task['summary']}")
        # Defaults as a config file writes them.
        table([row | {"default": dumps(row["default"]).strip('"')} for row in task["options"]])


def models(name: OneModel = None, json: Json = False) -> None:
    """The trunks, beside the paper's numbers.

    Parameters for 80 classes and MFLOPs at the paper's size, without and with the codes + iFA and × iPR of detection.
    NAME:D and NAME:T choose the dialect.
    """
    from unified.model import cost_table
    from unified.model.variants import names

    if name is not None:
        _model(name, json)
        return
    known = names()
    rows: list[dict[str, Any]] = []
    with progress("counting") as report:  # some seconds: every model runs once
        for trunk in known:
            rows.append(cost_table.row(trunk))
            report(len(rows), len(known))
    if json:
        emit(rows)
        return
    table([_beside_paper(row) for row in rows])
    say("= is the paper's number to the digit; fused: BN folded into the convolutions, codes kept.")
    for row in rows:
        paper = row["paper"]
        if paper and paper["note"]:
            say(f"{row['name']}: {paper['note']}")


def _beside_paper(row: dict[str, Any]) -> dict[str, Any]:
    """A row for people: every number that the paper prints is marked."""
    paper = row["paper"] or {"tables": "", "gflops": None}
    shown = {key: row[key] for key in ("name", "dialect", "size")}
    for key in ("plain", "with_codes", "plain_fused", "with_codes_fused", "mflops_plain", "mflops_with_codes"):
        value = f"{row[key]:.4f}" if key.startswith("mflops") else str(row[key])
        shown[key.replace("_", " ")] = value + _mark(row[key], paper.get(key))
    gflops = paper["gflops"]
    shown["GFLOPs"] = f"{gflops['measured']:g}{_mark(gflops['measured'], gflops['printed'])}" if gflops else ""
    return shown | {"tables": paper["tables"]}


def _mark(ours: float, printed: float | None) -> str:
    if printed is None:
        return "  "
    return " =" if abs(ours - printed) < 1e-4 else f" ≠ {printed}"  # Table 7 prints four decimals


def _model(name: str, json: bool) -> None:
    import torch

    from unified.model.cost_table import BOX_OUTPUTS, CLASSES
    from unified.model.trunk import build_trunk

    with torch.device("meta"):  # shapes only, no memory
        trunk = build_trunk(name)
    levels: list[dict[str, Any]] = [
        {
            "level": level,
            "stride": trunk.strides[level],
            "channels": channels,
            "anchors": trunk.anchors[level],
            "align": channels,
            "refine": len(trunk.anchors[level]) * (BOX_OUTPUTS + CLASSES),
        }
        for level, channels in trunk.channels.items()
    ]
    stages = [
        {"stage": stage.name, "stride": stage.stride, "channels": stage.channels, "module": stage.path}
        for stage in trunk.stages
    ]
    parameters = sum(parameter.numel() for parameter in trunk.parameters())
    if json:
        emit({"name": trunk.name, "parameters": parameters, "stages": stages, "levels": levels})
        return
    say(f"{trunk.name}: {parameters} parameters without heads; inputs in multiples of {trunk.max_stride} px")
    table(stages, title="stages")
    for level in levels:
        level["anchors"] = " ".join(f"{width}×{height}" for width, height in level["anchors"])
    table(levels, title=f"levels; align (+ iFA), refine (× iPR): codes of a detection head for {CLASSES} classes")
