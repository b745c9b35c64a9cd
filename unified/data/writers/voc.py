"""Pascal VOC: boxes and classes by name; crowd regions become difficult objects."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

from unified.data.annotations import Annotations
from unified.data.readers.voc import CLASS_FILE
from unified.data.writers.losses import (
    AREAS,
    CAPTIONS,
    IDENTITIES,
    TAGS,
    VIDEOS,
    losses,
    need_boxes,
    new_ids,
    plain_names,
)
from unified.data.writers.names import flat_names
from unified.data.writers.writer import Put, Splits, Writer


def _write(splits: Splits, out: Path, put: Put) -> list[str]:
    need_boxes(splits, "VOC")
    for folder in ("Annotations", "ImageSets/Main"):
        (out / folder).mkdir(parents=True)
    names = flat_names(splits)
    for split, labels in splits.items():
        classes = plain_names(labels.taxonomy, "VOC")
        for i, name in enumerate(names[split]):
            put(labels.path(i), out / "JPEGImages" / name)
            (out / "Annotations" / name).with_suffix(".xml").write_text(_xml(labels, i, name.name), "utf-8")
        (out / f"ImageSets/Main/{split}.txt").write_text("".join(f"{name.stem}\n" for name in names[split]), "utf-8")
        (out / CLASS_FILE).write_text("".join(f"{name}\n" for name in classes), "utf-8")
    return [*losses(splits, IDENTITIES, AREAS, CAPTIONS, TAGS, VIDEOS), *new_ids(splits)]


def _xml(annotations: Annotations, i: int, name: str) -> str:
    rows, (width, height) = annotations.objects_of(i), annotations.size(i)
    lines = [
        "<annotation>",
        f"  <filename>{escape(name)}</filename>",
        f"  <size><width>{width}</width><height>{height}</height><depth>3</depth></size>",
    ]
    for box, category, crowd in zip(rows.boxes.tolist(), rows.categories.tolist(), rows.crowd.tolist(), strict=True):
        # The first pixel is 1, and the last one belongs to the box.
        x1, y1, x2, y2 = (f"{value:.10g}" for value in (box[0] + 1, box[1] + 1, *box[2:]))
        lines += [
            "  <object>",
            f"    <name>{escape(annotations.taxonomy.categories[category])}</name>",
            f"    <difficult>{int(crowd)}</difficult>",
            f"    <bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox>",
            "  </object>",
        ]
    return "\n".join([*lines, "</annotation>", ""])


VOC = Writer("voc", _write)
