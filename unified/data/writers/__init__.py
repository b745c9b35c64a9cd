"""Annotations → files of another format.

names.py      what pictures are called in the new data set
losses.py     what a format cannot hold, in words
coco.py, yolo.py, voc.py, mot.py, table.py, folders.py
"""

from unified.data.writers.coco import COCO
from unified.data.writers.folders import FOLDERS
from unified.data.writers.mot import MOT
from unified.data.writers.table import CSV
from unified.data.writers.voc import VOC
from unified.data.writers.writer import Put, Splits, Writer
from unified.data.writers.yolo import YOLO

WRITERS: tuple[Writer, ...] = (COCO, YOLO, VOC, MOT, CSV, FOLDERS)

__all__ = ["WRITERS", "Put", "Splits", "Writer"]
