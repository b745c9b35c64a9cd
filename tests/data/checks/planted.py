"""Every fault of a COCO data set: `PLANTINGS`, those of pictures from the module beside this one, the others here.

Every planting brings pictures and boxes of its own, so that any number of them can be planted together.
"""

from __future__ import annotations

from typing import Any

from tests.data.checks.ground import BOX, MARK, SIZE, Planted, Site, kind_in, plants
from tests.data.checks.planted_pictures import PLANTINGS

__all__ = ["PLANTINGS"]


def _boxes(name: str, **entry: Any) -> None:
    """A planting of a box beside one that is in order."""

    @plants(name)
    def _(site: Site, mark: str) -> list[Planted]:
        site.box(site.labelled(), **{MARK: mark}, **entry)
        return [Planted(kind_in(name), site.instances(), mark)]


_boxes("wrong type/category", category_id="cat")
_boxes("wrong type/box", bbox=[1, 2, 3])
_boxes("bad value", area=-5)
_boxes("unknown picture/box", image_id=99_999)
_boxes("unknown category", category_id=77)
_boxes("non-finite number", bbox=[float("nan"), 1, 4, 4])
_boxes("negative box", bbox=[9, 9, -4, 4])
_boxes("zero-size box", bbox=[9, 9, 4, 0])
_boxes("box outside", bbox=[32, 9, 4, 4])
_boxes("box clipped", bbox=[20, 9, 20, 10])
_boxes("normalised box", bbox=[0.2, 0.3, 0.4, 0.5])
_boxes("box covers picture", bbox=[0, 0, *SIZE])
_boxes("narrow box", bbox=[9, 9, 1.5, 9])
_boxes("area beyond box", bbox=[9, 9, 5, 5], area=900)
_boxes("duplicate box", bbox=list(BOX))


@plants("missing value")
def _(site: Site, mark: str) -> list[Planted]:
    site.box(site.labelled(), **{MARK: mark}).pop("bbox")
    return [Planted("missing value", site.instances(), mark)]


@plants("duplicate image id")
def _(site: Site, mark: str) -> list[Planted]:
    site.documents["train"]["images"].append(site.labelled() | {MARK: mark})
    return [Planted("duplicate image id", site.instances(), mark)]


@plants("duplicate annotation id")
def _(site: Site, mark: str) -> list[Planted]:
    first = site.box(site.picture())
    site.box({"id": first["image_id"]}, id=first["id"], bbox=[9, 9, 9, 9], **{MARK: mark})
    return [Planted("duplicate annotation id", site.instances(), mark)]


@plants("duplicate category id")
def _(site: Site, mark: str) -> list[Planted]:
    site.documents["train"]["categories"].append({"id": 1, "name": "lynx", MARK: mark})
    return [Planted("duplicate category id", site.instances(), mark)]


@plants("duplicate category name")
def _(site: Site, mark: str) -> list[Planted]:
    site.category("cat")
    return [Planted("duplicate category name", site.instances(split)) for split in ("train", "val")]


@plants("unused categories")
def _(site: Site, mark: str) -> list[Planted]:
    site.category("unicorn", used=False)
    return [Planted("unused categories", site.instances(split)) for split in ("train", "val")]


@plants("id gaps")
def _(site: Site, mark: str) -> list[Planted]:
    site.category("bird", skip=80)
    return [Planted("id gaps", site.instances(split)) for split in ("train", "val")]


@plants("unknown picture/caption")
def _(site: Site, mark: str) -> list[Planted]:
    site.caption({"id": 88_888}, "Where?", **{MARK: mark})
    return [Planted("unknown picture", site.captions(), mark)]


@plants("empty caption")
def _(site: Site, mark: str) -> list[Planted]:
    site.caption(site.labelled(), " \n", **{MARK: mark})
    return [Planted("empty caption", site.captions(), mark)]


@plants("duplicate caption")
def _(site: Site, mark: str) -> list[Planted]:
    image = site.labelled()
    site.caption(image, "Twice the same.")
    site.caption(image, "Twice  the same.", **{MARK: mark})
    return [Planted("duplicate caption", site.captions(), mark)]


@plants("thin box")
def _(site: Site, mark: str) -> list[Planted]:
    image = site.labelled(content=site.noise((64, 24)))
    site.box(image, bbox=[5, 5, 50, 2.2], **{MARK: mark})
    return [Planted("thin box", site.instances(), mark)]


@plants("identity twice")
def _(site: Site, mark: str) -> list[Planted]:
    image = site.picture()
    site.box(image, identity=70_001)
    site.box(image, identity=70_001, bbox=[9, 9, 9, 9], **{MARK: mark})
    return [Planted("identity twice", site.instances(), mark)]


@plants("identity recurs")
def _(site: Site, mark: str) -> list[Planted]:
    image = site.picture("val")
    site.box(image, "val", identity=70_003)
    site.box(image, "val", identity=70_003, bbox=[9, 9, 9, 9], **{MARK: mark})
    return [Planted("identity recurs", site.instances("val"), mark)]


@plants("identity changes class")
def _(site: Site, mark: str) -> list[Planted]:
    for _ in range(2):
        site.box(site.picture(), identity=70_002)
    site.box(site.picture(), identity=70_002, category_id=2, **{MARK: mark})
    return [Planted("identity changes class", site.instances(), mark)]


@plants("unlabelled picture")
def _(site: Site, mark: str) -> list[Planted]:
    site.picture().update({MARK: mark})
    return [Planted("unlabelled picture", site.instances(), mark)]


@plants("classes differ")
def _(site: Site, mark: str) -> list[Planted]:
    site.split("other")
    site.documents["other"]["categories"][1]["name"] = "wolf"
    image = site.labelled("other")
    site.box(image, "other", category_id=2)
    return [Planted("classes differ", site.instances("other"))]


@plants("no labels")
def _(site: Site, mark: str) -> list[Planted]:
    site.split("bare")
    site.picture("bare")
    return [Planted("no labels", site.instances("bare"))]


@plants("duplicate key")
def _(site: Site, mark: str) -> list[Planted]:
    site.box(site.labelled(), bbox=[9, 9, 9, 9], **{MARK: mark})
    path = site.instances()

    def spoil() -> None:
        path.write_text(path.read_text().replace(f'"{mark}"', f'"{mark}", "iscrowd": 0, "iscrowd": 1'))

    site.spoilers.append(spoil)
    return [Planted("duplicate key", path, mark)]


@plants("byte order mark")
def _(site: Site, mark: str) -> list[Planted]:
    path = site.captions("val")
    site.spoilers.append(lambda: path.write_text(path.read_text(), encoding="utf-8-sig"))  # type: ignore[arg-type]
    return [Planted("byte order mark", path, line=1)]


@plants("unusable annotations/cut short")
def _(site: Site, mark: str) -> list[Planted]:
    path = site.instances("cut")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{\n"images": [\n{"id": 1,\n')
    return [Planted("unusable annotations", path, line=4)]


@plants("unusable annotations/Latin-1")
def _(site: Site, mark: str) -> list[Planted]:
    path = site.instances("latin")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes('{\n"images": [],\n"categories": [{"id": 1, "name": "Kühe"}]}'.encode("latin-1"))
    return [Planted("unusable annotations", path, line=3)]
