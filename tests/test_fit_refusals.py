"""What fits do not take, and what they say of it."""

import re

import numpy as np
import pytest

import hmmfilter as hf

COUNTS = [1, 0, 7, 9, 2]
START = hf.HMM([0.6, 0.4], [[0.8, 0.2], [0.3, 0.7]], hf.emissions.Poisson([1.5, 6.0]))
KEYED = {"a": COUNTS, "b": [3]}

REFUSED = {
    "labels that are no list": ({"labels": 3}, TypeError, "labels must be a list of states, got 3"),
    "too few labels": ({"labels": [0, 1]}, ValueError, "labels must have an entry for each of the 5 steps, got 2"),
    "no such state": (
        {"labels": [0, 1, 2, 0, 0]},
        ValueError,
        "labels[2] must be a state from 0 to 1, or -1 or NaN where unknown, got 2",
    ),
    "half a state": ({"labels": [0, 0.5, 1, 0, 0]}, ValueError, "labels[1] must be a state from 0 to 1"),
    "a truth": ({"labels": [0, True, 1, 0, 0]}, ValueError, "labels[1] must be a state from 0 to 1"),
    "weights of another number": ({"weights": [1, 2]}, ValueError, "weights must have shape (1,), got (2,)"),
    "a weight below 0": ({"weights": [-1]}, ValueError, "weights[0] must be finite and at least 0, got -1.0"),
    "weights of nothing": ({"weights": [0]}, ValueError, "weights must be above 0 for a sequence at least, got none"),
    "weights with keys": ({"weights": {"a": 1}}, ValueError, "weights must have the keys of the sequences, got ['a']"),
    "a mode": (
        {"initial": "random"},
        ValueError,
        "initial must be 'free', 'stationary' or 'fixed', got 'random'",
    ),
    "a stationary start that is held": (
        {"initial": "stationary", "fixed": "initial"},
        ValueError,
        "initial must be 'free' where entries of it are held or tied, got 'stationary'",
    ),
    "a name that is none": (
        {"fixed": "emission.mean"},
        ValueError,
        "fixed must be of initial, transition, emission.rate, got 'emission.mean'",
    ),
    "names that are none": ({"fixed": 3}, TypeError, "fixed must be names of parameters, or a dict of masks by name"),
    "a mask of numbers": (
        {"fixed": {"initial": [0, 1]}},
        TypeError,
        "fixed['initial'] must hold True and False, got dtype int64",
    ),
    "a mask of another shape": (
        {"fixed": {"transition": [True, False]}},
        ValueError,
        "fixed['transition'] must have shape (2, 2), got (2,)",
    ),
    "ties that are no dict": ({"tied": "emission.rate"}, TypeError, "tied must be a dict by the names of parameters"),
    "ties by a word": (
        {"tied": {"emission.rate": "some"}},
        ValueError,
        "tied['emission.rate'] must be 'all' or groups, got 'some'",
    ),
    "groups that are no numbers": (
        {"tied": {"emission.rate": [0.0, 1.0]}},
        TypeError,
        "tied['emission.rate'] must hold numbers of groups, got dtype float64",
    ),
    "groups of another shape": (
        {"tied": {"transition": [0, 0, 1]}},
        ValueError,
        "tied['transition'] must have shape (2, 2) or (2,), got (3,)",
    ),
    "ties of what is held": (
        {"tied": {"emission.rate": "all"}, "fixed": {"emission.rate": [True, False]}},
        ValueError,
        "tied entries of emission.rate must be the same number where one of them is held, or is 0, got [1.5, 6.0]",
    ),
    "a tolerance below 0": ({"tolerance": -1}, ValueError, "tolerance must be a number from 0 up, got -1"),
    "a word for a tolerance": ({"tolerance": "low"}, ValueError, "tolerance must be a number from 0 up, got 'low'"),
    "half an iteration": (
        {"max_iterations": 0.5},
        ValueError,
        "max_iterations must be an integer from 0 up, got 0.5",
    ),
    "restarts below 0": ({"restarts": -1}, ValueError, "restarts must be an integer from 0 up, got -1"),
    "a number for a yes": ({"accelerate": 1}, TypeError, "accelerate must be True or False, got 1"),
    "a prior that is none": ({"prior": "flat"}, TypeError, "prior must be a Prior, got 'flat'"),
    "a callback that is none": ({"callback": "print"}, TypeError, "callback must be a function, got 'print'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_told(case):
    options, kind, message = REFUSED[case]
    with pytest.raises(kind, match="^" + re.escape(message)):
        START.fit(COUNTS, **options)


def test_what_is_no_model():
    with pytest.raises(TypeError, match=r"^start must be an HMM, got 'poisson'$"):
        hf.fit("poisson", COUNTS)
    with pytest.raises(TypeError, match=r"^model must be an HMM, got None$"):
        hf.expected_statistics(None, COUNTS)


def test_labels_of_sequences():
    with pytest.raises(ValueError, match=re.escape("labels must be states for each of the 2 sequences, got 1")):
        START.fit([COUNTS, [3]], labels=[[0] * 5])
    with pytest.raises(ValueError, match=re.escape("labels must be a dict with the keys ['a', 'b'], got [[0], [1]]")):
        START.fit(KEYED, labels=[[0], [1]])
    with pytest.raises(ValueError, match=re.escape("labels['b'][0] must be a state from 0 to 1")):
        START.fit(KEYED, labels={"a": [0] * 5, "b": [9]})


def test_labels_of_groups_are_groups():
    pd = pytest.importorskip("pandas")
    who = ["a", "b", "a", "a", "b", "a"]
    grouped = pd.DataFrame({"who": who, "count": [1, 8, 2, 9, 7, 8], "state": [0, None, 0, 1, 1, None]}).groupby("who")
    labels = {"a": [0, 0, 1, -1], "b": [-1, 1]}
    assert (
        START.fit(grouped["count"], labels=grouped["state"]).model == START.fit(grouped["count"], labels=labels).model
    )
    with pytest.raises(ValueError, match=re.escape("labels must be a dict with the keys ['a', 'b'], got {'c': ")):
        START.fit(KEYED, labels=pd.Series([0, 1]).groupby(["c", "c"]))


@pytest.mark.parametrize("observations", [[[], []], [None, None, np.nan]])
def test_nothing_to_learn_from(observations):
    with pytest.raises(ValueError, match=r"^observations must have a step that is not missing, got none$"):
        START.fit(observations)


def test_what_is_no_observation_is_told_with_its_sequence():
    with pytest.raises(ValueError, match=re.escape("sequence 'b': observations[0] must be a whole number")):
        START.fit({"a": COUNTS, "b": [0.5]})
    with pytest.raises(ValueError, match=r"observations\[1\] must be a whole number"):
        START.fit([0, 0.5])


class Mute:
    """An emission of one's own that does not learn."""

    n_states = 2

    def log_likelihoods(self, observations):
        return np.zeros((len(observations), 2)) - 1.0

    def sample(self, states, rng):
        raise NotImplementedError


def test_an_emission_that_does_not_learn():
    start = hf.HMM([0.6, 0.4], [[0.8, 0.2], [0.3, 0.7]], Mute())
    with pytest.raises(TypeError, match="emission must have estimated and n_parameters to learn, got Mute without est"):
        start.fit([1, 2])
    assert start.fit([1, 2], fixed="emission").converged
    with pytest.raises(TypeError, match=r"^the prior of an emission that learns as a whole must have a log_density"):
        start.fit([1, 2], prior=hf.Prior(emission="flat"))
    with pytest.raises(ValueError, match=r"^fixed must be of initial, transition, emission, got 'emission\.rate'$"):
        start.fit([1, 2], fixed="emission.rate")
