"""What can be wrong with a data set, beyond what its reader sees entry by entry; one idea a file.

kinds.py       every kind of fault, declared once: name, severity, sentence, mending
split.py       what a check gets, and the problems that it gives
seen.py        a picture file, looked at once: header, pixels, digest
pictures.py    what was seen of the pictures
names.py       how the annotations name their pictures
copies.py      the same picture twice, within a split or across two
boxes.py       boxes that cannot be meant
identities.py  who is the same
labels.py      classes and captions
json_text.py   what a JSON parser keeps quiet about
draft.py       what stays of a split in a mended copy
files.py       the pictures of a mended copy
"""
