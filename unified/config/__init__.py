"""Configuration: a strict schema, YAML files with one base, overrides, and errors that name all that is wrong at once.

schema.py      the sections: every key, default, range and unit
experiment.py  Config, and what makes it valid
read.py        file + overrides → Config
files.py       shipped configs, paths, bases
source.py      YAML → values with line numbers
explain.py     what is allowed, and the nearest valid key
show.py        Config → commented YAML
"""

from unified.config.experiment import Config, schema
from unified.config.files import shipped, summary
from unified.config.problem import InvalidConfig, Problem
from unified.config.read import changed, read
from unified.config.schema import Augment, Data, Joint, Ramp, Train
from unified.config.show import differences, show

__all__ = [
    "Augment", "Config", "Data", "InvalidConfig", "Joint", "Problem", "Ramp", "Train",
    "changed", "differences", "read", "schema", "shipped", "show", "summary",
]  # fmt: skip
