"""How the tasks are balanced: one weighting, one file; their names are in `catalogue.py`."""
