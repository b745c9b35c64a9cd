"""The data set's own README."""

from __future__ import annotations

from unified.data.shapes.layout import MIN_VISIBLE
from unified.data.shapes.manifest import Parameters
from unified.data.shapes.plan import Plan
from unified.data.shapes.vocabulary import CATEGORIES

_TEXT = """\
# shapes

Synthetic scenes, drawn by a program; no rights of others. Written by

    unified data make shapes DIR --train {train} --val {val} --size {size} --seed {seed} --identities {identities}

which gives the same files again.

| part | images | identities |
| --- | --- | --- |
| train | {train} | {train_identities} |
| val | {val} | {seen} of train's and {unseen} of its own |

    images/{{train,val}}/000001.jpg …
    annotations/instances_{{train,val}}.json   boxes, category ids with gaps
    annotations/captions_{{train,val}}.json    five true sentences an image
    preview.png                              some of val, with boxes
    shapes.json                              the parameters; `complete` once all files are there

- {kinds} categories: {categories}.
- A box is the tight box of an object's visible pixels, `area` their number, `visible` their share of the whole object
  (at least {min_visible}; the rest is behind others or outside the image).
- `identity` is the same for one object wherever it recurs: category, proportions, colours, texture and mark stay;
  place, size, turn and light change. `info.identities` describes them, `info.unseen_identities` are those train never
  shows, `info.seen_identities` those in both.
- Some images have no object. Scribbles and specks are no objects.
- Counts in captions are exact ("two blue stars": two and no third; "a star": at least one), sides are the viewer's.
"""


def readme(parameters: Parameters, plan: Plan) -> str:
    """What the folder holds and how to make it again (Markdown)."""
    return _TEXT.format(
        train=parameters.train,
        val=parameters.val,
        size=" --size ".join(str(size) for size in parameters.sizes),
        seed=parameters.seed,
        identities=parameters.identities,
        train_identities=len(plan.train_identities),
        seen=len(plan.seen_identities),
        unseen=len(plan.unseen_identities),
        kinds=len(CATEGORIES),
        categories=", ".join(CATEGORIES),
        min_visible=MIN_VISIBLE,
    )
