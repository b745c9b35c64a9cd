"""Every kind of fault, declared once: its name, how bad it is, what it means, what `data check --fix` does about it.

An *error* makes training fail, teaches it something wrong, or falsifies a score. A *note* does no harm as it is, or is
right in some data sets.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from unified.data.findings import Severity


class Fix(Enum):
    """What happens in the mended copy; the value says it to people."""

    NONE = "stays"
    ENTRY_OUT = "entry left out"  # by the reader already
    CLIPPED = "box clipped"  # by the reader already
    NOT_COPIED = "not copied"
    READ_ON = "the last value is kept"
    SPLIT_OUT = "split left out"
    PICTURE_OUT = "picture left out with its labels"
    OBJECT_OUT = "box left out"
    CAPTION_OUT = "caption left out"
    IDENTITY_OUT = "identity taken away, box kept"
    AREA = "area becomes that of the box"
    REWRITTEN = "picture written anew: PNG, 8-bit RGB, upright, one frame"
    UNTURNED = "picture written anew as PNG, as it is stored, without its EXIF turn"
    RENAMED = "copied under a proper name"
    UNITED = "all splits get one list of classes, by name"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault."""

    name: str
    severity: Severity
    says: str
    fix: Fix


def _error(name: str, fix: Fix, says: str) -> Kind:
    return Kind(name, "error", says, fix)


def _note(name: str, fix: Fix, says: str) -> Kind:
    return Kind(name, "note", says, fix)


# Files.
UNUSABLE = _error("unusable annotations", Fix.SPLIT_OUT, "The annotation file is malformed, cut short or not UTF-8.")
DUPLICATE_KEY = _error("duplicate key", Fix.READ_ON, "A JSON object has a key twice; parsers keep the last.")
BYTE_ORDER_MARK = _note("byte order mark", Fix.NOT_COPIED, "The text starts with one; some readers stumble over it.")

# Entries, as the readers find them.
MISSING_VALUE = _error("missing value", Fix.ENTRY_OUT, "An entry lacks something that it needs.")
WRONG_TYPE = _error("wrong type", Fix.ENTRY_OUT, "A value is text where a number belongs, or the like.")
BAD_VALUE = _error("bad value", Fix.ENTRY_OUT, "A value is out of its range: a width of 0, a negative area.")
DUPLICATE_IMAGE_ID = _error("duplicate image id", Fix.ENTRY_OUT, "Two pictures have one id; the first keeps it.")
DUPLICATE_ANNOTATION_ID = _error("duplicate annotation id", Fix.ENTRY_OUT, "Two boxes have one id; the first stays.")
DUPLICATE_CATEGORY_ID = _error("duplicate category id", Fix.ENTRY_OUT, "Two classes have one id; the first keeps it.")
UNKNOWN_PICTURE = _error("unknown picture", Fix.ENTRY_OUT, "A box or caption belongs to a picture that is not listed.")
UNKNOWN_CATEGORY = _error("unknown category", Fix.ENTRY_OUT, "A box has a class that the data set does not define.")
NON_FINITE = _error("non-finite number", Fix.ENTRY_OUT, "A coordinate is NaN or infinite.")
NEGATIVE_BOX = _error("negative box", Fix.ENTRY_OUT, "Width or height is negative: corners swapped, or another format.")
ZERO_SIZE_BOX = _error("zero-size box", Fix.ENTRY_OUT, "Width or height is 0.")
BOX_OUTSIDE = _error("box outside", Fix.ENTRY_OUT, "No part of the box lies in its picture.")
BOX_CLIPPED = _note("box clipped", Fix.CLIPPED, "A box reaches out of its picture by more than rounding.")
EMPTY_CAPTION = _error("empty caption", Fix.ENTRY_OUT, "A caption is blank.")
DUPLICATE_CATEGORY_NAME = _note("duplicate category name", Fix.UNITED, "Two classes have one name.")

# Text formats, as their readers find them.
UNUSABLE_LABELS = _error("unusable label file", Fix.PICTURE_OUT, "The label file of a picture is malformed or no text.")
MISSING_LABELS = _error("missing label file", Fix.ENTRY_OUT, "A picture of the list has no label file.")
WRONG_COLUMNS = _error("wrong columns", Fix.ENTRY_OUT, "A line has too many values, or too few.")
NOT_A_SHARE = _error("not a share", Fix.ENTRY_OUT, "Pixels where shares of the picture, 0 to 1, belong.")
PATH_NOT_THERE = _note("path not there", Fix.NONE, "The description's own path is not there; its folder was taken.")
POLYGONS = _note("polygons", Fix.NONE, "Polygons became the boxes around them.")
KEYPOINTS = _note("keypoints", Fix.NONE, "Lines have keypoints, which are left out.")
IGNORED_OBJECTS = _note("ignored objects", Fix.NONE, "Objects to be ignored became crowd regions.")
DIFFICULT_OBJECTS = _note("difficult objects", Fix.NONE, "Objects marked difficult became crowd regions.")
UNKNOWN_TAGS = _note("unknown tags", Fix.NONE, "Of some pictures a class is unknown; they count as unlabelled.")

# Picture files.
MISSING_PICTURE = _error("missing picture", Fix.PICTURE_OUT, "The file is not there.")
EMPTY_PICTURE = _error("empty picture", Fix.PICTURE_OUT, "The file has 0 bytes.")
CLOSED_PICTURE = _error("closed picture", Fix.PICTURE_OUT, "The file may not be read, or is a folder.")
NOT_A_PICTURE = _error("not a picture", Fix.PICTURE_OUT, "The file is something else, or of a format that is not read.")
DAMAGED_PICTURE = _error("damaged picture", Fix.PICTURE_OUT, "The file is cut short or damaged.")
PICTURE_TOO_LARGE = _error("picture too large", Fix.PICTURE_OUT, "Decoding it would fill the memory.")
UNREADABLE_PIXELS = _error("unreadable pixels", Fix.PICTURE_OUT, "Pixels without a range: floating-point, 32-bit, LAB.")
TINY_PICTURE = _error("tiny picture", Fix.PICTURE_OUT, "A side has fewer than 4 pixels: a placeholder, no picture.")
SIZE_MISMATCH = _error("size mismatch", Fix.PICTURE_OUT, "The annotated size is not the file's.")
UNTURNED = _error("boxes of the unturned picture", Fix.UNTURNED, "The annotated size is that before the EXIF turn.")
EXIF_TURN = _note("EXIF turn", Fix.REWRITTEN, "Upright only after an EXIF turn, which other tools may not make.")
UNUSUAL_PIXELS = _note("unusual pixels", Fix.REWRITTEN, "CMYK or 16 bits: tools differ in what they make of such.")
ANIMATION = _note("animation", Fix.REWRITTEN, "The file has several frames; the first is used.")
BLANK_PICTURE = _note("blank picture", Fix.NONE, "All pixels have one colour.")

# Names of files.
WRONG_SUFFIX = _note("wrong suffix", Fix.RENAMED, "The content is of another format than the name says.")
MISSPELT_NAME = _error("misspelt file name", Fix.RENAMED, "Right but for case or slashes: not found on every system.")
PATH_OUTSIDE = _error("path outside", Fix.RENAMED, "Absolute, or out of the data set's folder.")
UNLISTED_PICTURES = _note("unlisted pictures", Fix.NOT_COPIED, "Picture files that no entry names.")

# The same twice.
LISTED_TWICE = _error("picture listed twice", Fix.PICTURE_OUT, "One file under two ids: each lacks the other's boxes.")
DUPLICATE_PICTURE = _error("duplicate picture", Fix.PICTURE_OUT, "The bytes of an earlier picture of the same split.")
LEAK = _error("leak", Fix.PICTURE_OUT, "The same bytes in two splits: scores are too good. train gives it up.")
DUPLICATE_BOX = _error("duplicate box", Fix.OBJECT_OUT, "The same box of the same class twice in a picture.")
DUPLICATE_CAPTION = _note("duplicate caption", Fix.CAPTION_OUT, "The same sentence twice for a picture.")

# Boxes that cannot be meant, or hardly.
NORMALISED_BOX = _error("normalised box", Fix.OBJECT_OUT, "Coordinates from 0 to 1 where pixels belong.")
COVERING_BOX = _note("box covers picture", Fix.NONE, "A box is the whole picture, where most are not.")
THIN_BOX = _note("thin box", Fix.NONE, "More than 20 times as long as wide; augmentation leaves such out.")
NARROW_BOX = _note("narrow box", Fix.NONE, "A side under 2 pixels; augmentation leaves such out.")
AREA_TOO_LARGE = _note("area beyond box", Fix.AREA, "`area` is larger than the box: sizes are scored wrongly.")

# Identities.
IDENTITY_TWICE = _error("identity twice", Fix.IDENTITY_OUT, "One identity on two boxes of one frame of a video.")
IDENTITY_RECURS = _note("identity recurs", Fix.NONE, "The same in a picture of no video: fine for things made alike.")
IDENTITY_CHANGES = _error("identity changes class", Fix.IDENTITY_OUT, "An identity has another class than mostly.")

# The split as a whole.
NO_LABELS = _error("no labels", Fix.SPLIT_OUT, "Not one usable box, caption or tag in the split.")
CLASSES_DIFFER = _error("classes differ", Fix.UNITED, "A split defines other classes than the first one.")
UNLABELLED_PICTURE = _note("unlabelled picture", Fix.NONE, "No box, caption or tag: empty on purpose, or forgotten?")
UNUSED_CATEGORIES = _note("unused categories", Fix.NONE, "Classes without one example.")
ID_GAPS = _note("id gaps", Fix.NONE, "Class ids are not 1, 2, 3 …: class k is the k-th id, not id k.")

KINDS: dict[str, Kind] = {kind.name: kind for kind in list(vars().values()) if isinstance(kind, Kind)}


def kind_of(name: str) -> Kind:
    """The kind of that name. A reader may have kinds of its own; what is wrong so it leaves out."""
    return KINDS.get(name) or Kind(name, "error", "Found by the reader of the format.", Fix.ENTRY_OUT)
