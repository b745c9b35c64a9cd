from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from unified.data.shapes.identity import Identity, make_identities
from unified.data.shapes.outlines import inside
from unified.data.shapes.surface import palette, shares_at
from unified.data.shapes.vocabulary import COLOURS, MARKS, TEXTURES

IDENTITIES = make_identities(60, seed=2)
LINE = np.linspace(-1, 1, 81, dtype=np.float32)
X, Y = np.meshgrid(LINE, LINE)


def visible_shares(identity: Identity) -> tuple[float, float]:
    """Mean share of the second and the mark's colour over the object."""
    body = inside(identity.category, X, Y, identity.build)
    second, mark = shares_at(identity, X, Y)
    return float(second[body].mean()), float(mark[body].mean())


def test_the_colour_an_object_is_called_by_covers_most_of_it() -> None:
    for identity in IDENTITIES:
        second, mark = visible_shares(identity)
        limit = 0.65 if identity.texture == "checkered" else 0.55
        assert second <= limit, identity
        assert mark <= 0.2, identity


@pytest.mark.parametrize("texture", [texture for texture in TEXTURES if texture != "plain"])
def test_a_texture_shows(texture: str) -> None:
    shares = [visible_shares(replace(identity, texture=texture, mark="none"))[0] for identity in IDENTITIES]
    assert min(shares) > 0.02
    assert np.mean(shares) > 0.15


@pytest.mark.parametrize("mark", [mark for mark in MARKS if mark != "none"])
def test_a_mark_lies_within_its_object(mark: str) -> None:
    for identity in IDENTITIES:
        marked = replace(identity, mark=mark)
        body = inside(identity.category, X, Y, identity.build)
        share = shares_at(marked, X, Y)[1]
        assert share[body].sum() >= 0.9 * share.sum() > 0, identity


def test_shares_are_shares() -> None:
    for identity in IDENTITIES:
        second, mark = shares_at(identity, X, Y)
        assert second.min() >= 0
        assert (second + mark).max() <= 1


def test_the_palette_holds_main_second_and_mark_colour() -> None:
    identity = IDENTITIES[0]
    assert (palette(identity)[0] * 255).round().tolist() == list(COLOURS[identity.colour])
    assert (palette(identity)[2] * 255).round().tolist() == list(COLOURS[identity.mark_colour])
