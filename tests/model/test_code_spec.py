"""A code's description refuses what makes no sense, and says why."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from unified.errors import ConfigError
from unified.model.code_spec import Codes, CodeSpec, PlainCodes


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"operator": "add", "nonlinear": True}, "nonlinear belongs to modelling: network"),
        ({"operator": "add", "modelling": "network", "sparse": 0.1}, "sparse belongs to modelling: factorization"),
        ({"operator": "add", "dimensions": 3}, "dimensions belongs to operator: project"),
        ({"operator": "add", "modelling": "markov"}, "needs source"),
        ({"operator": "add", "width": 3}, "its own prior"),
        ({"operator": "concat", "where": "wh"}, "element-wise"),
        ({"operator": "add", "modelling": "markov", "source": "a", "frozen": True}, "freeze the source"),
        ({"operator": "rank_one", "where": "wh"}, "element-wise"),
        ({"operator": "divide"}, "'add', 'mul', 'concat', 'select', 'project' or 'rank_one'"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        CodeSpec.model_validate(options)


def test_a_projection_to_more_channels_than_there_are_is_refused() -> None:
    with pytest.raises(ConfigError, match="dimensions: got 9; allowed: at most 8"):
        CodeSpec(operator="project", dimensions=9).align(8)


@pytest.mark.parametrize("spec", [CodeSpec(operator="concat"), CodeSpec(operator="project", dimensions=3)])
def test_refinement_must_keep_the_number_of_outputs(spec: CodeSpec) -> None:
    with pytest.raises(ConfigError, match="would change its 12 outputs"):
        spec.refine(12)


def test_a_code_has_the_operator_of_its_place_unless_it_says_another() -> None:
    codes = Codes.model_validate({"align": {"modelling": "network"}, "refine": {"where": "wh"}})
    assert codes.align is not None and codes.refine is not None
    assert (codes.align.operator, codes.align.modelling) == ("add", "network")
    assert (codes.refine.operator, codes.refine.where) == ("mul", "wh")


def test_a_head_without_anchors_takes_no_codes_of_anchors() -> None:
    for codes in ({"refine": {"where": "wh"}}, {"align": {"per_anchor": True}}):
        Codes.model_validate(codes)
        with pytest.raises(ValidationError, match="speak of anchors"):
            PlainCodes.model_validate(codes)
