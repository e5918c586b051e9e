"""How many states: by a criterion, and by sequences that are held out."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

import hmmfilter as hf
from hmmfilter import _checks, selection
from tests.test_guess import Waiting

COUNTS = [1, 0, 2, 9, 7, 11, 8, 0, 1, 1, 0, 2, 10, 8]
SEQUENCES = [[1, 0, 2, 9], [7, 11, 8, 0], [1, None, 0, 2, 10, 8], [0, 1, 9, 8], [2, 10]]
START = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([2.0, 5.0]))
FEW = {"max_iterations": 3}
SAME = 1e-10  # what fits to the same data by other ways agree to


@pytest.fixture(scope="module")
def earthquakes():
    return np.loadtxt("data/earthquakes.csv", delimiter=",", skiprows=1)[:, 1]


def test_the_table_of_the_earthquakes(earthquakes):
    """Zucchini, MacDonald, Langrock, table 6.1: both criteria take three states."""
    selected = hf.select("poisson", range(1, 4), earthquakes, initial="stationary", restarts=0)
    found = [-selected.fits[n].log_likelihood for n in (1, 2, 3)]
    np.testing.assert_allclose(found, [391.91892817, 342.31826679, 329.46027626], atol=1e-7)
    assert selected.best is selected.fits[3]
    assert selected.best.aic == pytest.approx(676.9206, abs=1e-4)
    assert selected.best.bic == pytest.approx(700.976, abs=1e-3)


def test_each_number_of_states_comes_to_the_same_among_whatever_others():
    whole = hf.select("poisson", [1, 2, 3], COUNTS, restarts=3, **FEW)
    alone = hf.select("poisson", [3], COUNTS, restarts=3, **FEW)
    assert whole.fits[3].model == alone.fits[3].model
    assert whole.fits[3].restarts == alone.fits[3].restarts
    again = hf.select("poisson", (3, 3), COUNTS, restarts=3, rng=np.random.default_rng(0), **FEW)
    assert again.fits[3].model == alone.fits[3].model
    other = hf.select("poisson", [3], COUNTS, restarts=3, rng=1, **FEW)
    assert other.fits[3].restarts != alone.fits[3].restarts


def test_options_go_where_they_belong():
    prior = hf.Prior(emission=hf.priors.Gamma(2.0, 1.0))
    selected = hf.select(
        "Poisson",
        [2],
        SEQUENCES,
        restarts=0,
        weights=[1, 2, 1, 1, 0],
        initial="stationary",
        prior=prior,
        max_iterations=3,
        accelerate=False,
        tolerance=0.0,
        workers=2,
    )
    start = hf.guess("poisson", 2, SEQUENCES)
    fitted = start.fit(
        SEQUENCES,
        weights=[1, 2, 1, 1, 0],
        initial="stationary",
        prior=prior,
        max_iterations=3,
        accelerate=False,
        tolerance=0.0,
    )
    assert selected.best.model == fitted.model
    assert "stopped, best" in repr(selected)
    named = hf.select("categorical", [1, 2], list("abcab"), symbols=["c", "b", "a"], restarts=1)
    assert named.best.model.emission.symbols == ("c", "b", "a")
    held = hf.select("poisson", [2], COUNTS, restarts=0, fixed="transition").best.model
    assert held.transition.tolist() == hf.guess("poisson", 2, COUNTS).transition.tolist()
    tied = hf.select("poisson", [2], COUNTS, restarts=0, tied={"emission.rate": "all"}).best.model
    assert tied.emission.rate[0] == tied.emission.rate[1]
    one = hf.select("poisson", [2], COUNTS, lengths=[4, 10], restarts=1, **FEW)
    other = hf.select("poisson", [2], [COUNTS[:4], COUNTS[4:]], restarts=1, **FEW)
    assert one.best.model == other.best.model


def test_more_states_than_different_observations_begin_at_random():
    assert hf.select("bernoulli", [3], [0, 1, 1, 0, 0, 1, 1, 1, 0], restarts=1, **FEW).best.model.n_states == 3


class Brittle(Waiting):
    """Waiting times that collapse where there are so many states."""

    collapses_at = 3

    def estimated(self, observations, weights, prior=None):
        if self.n_states >= self.collapses_at:
            raise hf.DegenerateFitError(1, (1.0,))
        return type(self)(observations @ weights / weights.sum(axis=0))


class Hopeless(Brittle):
    collapses_at = 1


TIMES = np.array([0.3, 1.2, 0.5, 7.0, 19.0, 22.0, 0.1, 0.2, 15.0])


def test_numbers_of_states_that_collapse_are_marked_and_out_of_the_race():
    selected = hf.select(Brittle, [1, 2, 3], TIMES, restarts=2)
    assert set(selected.fits) == {1, 2}
    assert set(selected.collapsed) == {3}
    assert selected.collapsed[3].state == 1
    lines = repr(selected).splitlines()
    assert lines[-1].split() == ["3", "-", "-", "-", "-", "-", "collapsed"]
    assert sum("best" in line for line in lines) == 1
    frame = selected.to_frame()
    assert frame.index.tolist() == [1, 2, 3]
    assert frame["aic"].isna().tolist() == [False, False, True]
    with pytest.raises(hf.DegenerateFitError, match="state 1 collapses"):
        hf.select(Hopeless, [1, 2], TIMES)


def test_starts_that_collapse_are_counted():
    selected = hf.select("poisson", [2], COUNTS, restarts=3, **FEW)
    fit = selected.fits[2]
    fit._freeze(restarts=tuple(restart._replace(outcome="collapsed") for restart in fit.restarts[:1]))
    assert "stopped, 1 start collapsed, best" in repr(selected)


def test_the_criterion_decides():
    fits = hf.select("poisson", [1, 2, 3], COUNTS, restarts=0)
    by_aic = hf.select("poisson", [1, 2, 3], COUNTS, restarts=0, criterion="aic")
    assert fits.best.bic == min(fit.bic for fit in fits.fits.values())
    assert by_aic.best.aic == min(fit.aic for fit in by_aic.fits.values())
    assert "2 states by BIC, 14 observed steps" in repr(fits)
    assert "by AIC" in repr(by_aic)
    assert list(fits.to_frame().columns) == [
        "log_likelihood",
        "n_parameters",
        "aic",
        "bic",
        "n_iterations",
        "converged",
    ]
    assert fits.to_frame(index=["a", "b", "c"]).index.tolist() == ["a", "b", "c"]


class Bar:
    def __init__(self):
        self.steps = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def update(self, n):
        self.steps += n


@pytest.mark.parametrize(
    "ask",
    [
        lambda **k: hf.select("poisson", [1, 2], COUNTS, restarts=0, **k),
        lambda **k: hf.cross_validate(START, SEQUENCES, 2, **k),
    ],
)
def test_a_bar_moves_if_it_is_wanted(ask, monkeypatch):
    bars = []

    def bar_of(n_steps, is_wanted, unit):
        bars.append((n_steps, is_wanted, Bar()))
        return bars[-1][2]

    monkeypatch.setattr(selection, "progress_bar", bar_of)
    ask(progress=True)
    ((n_steps, is_wanted, bar),) = bars
    assert (n_steps, is_wanted, bar.steps) == (2, True, 2)


@pytest.mark.parametrize(
    ("given", "options", "error", "words"),
    [
        (("poisson", 3, COUNTS), {}, TypeError, "n_states must be a list of integers, got 3"),
        (("poisson", [], COUNTS), {}, ValueError, "n_states must have at least one number"),
        (("poisson", [0], COUNTS), {}, ValueError, r"n_states\[0\] must be at least 1"),
        (("poisson", [1], COUNTS), {"criterion": "dic"}, ValueError, "criterion must be one of bic, aic, got 'dic'"),
        (("poisson", [1], COUNTS), {"progress": 1}, TypeError, "progress must be True or False"),
        (
            ("poisson", [2], COUNTS),
            {"transition": hf.transitions.Rates([[0.0, 1.0], [1.0, 0.0]])},
            TypeError,
            "transition must be a function of the number of states, got Rates",
        ),
        (("poisson", [1], COUNTS), {"allowed": None}, TypeError, "must be of exposure, got allowed"),
        (("poisson", [1], COUNTS), {"restarts": -1}, ValueError, "restarts must be an integer from 0 up"),
        (("fish", [1], COUNTS), {}, ValueError, "emission must be one of"),
    ],
)
def test_what_cannot_be_selected_from_is_refused_in_words(given, options, error, words):
    with pytest.raises(error, match=words):
        hf.select(*given, **options)


def by_hand(fold, n_folds, **options):
    """The log-likelihood a step of a fold, by a fit to the other sequences alone."""
    held = SEQUENCES[fold::n_folds]
    fitted = START.fit([s for n, s in enumerate(SEQUENCES) if n % n_folds != fold], **options)
    n_steps = sum(count is not None for count in itertools.chain(*held))
    return math.fsum(fitted.model.log_likelihood(held)) / n_steps


@pytest.mark.parametrize("n_folds", [2, 3, 5])
def test_each_fold_is_judged_by_a_fit_to_the_others(n_folds):
    validated = hf.cross_validate(START, SEQUENCES, n_folds, **FEW)
    expected = [by_hand(fold, n_folds, **FEW) for fold in range(n_folds)]
    np.testing.assert_allclose(validated.log_likelihoods, expected, rtol=SAME)
    assert validated.mean == pytest.approx(np.mean(expected), rel=SAME)
    assert validated.spread == pytest.approx(np.std(expected, ddof=1), rel=SAME)
    assert validated.n_observations.sum() == 19
    assert validated.folds == tuple(tuple(range(fold, 5, n_folds)) for fold in range(n_folds))
    assert len(validated.fits) == n_folds


@pytest.mark.parametrize("restarts", [0, 4])
def test_what_is_held_out_plays_no_part_in_the_fit(restarts):
    other = [*SEQUENCES[:-1], [300, 0]]
    one, two = (
        hf.cross_validate(START, sequences, 5, restarts=restarts, rng=0, **FEW) for sequences in (SEQUENCES, other)
    )
    assert one.fits[4].model == two.fits[4].model
    assert [start.early for start in one.fits[4].restarts] == [start.early for start in two.fits[4].restarts]
    assert one.log_likelihoods[4] != two.log_likelihoods[4]


def test_sequences_come_in_any_form():
    validated = hf.cross_validate(START, SEQUENCES, 5, **FEW)
    lengths = list(map(len, SEQUENCES))
    flat = [count for sequence in SEQUENCES for count in sequence]
    keys = list("abcde")
    frame = pd.DataFrame({"who": np.repeat(keys, lengths), "count": pd.array(flat, dtype="Int64")})
    by_key = dict(zip(keys, SEQUENCES, strict=True))
    for other in [
        hf.cross_validate(START, flat, lengths=lengths, **FEW),
        hf.cross_validate(START, by_key, **FEW),
        hf.cross_validate(START, frame.groupby("who")["count"], **FEW),
        hf.cross_validate(START, SEQUENCES, workers=2, **FEW),
    ]:
        assert other.log_likelihoods.tolist() == validated.log_likelihoods.tolist()
    assert hf.cross_validate(START, by_key, **FEW).folds == (("a",), ("b",), ("c",), ("d",), ("e",))


def test_weights_masks_and_options_of_the_fit():
    twice = hf.cross_validate(START, SEQUENCES, 2, weights=[2, 2, 2, 2, 2], **FEW)
    once = hf.cross_validate(START, SEQUENCES, 2, **FEW)
    np.testing.assert_allclose(twice.log_likelihoods, once.log_likelihoods, rtol=1e-6)
    assert twice.n_observations.tolist() == (2 * once.n_observations).tolist()
    halves = hf.cross_validate(START, SEQUENCES, 2, weights=[0.5] * 5, **FEW)
    assert "5.5" in repr(halves)
    stationary = hf.cross_validate(START, SEQUENCES, 2, initial="stationary", max_iterations=2)
    assert stationary.fits[0].n_iterations <= 2
    assert stationary.log_likelihoods[0] == pytest.approx(
        by_hand(0, 2, initial="stationary", max_iterations=2), rel=SAME
    )
    allowed = [np.tile([True, False], (len(sequence), 1)) for sequence in SEQUENCES]
    masked = hf.cross_validate(START, SEQUENCES, 2, allowed=allowed, **FEW)
    rate = np.mean([count for count in itertools.chain(*SEQUENCES[1::2]) if count is not None])
    assert masked.fits[0].model.emission.rate[0] == pytest.approx(rate)


def test_a_fold_that_is_impossible_says_so():
    zeros = hf.HMM([1.0], [[1.0]], hf.emissions.Poisson([1.0]))
    validated = hf.cross_validate(zeros, [[0, 0], [0, 3]], 2)
    assert validated.log_likelihoods[1] == -np.inf  # a rate of 0 never shows a 3
    assert validated.mean == -np.inf
    assert math.isnan(validated.spread)
    assert "-inf" in repr(validated)


def test_how_it_prints():
    frame = hf.cross_validate(START, SEQUENCES, 2, **FEW).to_frame()
    assert list(frame.columns) == ["n_sequences", "n_observations", "log_likelihood"]
    assert frame["n_sequences"].tolist() == [3, 2]
    assert hf.cross_validate(START, SEQUENCES, 2, **FEW).to_frame(index=["x", "y"]).index.tolist() == ["x", "y"]
    assert repr(hf.cross_validate(START, SEQUENCES, 2, **FEW)).startswith(
        "CrossValidated: 5 sequences in 2 folds; log-likelihood"
    )


@pytest.mark.parametrize(
    ("sequences", "folds", "words"),
    [
        (COUNTS, 2, "sequences must be two at least, since whole ones are held out, got one: give lengths"),
        ([COUNTS], 2, "sequences must be two at least"),
        (SEQUENCES, 6, "folds must be from 2 to 5, the number of sequences, got 6"),
        (SEQUENCES, 1, "folds must be from 2 to 5"),
        ([[1, 2], [None], [3]], 3, "folds must each have a step that is not missing, got none in fold 1"),
    ],
)
def test_what_cannot_be_held_out_is_refused_in_words(sequences, folds, words):
    with pytest.raises(ValueError, match=words):
        hf.cross_validate(START, sequences, folds)


def test_nothing_fitted_is_the_first_collapse():
    first, second = hf.DegenerateFitError(0, (1.0,)), hf.DegenerateFitError(1, (1.0,))
    with pytest.raises(hf.DegenerateFitError, match="state 0"):
        _checks.some_fit(0, {1: first, 2: second})
