"""Where the files of the project are."""

import csv
from pathlib import Path

ROOT = Path(__file__).parent.parent
EARTHQUAKES = ROOT / "data" / "earthquakes.csv"
EARTHQUAKES_MODEL = ROOT / "data" / "earthquakes.json"


def earthquakes():
    """The years and the counts."""
    with open(EARTHQUAKES, newline="") as file:
        rows = list(csv.reader(file))[1:]
    return [int(year) for year, _ in rows], [int(count) for _, count in rows]
