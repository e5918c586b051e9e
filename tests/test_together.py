"""Many sequences, eight at a time: as one after the other, to the bit."""

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter._drivers import together
from tests import cases
from tests.conftest import COMPILED

NEVER = -np.inf
RAGGED = [1, 30, 2, 1, 1, 75, 12, 12, 3, 40, 5, 1, 17, 28, 9, 9, 2, 1, 60, 33, 4, 21] if COMPILED else [1, 9, 2, 1] * 5


@pytest.fixture(autouse=True)
def take_ragged_ones(monkeypatch):
    """However few lanes have something to do to the end."""
    monkeypatch.setattr(together, "BUSY", 0)


def alone(call):
    """What a call finds where no sequences are taken together."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(together, "MANY", np.inf)
        return call()


def answers(tables, lengths, **options):
    """All that is made of the recursions: results of the doors, with no numbers taken out of their code."""
    filtered = hf.forward_filter(*tables, lengths=lengths, impossible="mark", **options)
    smoothed = hf.smooth(*tables, lengths=lengths, impossible="mark", **options)
    yield "filtered rows", filtered._rows
    yield "increments", filtered._increments
    yield "log-likelihoods", filtered.log_likelihood
    yield "log-likelihoods of smoothing", smoothed.log_likelihood
    yield "smoothed rows", smoothed._rows
    yield "log-likelihoods alone", hf.log_likelihood(*tables, lengths=lengths, **options)


def check(tables, lengths, **options):
    expected = alone(lambda: dict(answers(tables, lengths, **options)))
    for what, found in answers(tables, lengths, **options):
        np.testing.assert_array_equal(found.view(np.int64), expected[what].view(np.int64), what)


def mixed_with_ordinary(family, n_states, lengths):
    """The rows of a family, in every third sequence; harmless ones in the others."""
    log_initial, log_transition, hostile = cases.draw(family, 1, sum(lengths), n_states)
    _, _, rows = cases.draw(cases.ordinary, 2, sum(lengths), n_states)
    is_hostile = np.repeat(np.arange(len(lengths)) % 3 == 1, lengths)
    return log_initial, log_transition, np.where(is_hostile[:, None], hostile, rows)


@pytest.mark.parametrize("n_states", [1, 2, 3, *([4, 5, 6, 7, 8, 9, 16, 35] if COMPILED else [])])
@pytest.mark.parametrize("family", cases.FAMILIES, ids=lambda family: family.__name__)
def test_as_one_after_the_other(family, n_states):
    check(mixed_with_ordinary(family, n_states, RAGGED), RAGGED)
