"""`shapes`: synthetic scenes of textured, coloured, partly hidden shapes, written as a COCO data set.

Everything is drawn from a seed, so that a demo, a test or a bug report needs no download: boxes, categories, an
`identity` an object that recurs across images, and five true captions an image. numpy and Pillow only.

Reading order: `vocabulary` (what can occur) → `outlines`, `surface` (how an object looks) → `identity` (which objects
there are) → `plan` (which image shows which) → `scene` (where they lie) → `backdrop`, `render` (pixels) → `captions`
→ `write` (files).
"""

from __future__ import annotations

from unified.data.shapes.write import make_shapes

__all__ = ["make_shapes"]
