"""Series that were published, with fits of them."""

import numpy as np

from tests.files import ROOT

EARTHQUAKES = np.loadtxt(ROOT / "data" / "earthquakes.csv", delimiter=",", skiprows=1)[:, 1]

FEDERAL_FUNDS = np.loadtxt(ROOT / "data" / "federal_funds.csv", delimiter=",", skiprows=1, usecols=1)

# Leroux and Puterman, "Maximum-penalized-likelihood estimation for independent and Markov-dependent mixture models",
# Biometrics 48 (1992): the movements of a fetal lamb in 240 intervals of five seconds.
_MOVEMENTS = """
0 0 0 0 0 1 0 1 0 0 0 0 0 0 1 0 1 0 0 0 0 2 2 0 0 0 0 1 0 0 1 1 0 0 1 1 1 0 0 1
0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 2 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 0
0 0 0 0 7 3 2 3 2 4 0 0 0 0 1 0 0 0 0 0 0 0 1 0 2 0 0 0 0 1 0 0 0 0 1 0 0 0 0 0
0 0 0 0 0 0 0 0 0 1 0 0 0 0 0 2 1 0 0 1 0 0 0 1 0 1 1 0 0 0 1 0 0 1 0 0 0 1 2 0
0 0 1 0 1 1 0 1 0 0 2 0 1 2 1 1 2 1 0 1 1 0 0 1 1 0 0 0 1 1 1 0 4 0 0 2 0 0 0 0
0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
"""
MOVEMENTS = np.array(_MOVEMENTS.split(), dtype=float)
