"""How the tests run the command, and read what it writes."""

import csv
import io
import os
import subprocess
import sys

import numpy as np

COMMAND = [os.path.join(os.path.dirname(sys.executable), "hmmfilter")]


def run(*arguments, **options):
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, encoding="utf-8", check=False, **options
    )


def table(text):
    """The columns of a CSV text by their names; none where it has no rows."""
    header, *rows = list(csv.reader(io.StringIO(text))) or [[]]
    return dict(zip(header, zip(*rows, strict=True), strict=True)) if rows else {}


def floats(cells):
    return np.array(list(map(float, cells)))
