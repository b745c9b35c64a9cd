"""Annotation files of every format that is understood → Annotations.

layout.py    what a reader gives
detect.py    which format a folder is in
read.py      a split, with faults raised or left out
coco*.py     COCO JSON
yolo*.py     YOLO text
voc.py       Pascal VOC's XML
mot*.py      MOTChallenge text
tables.py    CSV files
folders.py   a folder a class
draft.py     what the last five put together
"""

from unified.data.readers.detect import FORMATS, detect, find_layout, find_splits
from unified.data.readers.layout import Format, Layout, Origins, Parsed, Spot
from unified.data.readers.read import OnError, read

__all__ = [
    "FORMATS",
    "Format",
    "Layout",
    "OnError",
    "Origins",
    "Parsed",
    "Spot",
    "detect",
    "find_layout",
    "find_splits",
    "read",
]
