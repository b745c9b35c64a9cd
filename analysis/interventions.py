"""What can be done to a code to see what it is worth: other values in its place, the network as it is.

neutral    the operator's neutral element: as if there were no code
swap       the value of the next task's code at the same place and level
shuffle    its own values, over other channels: the distribution without the assignment
initial    the value that it started with, from the code log
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from unified.model.implicit import ImplicitCode, Modelling
from unified.train.code_log import Entry

from .subject import Code

SEED = 0  # of the shuffle


class Constant(Modelling):
    """g = what it is given."""

    value: Tensor

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.register_buffer("value", value.clone(), persistent=False)

    def forward(self) -> Tensor:
        return self.value


@dataclass(frozen=True, slots=True)
class Intervention:
    """New values (rows, n) for some codes of one task and place."""

    unit: str  # "detection/align", or with its level
    kind: str
    values: Mapping[str, Tensor]  # by the code's name

    @contextmanager
    def applied(self, codes: Mapping[str, Code]) -> Iterator[None]:
        """The codes hold the new values within the block."""
        with ExitStack() as stack:
            for name, value in self.values.items():
                stack.enter_context(held(codes[name].code, value))
            yield


@contextmanager
def held(code: ImplicitCode, value: Tensor) -> Iterator[None]:
    """`code` gives `value` (rows, n) within the block, whatever it models; codes derived from it follow."""
    own = code.modelling
    code.modelling = Constant(value.to(code.centre))
    try:
        yield
    finally:
        code.modelling = own


def plan(codes: Sequence[Code], entries: Sequence[Entry], *, each_level: bool) -> tuple[list[Intervention], list[str]]:
    """Every intervention that these codes allow, by task and place, all levels at once and, if wanted, level by level.

    The second list says what cannot be done, and why.
    """
    interventions: list[Intervention] = []
    notes: list[str] = []
    start = entries[0].codes if entries and entries[0].step == 0 else {}
    if not start:
        notes.append("no code is put back to its start: the run has no code log from step 0 (train.log_codes)")
    for unit, members in _units(codes, each_level).items():
        initial = {m.name: start[m.name].view(1, -1) for m in members if m.name in start and len(m.values()) == 1}
        found = {
            "neutral": {member.name: member.code.centre.cpu() for member in members},
            "swap": _swapped(members, codes),
            "shuffle": {member.name: _shuffled(member.values()) for member in members},
            "initial": initial,
        }
        if not found["swap"]:
            notes.append(f"{unit} is not swapped: no other task has a code of its shape and operator there")
        if start and not initial:
            notes.append(f"{unit} is not put back to its start: the code log keeps only singular values of matrices")
        interventions += [Intervention(unit, kind, values) for kind, values in found.items() if values]
    return interventions, notes


def _units(codes: Sequence[Code], each_level: bool) -> dict[str, list[Code]]:
    units: dict[str, list[Code]] = {}
    for code in codes:
        units.setdefault(f"{code.task}/{code.place}", []).append(code)
    if not each_level:
        return units
    return units | {code.name: [code] for code in codes}


def _swapped(members: Sequence[Code], codes: Sequence[Code]) -> dict[str, Tensor]:
    """For each code the value of the next task's, in the order of the tasks, the first coming after the last."""
    tasks = list(dict.fromkeys(code.task for code in codes))
    values = {}
    for member in members:
        at = tasks.index(member.task)
        for other in (*tasks[at + 1 :], *tasks[:at]):
            partner = next((c for c in codes if c.name == f"{other}/{member.place}/{member.level}"), None)
            if partner is not None and _exchangeable(member, partner):
                values[member.name] = partner.values()
                break
    return values


def _exchangeable(a: Code, b: Code) -> bool:
    return a.values().shape == b.values().shape and a.code.operator == b.code.operator


def _shuffled(values: Tensor) -> Tensor:
    """The columns in another order."""
    order = torch.randperm(values.shape[1], generator=torch.Generator().manual_seed(SEED))
    return values[:, order]
