"""unified: one shared YOLOR trunk, many tasks, each with its own implicit knowledge (arXiv 2105.04206).

    import unified
    model = unified.load("runs/jdc-shapes/1")
    result = model.predict("street.jpg")
    result.boxes, result.scores, result.labels, result.tags

Importing this costs nothing: torch is imported when one of the names below is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unified.build import from_reference
    from unified.config import Config
    from unified.index.index import Index
    from unified.predict import Predictor, load
    from unified.task import Prediction, Task

__version__ = "0.1.0"
__all__ = ["Config", "Index", "Prediction", "Predictor", "Task", "from_reference", "load"]

_HOMES = {
    "Config": "unified.config",
    "Index": "unified.index.index",
    "Prediction": "unified.task",
    "Predictor": "unified.predict",
    "Task": "unified.task",
    "from_reference": "unified.build",
    "load": "unified.predict",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'unified' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
