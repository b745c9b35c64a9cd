"""Fixtures of the tests of training."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a power cut nobody can tell, and most of a toy training would be waiting."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
