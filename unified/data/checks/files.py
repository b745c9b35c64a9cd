"""The picture files of a mended copy: what they are called, and how they come there."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath, PureWindowsPath

from PIL import Image

from unified.data.checks.draft import Draft
from unified.data.checks.names import SUFFIXES
from unified.data.paths import relative as relative_path
from unified.data.picture import open_picture

# EXIF orientation → what undoes its turn.
_BACK = {
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def names_of(draft: Draft) -> dict[int, str]:
    """{picture that stays: its name in the copy}, relative to the folder of the split's pictures, each name once."""
    annotations, taken, names = draft.split.annotations, set[str](), dict[int, str]()
    for i, stays in enumerate(draft.pictures.tolist()):
        if not stays:
            continue
        seen = draft.split.seen[i]
        path = PurePosixPath(_relative(seen.path, annotations.root, draft.split.name))
        suffix = path.suffix
        if i in draft.rewritten or i in draft.unturned:
            suffix = ".png"
        elif seen.header is not None and suffix.lower() not in SUFFIXES[seen.header.format]:
            suffix = SUFFIXES[seen.header.format][0]
        name, again = str(path.with_suffix(suffix)), 1
        # Some systems see no difference between a.PNG and a.png.
        while name.casefold() in taken:
            again += 1
            name = str(path.with_name(f"{path.stem}_{again}{suffix}"))
        taken.add(name.casefold())
        names[i] = name
    return names


def copy_pictures(draft: Draft, names: dict[int, str], folder: Path) -> None:
    """Into `folder`: as they are, but for those that are written anew."""
    for i, name in names.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        seen = draft.split.seen[i]
        if i in draft.unturned and seen.header is not None:
            open_picture(seen.path).transpose(_BACK[seen.header.orientation]).save(path)
        elif i in draft.rewritten:
            open_picture(seen.path).save(path)
        else:
            shutil.copyfile(seen.path, path)


def _relative(path: Path, root: Path, split: str) -> str:
    """The path in the folder of pictures, without the split's name, which the copy's folder has.

    Of a picture that lies elsewhere only its name.
    """
    relative = Path(relative_path(path, root))
    if relative.is_absolute() or ".." in relative.parts or PureWindowsPath(relative).drive:
        return path.name
    parts = relative.parts
    return "/".join(parts[1:] if len(parts) > 1 and parts[0] == split else parts)
