"""Which pictures of a split cannot be used: found by opening every one, as training would."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from unified.data.annotations import Annotations
from unified.data.findings import Finding
from unified.data.picture import PictureFault, open_picture
from unified.ops.cores import cores


def bad_pictures(annotations: Annotations) -> dict[int, Finding]:
    """{picture: why it cannot be used}. Takes as long as one reading of all pictures."""

    def fault_of(i: int) -> PictureFault | None:
        try:
            open_picture(annotations.path(i), expected=annotations.size(i))
        except PictureFault as fault:
            return fault
        return None

    found = {}
    # Decoding releases the interpreter lock, so threads are enough.
    with ThreadPoolExecutor(cores()) as pool:
        for i, fault in enumerate(pool.map(fault_of, range(len(annotations)))):
            if fault is not None:
                file = str(annotations.path(i))
                where = f"image id {annotations.image_ids[i]!r}"
                found[i] = Finding(fault.kind, file, where, str(fault).removeprefix(f"{file}: "))
    return found
