"""The oracles of structured chains agree with each other, and with values worked out elsewhere."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from tests import oracle, structure_oracle

F = Fraction

SPARSE = [[F(2, 5), F(3, 5), 0, 0], [0, F(1, 3), F(2, 3), 0], [F(1, 4), 0, F(1, 2), F(1, 4)], [0, 0, 0, F(1)]]
SPARSE_START = [F(1, 2), F(1, 2), F(0), F(0)]
SPARSE_SHOWS = [
    [F(1, 2), F(1, 4), F(1, 8), F(1, 8)],
    [F(1, 3), F(1, 3), F(1, 6), F(1, 6)],
    [F(1, 5), F(2, 5), F(2, 5), F(0)],
    [F(1, 2), F(1, 8), F(1, 4), F(1, 16)],
    [F(1, 10), F(1, 10), F(3, 10), F(1, 2)],
    [F(0), F(1, 5), F(1, 7), F(1, 3)],
]
SPARSE_LIKELIHOOD = F(993047857, 2041200000000)
SPARSE_PATH = [0, 1, 2, 2, 3, 3]

LASTING = structure_oracle.Lasting(
    start=[F(2, 3), F(1, 3)],
    durations=[[F(1, 10), F(3, 10), F(6, 10)], [F(1, 2), F(0), F(1, 2)]],
    moves=[[F(0), F(1)], [F(1), F(0)]],
)
LASTING_SHOWS = [
    [F(1, 2), F(1, 4)],
    [F(1, 2), F(1, 4)],
    [F(1, 3), F(1, 3)],
    [F(1, 8), F(1, 2)],
    [F(1, 4), F(1, 2)],
    [F(1, 2), F(1, 4)],
    [F(1, 2), F(1, 8)],
]
NOT_CUT = structure_oracle.Lasting(LASTING.start, LASTING.durations, LASTING.moves, cut=False)
LASTING_LIKELIHOOD = {True: F(91609, 58982400), False: F(938183, 1474560000)}


def numbers(table):
    """Fractions as numbers of mpmath."""
    with mpmath.workdps(oracle.DIGITS):
        return [[mpmath.mpf(F(x).numerator) / F(x).denominator for x in row] for row in table]


@mpmath.workdps(oracle.DIGITS)
def are_near(got, expected):
    return all(abs(x - y) < mpmath.mpf(10) ** -70 for row, other in zip(got, expected, strict=True)
               for x, y in zip(row, other, strict=True))  # fmt: skip


@mpmath.workdps(oracle.DIGITS)
def test_all_paths():
    found = structure_oracle.enumerated(SPARSE_START, [SPARSE] * 5, SPARSE_SHOWS)
    assert found.likelihood == SPARSE_LIKELIHOOD
    assert list(found.path) == SPARSE_PATH
    (start,), moves, shows = numbers([SPARSE_START]), numbers(SPARSE), numbers(SPARSE_SHOWS)
    answer = structure_oracle.recursions(start, [moves] * 5, shows)
    assert are_near([[answer.likelihood, answer.best_joint]], numbers([[found.likelihood, found.joint]]))
    assert are_near(answer.smoothed, numbers(found.smoothed))
    for n in range(1, 6):
        prefix = structure_oracle.enumerated(SPARSE_START, [SPARSE] * 5, SPARSE_SHOWS[:n])
        assert are_near(answer.filtered[n - 1 : n], numbers(prefix.smoothed[-1:]))


@pytest.mark.parametrize("chain", [LASTING, NOT_CUT], ids=["cut", "not cut"])
@mpmath.workdps(oracle.DIGITS)
def test_all_segmentations(chain):
    scored = chain.joints(LASTING_SHOWS)
    assert sum(p for _, p in scored) == LASTING_LIKELIHOOD[chain.cut]
    (start,), durations, moves = numbers([chain.start]), numbers(chain.durations), numbers(chain.moves)
    answer = structure_oracle.Lasting(start, durations, moves, chain.cut).recursions(numbers(LASTING_SHOWS))
    total, best = LASTING_LIKELIHOOD[chain.cut], max(p for _, p in scored)
    assert are_near([[answer.likelihood, answer.best_joint]], numbers([[total, best]]))
    assert are_near(answer.smoothed, numbers(chain.smoothed(LASTING_SHOWS)))
    assert are_near(answer.filtered[-1:], answer.smoothed[-1:])
    for n in range(1, 7):
        assert are_near(answer.filtered[n - 1 : n], numbers(LASTING.smoothed(LASTING_SHOWS[:n])[-1:]))


@mpmath.workdps(oracle.DIGITS)
def test_the_expanded_chain_says_what_all_segmentations_do():
    start, matrix = LASTING.expanded()
    assert [sum(row) for row in matrix] == [1, 1, 1, 1, 1, 1]
    shows = [[p for p in row for _ in range(3)] for row in LASTING_SHOWS]
    (first,), moves = numbers([start]), numbers(matrix)
    answer = structure_oracle.recursions(first, [moves] * 6, numbers(shows))
    assert are_near([[answer.likelihood]], numbers([[LASTING_LIKELIHOOD[True]]]))


def test_matrices():
    band = structure_oracle.banded([[9, F(1, 4), F(1)], [F(1, 2), F(3, 4), 0], [F(1, 2), 0, 9]], 1)
    assert band == [[F(1, 2), F(1, 2), 0], [F(1, 4), F(3, 4), 0], [0, F(1), 0]]
    flip = [[F(1, 3), F(2, 3)], [F(1), F(0)]]
    expected = np.kron(np.array(flip), np.array(band)).tolist()
    assert structure_oracle.kronecker(flip, band) == expected
    stay, jump = [F(1, 2), F(1, 5), F(0)], [F(1, 2), F(1, 6), F(1, 3)]
    rows = [[F(3, 4), F(1, 12), F(1, 6)], [F(2, 5), F(1, 3), F(4, 15)], jump]
    assert structure_oracle.stay_or_jump(stay, jump) == rows
    rows = [[F(1, 2), F(1, 6), F(1, 3)], [F(12, 25), F(1, 5), F(8, 25)], [F(3, 4), F(1, 4), 0]]
    assert structure_oracle.stay_or_elsewhere(stay, jump) == rows
