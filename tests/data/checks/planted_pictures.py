"""Faults of pictures: their files, their names, and the same one twice."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from tests.data.checks.ground import MARK, PLANTINGS, SIZE, Entry, Planted, Site, encoded, huge_png, kind_in, plants

__all__ = ["PLANTINGS"]


def _pictures(name: str, make: Callable[[Site], Entry]) -> None:
    """A planting of a picture, with options for `Site.labelled`."""

    @plants(name)
    def _(site: Site, mark: str) -> list[Planted]:
        site.labelled(**{MARK: mark}, **make(site))
        return [Planted(kind_in(name), site.instances(), mark)]


def _cmyk(site: Site) -> Entry:
    return {"content": encoded(site.noise().convert("CMYK"), "JPEG"), "suffix": ".jpg"}


def _deep(site: Site) -> np.ndarray:
    return site.rng.integers(0, 65_536, SIZE[::-1]).astype(np.uint16)


def _float(site: Site) -> Entry:
    return {"content": encoded(Image.fromarray(_deep(site).astype(np.float32)), "TIFF"), "suffix": ".tif"}


def _film(site: Site) -> Entry:
    film = encoded(site.noise(), "WEBP", save_all=True, append_images=[site.noise()], lossless=True)
    return {"content": film, "suffix": ".webp"}


def _turned(site: Site) -> Entry:
    exif = Image.Exif()
    exif[0x0112] = 6
    return {"content": encoded(site.noise(), "JPEG", exif=exif, quality=95), "suffix": ".jpg"}


_pictures("empty picture", lambda site: {"content": b""})
_pictures("damaged picture", lambda site: {"content": encoded(site.noise())[:-400]})
_pictures("not a picture/web page", lambda site: {"content": b"<!DOCTYPE html><p>404"})
_pictures("not a picture/GIF", lambda site: {"content": encoded(site.noise(), "GIF")})
_pictures("picture too large", lambda site: {"content": huge_png(20_000), "width": 20_000, "height": 20_000})
_pictures("size mismatch", lambda site: {"width": 40, "height": 30})
_pictures("blank picture", lambda site: {"content": Image.new("RGB", SIZE, (9, 9, 9))})
_pictures("wrong suffix", lambda site: {"suffix": ".jpg"})
_pictures("unusual pixels/CMYK", _cmyk)
_pictures("unusual pixels/16 bits", lambda site: {"content": Image.fromarray(_deep(site))})
_pictures("unreadable pixels", _float)
_pictures("animation", _film)
_pictures("EXIF turn", lambda site: _turned(site) | {"width": SIZE[1], "height": SIZE[0]})
_pictures("boxes of the unturned picture", _turned)


@plants("missing picture")
def _(site: Site, mark: str) -> list[Planted]:
    (site.folder() / site.labelled(**{MARK: mark})["file_name"]).unlink()
    return [Planted("missing picture", site.instances(), mark)]


@plants("closed picture")
def _(site: Site, mark: str) -> list[Planted]:
    path = site.folder() / site.labelled(**{MARK: mark})["file_name"]
    path.unlink()
    path.mkdir()
    return [Planted("closed picture", site.instances(), mark)]


@plants("tiny picture")
def _(site: Site, mark: str) -> list[Planted]:
    site.caption(site.picture(content=site.noise((1, 1)), **{MARK: mark}), "A dot.")
    return [Planted("tiny picture", site.instances(), mark)]


@plants("misspelt file name/case")
def _(site: Site, mark: str) -> list[Planted]:
    path = site.folder() / site.labelled(**{MARK: mark})["file_name"]
    path.rename(path.with_name(path.name.upper()))
    return [Planted("misspelt file name", site.instances(), mark)]


@plants("misspelt file name/slashes")
def _(site: Site, mark: str) -> list[Planted]:
    image = site.labelled(**{MARK: mark})
    (site.folder() / "deep").mkdir()
    (site.folder() / image["file_name"]).rename(site.folder() / "deep" / image["file_name"])
    image["file_name"] = f"deep\\{image['file_name']}"
    return [Planted("misspelt file name", site.instances(), mark)]


@plants("path outside/relative")
def _(site: Site, mark: str) -> list[Planted]:
    image = site.labelled(**{MARK: mark})
    (site.folder() / image["file_name"]).rename(site.root.parent / "other.png")
    image["file_name"] = "../../../other.png"
    return [Planted("path outside", site.instances(), mark)]


@plants("path outside/absolute")
def _(site: Site, mark: str) -> list[Planted]:
    image = site.labelled(**{MARK: mark})
    image["file_name"] = str(site.folder() / image["file_name"])
    return [Planted("path outside", site.instances(), mark)]


@plants("unlisted pictures")
def _(site: Site, mark: str) -> list[Planted]:
    site.noise().save(site.folder("val") / "spare.png")
    return [Planted("unlisted pictures", site.folder("val"))]


@plants("picture listed twice")
def _(site: Site, mark: str) -> list[Planted]:
    image = site.labelled()
    site.count += 1
    again = image | {"id": site.count, MARK: mark}
    site.documents["train"]["images"].append(again)
    site.box(again)
    return [Planted("picture listed twice", site.instances(), mark)]


@plants("duplicate picture")
def _(site: Site, mark: str) -> list[Planted]:
    first = site.folder() / site.labelled()["file_name"]
    site.labelled(content=first.read_bytes(), **{MARK: mark})
    return [Planted("duplicate picture", site.instances(), mark)]


@plants("leak")
def _(site: Site, mark: str) -> list[Planted]:
    seen = site.folder("val") / site.labelled("val")["file_name"]
    site.labelled(content=seen.read_bytes(), **{MARK: mark})
    return [Planted("leak", site.instances(), mark)]
