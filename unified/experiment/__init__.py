"""Experiments: a grid of variants and seeds, trained run by run, and the table that comes of it.

spec.py      the file: variants, seeds, numbers, the paper's values
runs.py      trains what is not trained yet
processes.py each run in a process of its own, some at a time
outcome.py   means, intervals, paired differences, Δm
interval.py  the statistics
render.py    the table as Markdown, CSV and JSON
"""
