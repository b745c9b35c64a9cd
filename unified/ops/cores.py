"""How many processor cores there are to use."""

from __future__ import annotations

import os


def cores() -> int:
    """Those that this process may use: a container or a batch system may give fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
