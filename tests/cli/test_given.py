"""What would not be read is refused before anything is done."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("evaluate run --task caption", "--task is about --predictions"),
        ("evaluate --captions p --references a --task detection", "--task is caption where --captions are scored"),
        ("evaluate --predictions p --annotations a --split test", "--split is about a RUN"),
        ("benchmark --vectors 5000", "--vectors says nothing about --mode inference"),
        ("benchmark --mode train --degrees 90", "--degrees says nothing about --mode train"),
        ("benchmark --mode train --workers 1", "--workers says nothing about --mode train"),
        ("benchmark --mode index --batch 2", "--batch says nothing about --mode index"),
        ("benchmark yolor-t --mode loader", "--mode loader has no trunk: leave out yolor-t"),
        ("benchmark yolor-t yolor-n --mode joint", "times weightings on one trunk; got yolor-t, yolor-n"),
        ("benchmark tests --mode answers --size 64", "--size is that of the RUN"),
        ("track run frames --out o --fps 5", "--fps is the speed of --film, which is not given"),
        ("query i --image a.png --identity 3", "--identity colours the frames of --sheet, which is not given"),
        ("index build i photos --model run --split train", "--split is about --data, which is not given"),
        ("index add i photos --split train", "--split is about --data, which is not given"),
    ],
)
def test_an_option_without_what_it_is_about_is_refused(cli: Any, words: str, message: str) -> None:
    answer = cli(*words.split())
    assert answer.code == 2 and message in answer.err
