"""Fits: published numbers, what may not happen on the way, and what is held, tied, known and weighted."""

import csv
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hmmfilter as hf
from hmmfilter.learning import settling
from hmmfilter.learning.climbing import Climbed, Point
from hmmfilter.learning.restarting import climb_from_many
from tests.conftest import needs_compiled

EARTHQUAKES = np.array(
    [float(row["count"]) for row in csv.DictReader(Path("data/earthquakes.csv").read_text("utf-8").splitlines())]
)
RATES = {1: [19.0], 2: [10.0, 30.0], 3: [10.0, 20.0, 30.0], 4: [10.0, 15.0, 25.0, 35.0]}
HALF_A_DIGIT = 0.6  # of the last published digit
TIGHT = 1e-15  # a tolerance that asks for all digits of the parameters


def earthquake_start(n_states):
    matrix = np.full((n_states, n_states), 0.1) + (1 - 0.1 * n_states) * np.eye(n_states)
    return hf.HMM(np.full(n_states, 1 / n_states), matrix, hf.emissions.Poisson(RATES[n_states]))


def assert_never_falls(fitted):
    assert np.diff(fitted.history).min(initial=0.0) >= -4 * np.spacing(np.abs(fitted.history).max())


# Zucchini, MacDonald, Langrock, Hidden Markov Models for Time Series (2nd edition, 2016), chapters 3 and 4.
STATIONARY = {1: 391.91892817, 2: 342.31826679, 3: 329.46027626, 4: 327.83158534}
FREE = {2: 341.8787010119, 3: 328.5274833802}


@pytest.mark.parametrize("n_states", STATIONARY)
def test_earthquakes_with_a_stationary_start(n_states):
    fitted = earthquake_start(n_states).fit(EARTHQUAKES, initial="stationary", tolerance=1e-11)
    assert fitted.converged
    assert -fitted.log_likelihood == pytest.approx(STATIONARY[n_states], abs=HALF_A_DIGIT * 1e-8)
    model = fitted.model
    np.testing.assert_allclose(model.initial, hf.stationary_distribution(model.transition), atol=1e-15)
    if n_states == 3:
        assert (round(fitted.aic, 4), round(fitted.bic, 3)) == (676.9206, 700.976)


@pytest.mark.parametrize("n_states", FREE)
@pytest.mark.parametrize("accelerate", [True, False])
def test_earthquakes_with_a_free_start(n_states, accelerate):
    fitted = earthquake_start(n_states).fit(EARTHQUAKES, accelerate=accelerate)
    assert fitted.converged
    assert -fitted.log_likelihood == pytest.approx(FREE[n_states], abs=1e-8)
    assert -fitted.log_likelihood >= FREE[n_states] - 3e-10  # which stopped a little below the top
    assert fitted.at_boundary["initial"].sum() == n_states - 1
    assert fitted.n_parameters == n_states**2 + n_states - 1


def test_earthquakes_with_a_stationary_start_end_at_the_published_parameters():
    fitted = earthquake_start(2).fit(EARTHQUAKES, initial="stationary", tolerance=TIGHT)
    np.testing.assert_allclose(fitted.model.emission.rate, [15.47227699, 26.12543851], atol=1e-8)
    off_diagonal = fitted.model.transition[[0, 1], [1, 0]]
    np.testing.assert_allclose(off_diagonal, [0.06595936, 0.12850915], atol=HALF_A_DIGIT * 1e-8)
    assert fitted.gradient_norm < 1e-8


PLAIN = {
    2: {0: 413.27541962291346, 1: 343.76023411193627, 2: 343.13618141661305, 30: 341.87870617775728},
    3: {0: 342.9078075572505, 1: 332.12142978997272, 2: 330.63688835255662, 30: 328.52748338021871},
}


@pytest.mark.parametrize("n_states", PLAIN)
def test_plain_steps_to_twelve_digits(n_states):
    fitted = earthquake_start(n_states).fit(EARTHQUAKES, accelerate=False, tolerance=0.0, max_iterations=30)
    assert (fitted.n_iterations, len(fitted.history), fitted.converged) == (30, 31, False)
    for n, value in PLAIN[n_states].items():
        assert -fitted.history[n] == pytest.approx(value, rel=1e-13)


@needs_compiled
def test_leaps_save_most_of_the_steps():
    counts = []
    for n_states in (2, 3):
        start = earthquake_start(n_states)
        plain, leapt = (start.fit(EARTHQUAKES, initial="stationary", accelerate=leaps) for leaps in (False, True))
        assert leapt.log_likelihood == pytest.approx(plain.log_likelihood, abs=3e-8)
        assert_never_falls(plain)
        assert_never_falls(leapt)
        counts.append((leapt.n_iterations, plain.n_iterations))
    assert all(leapt < 0.7 * plain for leapt, plain in counts), counts


COUNTS = [3, 0, 1, 7, 9, None, 8, 1, 0, 2, 2, 12, 11, 6, 1, 0, 4, 8, 10, 7, 2, 1, 0, 0, 9, 12]
SEQUENCES = [COUNTS[:9], [], COUNTS[9:15], COUNTS[15:]]


def two_states(emission=None):
    return hf.HMM([0.6, 0.4], [[0.8, 0.2], [0.3, 0.7]], emission or hf.emissions.Poisson([1.5, 6.0]))


def assert_same_bits(first, second):
    assert first.model == second.model
    assert first.history.tobytes() == second.history.tobytes()


def test_one_state_is_the_textbook():
    fitted = hf.HMM([1.0], [[1.0]], hf.emissions.Poisson([1.0])).fit(COUNTS)
    seen = [count for count in COUNTS if count is not None]
    assert fitted.model.emission.rate[0] == pytest.approx(np.mean(seen), rel=1e-15)
    assert (fitted.n_parameters, fitted.n_observations, fitted.converged) == (1, len(seen), True)
    assert fitted.gradient_norm < 1e-14


def test_known_states_are_counted():
    states = [0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 0]
    counts = COUNTS[: len(states)]
    fitted = two_states().fit(counts, labels=states)
    model = fitted.model
    np.testing.assert_allclose(model.transition, [[5 / 7, 2 / 7], [2 / 7, 5 / 7]], rtol=1e-15)
    assert model.initial.tolist() == [1.0, 0.0]
    values = np.array(counts, dtype=float)
    means = [np.nanmean(values[np.array(states) == k]) for k in (0, 1)]
    np.testing.assert_allclose(model.emission.rate, means, rtol=1e-15)
    moves = 10 * np.log(5 / 7) + 4 * np.log(2 / 7)
    table = model.emission.log_likelihoods(counts)[np.arange(len(states)), states]
    assert fitted.log_likelihood == pytest.approx(moves + table.sum(), rel=1e-14)


@pytest.mark.parametrize("unknown", [-1, None, float("nan")])
def test_some_states_may_be_known(unknown):
    labels = [unknown] * len(COUNTS)
    assert_same_bits(two_states().fit(COUNTS, labels=labels), two_states().fit(COUNTS))
    labels[3] = 1
    masks = np.ones((len(COUNTS), 2), dtype=bool)
    masks[3] = [False, True]
    assert_same_bits(two_states().fit(COUNTS, labels=labels), two_states().fit(COUNTS, allowed=masks))


def test_a_weight_of_two_is_the_sequence_given_twice():
    twice = two_states().fit([SEQUENCES[0], SEQUENCES[0], SEQUENCES[2]])
    weighted = two_states().fit([SEQUENCES[0], SEQUENCES[2], SEQUENCES[3]], weights=[2, 1, 0])
    assert weighted.objective == pytest.approx(twice.objective, rel=1e-14)
    np.testing.assert_allclose(weighted.model.emission.rate, twice.model.emission.rate, rtol=1e-9)
    assert weighted.n_observations == twice.n_observations
    assert weighted.bic == pytest.approx(twice.bic, rel=1e-13)


def test_half_a_sequence():
    fitted = two_states().fit(SEQUENCES, weights=[0.5, 1, 1, 1])
    assert fitted.n_observations == 4 + 6 + 11


def test_sequences_come_in_many_ways():
    lengths = list(map(len, SEQUENCES))
    as_list = two_states().fit(SEQUENCES)
    assert_same_bits(as_list, two_states().fit(COUNTS, lengths=lengths))
    keyed = dict(zip("abcd", SEQUENCES, strict=True))
    weights = dict.fromkeys("abcd", 1.0)
    labels = {key: [-1] * len(sequence) for key, sequence in keyed.items()}
    assert_same_bits(as_list, two_states().fit(keyed, weights=weights, labels=labels))
    assert_same_bits(as_list, two_states().fit(SEQUENCES, labels=[[-1] * n for n in lengths]))
    assert_same_bits(as_list, hf.fit(two_states(), SEQUENCES, workers=2))


def test_what_is_fixed_stays():
    start = two_states()
    fitted = start.fit(COUNTS, fixed=["initial", "emission.rate"])
    assert fitted.model.initial.tolist() == start.initial.tolist()
    assert fitted.model.emission == start.emission
    assert fitted.n_parameters == 2
    assert_same_bits(fitted, start.fit(COUNTS, initial="fixed", fixed="emission"))
    mask = np.array([[True, True], [False, False]])
    fitted = start.fit(COUNTS, fixed={"transition": mask, "emission.rate": [False, True]})
    assert fitted.model.transition[0].tolist() == [0.8, 0.2]
    assert fitted.model.emission.rate[1] == 6.0
    assert fitted.n_parameters == 1 + 1 + 1
    assert_never_falls(fitted)


def test_a_zero_of_the_start_stays_and_is_no_parameter():
    start = hf.HMM([1.0, 0.0], [[0.8, 0.2], [0.0, 1.0]], hf.emissions.Poisson([1.5, 6.0]))
    fitted = start.fit(COUNTS)
    assert fitted.model.transition[1].tolist() == [0.0, 1.0]
    assert fitted.n_parameters == 1 + 2
    assert not any(mask.any() for mask in fitted.at_boundary.values())


def test_tied_entries_are_one_number():
    start = hf.HMM([0.4, 0.3, 0.3], np.full((3, 3), 1 / 3), hf.emissions.Poisson([1.0, 5.0, 9.0]))
    fitted = start.fit(COUNTS, tied={"emission.rate": [0, 1, 1]}, labels=[0] + [-1] * 25)
    rate = fitted.model.emission.rate
    assert rate[1] == rate[2] != rate[0]
    assert fitted.n_parameters == 2 + 6 + 2
    assert_never_falls(fitted)
    together = start.fit(COUNTS, tied={"emission.rate": "all"})
    seen = [count for count in COUNTS if count is not None]
    np.testing.assert_allclose(together.model.emission.rate, np.mean(seen), rtol=1e-14)
    assert together.n_parameters == 2 + 6 + 1


@pytest.mark.parametrize(("argument", "groups"), [("fixed", None), ("tied", [[0, 1, 2], [3, 0, 4]])])
def test_leaps_keep_rows_of_symbols_that_are_held_or_tied(argument, groups):
    """They go on in the logs of each entry, whatever the sum."""
    rng = np.random.default_rng(5)
    symbols = np.repeat(rng.integers(0, 3, 25), rng.integers(1, 4, 25))
    held = np.array([[True, False, False], [False, False, True]])
    emission = hf.emissions.Categorical([[0.4, 0.5, 0.1], [0.3, 0.4, 0.3]])
    start = hf.HMM([0.5, 0.5], [[0.8, 0.2], [0.3, 0.7]], emission)
    models = []

    def watch(n, model, objective):
        models.append(model.emission.probabilities)

    given = {"emission.probabilities": held if groups is None else groups}
    fitted = hf.fit(start, symbols, tolerance=1e-12, callback=watch, **{argument: given})
    assert_never_falls(fitted)
    for rows in [*models, fitted.model.emission.probabilities]:
        assert (np.abs(rows.sum(axis=1) - 1) <= 2 * np.finfo(float).eps).all()
        if groups is None:
            assert (rows[held] == emission.probabilities[held]).all()
        else:
            assert rows[0, 0] == rows[1, 1]


def test_tied_transitions():
    fitted = two_states().fit(COUNTS, tied={"transition": [[0, 1], [1, 0]]})
    transition = fitted.model.transition
    assert (transition[0, 0], transition[0, 1]) == (transition[1, 1], transition[1, 0])
    assert fitted.n_parameters == 1 + 1 + 2
    assert_never_falls(fitted)
    alike = two_states().fit(COUNTS, tied={"transition": "all"}).model.transition
    assert alike[0].tolist() == alike[1].tolist()


def test_a_prior_is_in_the_objective():
    prior = hf.Prior(
        initial=hf.priors.Dirichlet(2.0),
        transition=hf.priors.sticky(1.5, 4.0),
        emission=hf.priors.Gamma([2.0, 3.0], 0.5),
    )
    for initial in ("free", "stationary"):
        fitted = two_states().fit(COUNTS, prior=prior, initial=initial, tolerance=TIGHT)
        model = fitted.model
        log_prior = prior.transition.log_density(model.transition) + prior.emission.log_density(model.emission.rate)
        if initial == "free":
            log_prior += prior.initial.log_density(model.initial)
        assert fitted.log_prior == pytest.approx(log_prior, rel=1e-14)
        assert fitted.log_likelihood == pytest.approx(model.log_likelihood(COUNTS), rel=1e-14)
        assert fitted.objective == pytest.approx(fitted.log_likelihood + log_prior, rel=1e-14)
        assert fitted.gradient_norm < 1e-8
        assert_never_falls(fitted)
        assert not any(mask.any() for mask in fitted.at_boundary.values())


def test_a_state_that_is_never_entered_keeps_what_it_is():
    start = hf.HMM([1.0, 0.0], [[1.0, 0.0], [0.3, 0.7]], hf.emissions.Poisson([1.5, 6.0]))
    fitted = start.fit(COUNTS)
    assert fitted.unvisited == (1,)
    assert fitted.model.transition[1].tolist() == [0.3, 0.7]
    assert fitted.model.emission.rate[1] == 6.0


def test_a_rate_of_zero_is_an_optimum():
    counts = [0, 0, 0, 0, 9, 8, 11, 10, 0, 0, 0, 0, 0, 12, 9]
    fitted = two_states().fit(counts)
    assert fitted.model.emission.rate[0] == 0.0
    assert fitted.at_boundary["emission.rate"].tolist() == [True, False]
    assert fitted.gradient_norm < 1e-6
    assert fitted.n_parameters == 1 + 2 + 2


@needs_compiled
def test_what_was_lifted_from_a_bound_comes_back():
    """A probability that is far too small to come back by steps, in an otherwise good start."""
    rng = np.random.default_rng(0)
    truth = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Categorical([[0.6, 0.3, 0.1], [0.1, 0.2, 0.7]]))
    _, symbols = truth.simulate(300, rng)
    plain = truth.fit(symbols)
    tiny = 1e-280
    trapped = hf.HMM([0.5, 0.5], [[1.0, tiny], [0.2, 0.8]], truth.emission)
    fitted = trapped.fit(symbols)
    assert fitted.objective == pytest.approx(plain.objective, abs=1e-7)
    assert_never_falls(fitted)


def test_it_may_be_stopped():
    seen = []

    def stop(n, model, objective):
        seen.append((n, model.emission.rate[0], objective))
        return n == 4

    fitted = two_states().fit(COUNTS, callback=stop)
    assert (fitted.n_iterations, fitted.converged, fitted.reason) == (4, False, "the callback said so")
    assert [n for n, _, _ in seen] == [1, 2, 3, 4]
    assert [objective for _, _, objective in seen] == fitted.history[1:].tolist()
    assert seen[-1][1] == fitted.model.emission.rate[0]
    fitted = two_states().fit(COUNTS, max_iterations=0)
    assert (fitted.model, fitted.n_iterations, fitted.converged) == (two_states(), 0, False)
    assert two_states().fit(COUNTS, callback=lambda n, *_: np.bool_(n == 2)).n_iterations == 2
    assert two_states().fit(COUNTS, max_iterations=3).reason == "max_iterations allows no more"


@pytest.mark.parametrize("scale", [1e-100, 1.0])
def test_normal_states_that_begin_far_from_all_that_is_seen(scale):
    rng = np.random.default_rng(1)
    data = np.repeat([0.0, 20.0], 30) + rng.normal(size=60)
    emission = hf.emissions.Gaussian(np.array([0.0, 20.0]) * scale, np.ones(2) * scale**2)
    fitted = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], emission).fit((data + 1e8) * scale)
    assert fitted.converged
    assert np.isfinite(fitted.gradient_norm)
    np.testing.assert_allclose(fitted.model.emission.mean[1], (data.mean() + 1e8) * scale, rtol=1e-14)
    np.testing.assert_allclose(fitted.model.emission.covariance[1], data.var() * scale**2, rtol=1e-6)


def test_all_there_is_to_gain_may_be_asked_for():
    fitted = two_states().fit(COUNTS, tolerance=0.0)
    assert fitted.converged
    assert fitted.gradient_norm < 1e-9
    assert_never_falls(fitted)


class Bar:
    """Stands in for tqdm's."""

    shown: ClassVar[list["Bar"]] = []

    def __init__(self, **options):
        self.options, self.n = options, 0
        self.shown.append(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def update(self, n):
        self.n += n


def test_a_bar_is_shown(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", sys)
    monkeypatch.setitem(sys.modules, "tqdm.auto", type("module", (), {"tqdm": Bar}))
    fitted = two_states().fit(COUNTS, progress=True, max_iterations=50)
    (bar,) = Bar.shown
    assert bar.options["total"] == 50
    assert bar.options["unit"] == " iterations"
    assert fitted.n_iterations - 2 <= bar.n <= fitted.n_iterations  # zeros that are set are none


KINDS = ["start", "quantiles", "k-means", "responsibilities", "points"]


@needs_compiled
def test_restarts_find_the_top():
    start = earthquake_start(4)
    alone = start.fit(EARTHQUAKES, initial="fixed")
    fitted = start.fit(EARTHQUAKES, initial="fixed", restarts=10, rng=0)
    assert fitted.objective > alone.objective + 0.09
    assert [restart.kind for restart in fitted.restarts] == [*KINDS, *KINDS[2:], *KINDS[2:]]
    outcomes = [restart.outcome for restart in fitted.restarts]
    assert outcomes.count("finished") == 3
    assert outcomes.count("stopped") == 8
    assert fitted.objective == max(restart.late for restart in fitted.restarts if restart.outcome == "finished")
    assert all(restart.late >= restart.early for restart in fitted.restarts if restart.outcome == "finished")
    assert_same_bits(*(two_states().fit(COUNTS, restarts=2, rng=0) for _ in range(2)))
    assert_never_falls(fitted)


@needs_compiled
@pytest.mark.parametrize("seed", range(4))
def test_states_keep_their_names_where_others_climb_as_high(seed):
    start = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hf.emissions.Poisson([2, 9]), state_names=["calm", "busy"])
    counts = start.simulate(200, rng=5)[1]
    fitted = start.fit(counts, restarts=6, rng=seed)
    assert [restart.outcome for restart in fitted.restarts] == ["finished", *["stopped"] * 6]
    assert fitted.model.state_names == start.state_names
    assert fitted.model.emission.rate == pytest.approx(start.fit(counts).model.emission.rate, abs=1e-3)


def climbed_to(objective, has_converged=True):
    return Climbed(Point(None, None, objective, 0.0), [objective], "", has_converged)


def ends_of(early, gain, tolerance=1e-8):
    """Which of some climbs is taken to be the highest, where each rises so much to its end; and what each came to."""
    models = ((str(n), lambda n=n: n) for n in range(len(early)))
    best, came_to = climb_from_many(
        models,
        lambda n: early[n],
        lambda begun: climbed_to(begun.point.objective + gain[begun.point.objective]),
        tolerance,
    )
    return best.point.objective, [restart.outcome for restart in came_to]


def test_the_first_start_that_is_at_the_top_counts():
    low, high = -10.0011, -10.001
    early = [climbed_to(low), climbed_to(high)]
    assert ends_of(early, {low: 0.0011, high: 0.001 + 1e-9}) == (low + 0.0011, ["finished", "stopped"])
    assert ends_of(early, {low: 0.0, high: 0.0}) == (high, ["stopped", "finished"])  # two tops, after all
    apart = [climbed_to(-12.0), climbed_to(-11.0)]
    assert ends_of(apart, {-12.0: 2.0, -11.0: 1.0 + 1e-9}) == (-10.0, ["finished", "finished"])
    assert ends_of(apart, {-12.0: 2.0, -11.0: 1.0 + 1e-7})[0] > -10.0


def test_restarts_keep_what_is_held_and_known():
    start = hf.HMM([0.5, 0.5], [[0.8, 0.2], [0.0, 1.0]], hf.emissions.Poisson([1.5, 6.0]))
    masks = np.ones((len(COUNTS), 2), dtype=bool)
    masks[:2, 1] = False
    fitted = start.fit(COUNTS, restarts=3, rng=1, fixed={"emission.rate": [False, True]}, allowed=masks)
    assert fitted.model.emission.rate[1] == 6.0
    assert fitted.model.transition[1].tolist() == [0.0, 1.0]
    assert np.isfinite(fitted.objective)


def test_expected_statistics():
    model = two_states()
    statistics = hf.expected_statistics(model, COUNTS)
    smoothed, moves = model.smooth(COUNTS).probabilities, model.expected_transitions(COUNTS)
    np.testing.assert_allclose(statistics.initial, smoothed[0], rtol=1e-13)
    np.testing.assert_allclose(statistics.transition, moves.counts, rtol=1e-13)
    counts = np.array(COUNTS, dtype=float)
    seen = ~np.isnan(counts)
    np.testing.assert_allclose(statistics.emission["weight"], smoothed[seen].sum(axis=0), rtol=1e-13)
    np.testing.assert_allclose(statistics.emission["sum"], counts[seen] @ smoothed[seen], rtol=1e-13)
    assert statistics.log_likelihood == pytest.approx(model.log_likelihood(COUNTS), rel=1e-15)
    several = hf.expected_statistics(model, SEQUENCES, weights=[1, 1, 0, 2])
    parts = [hf.expected_statistics(model, SEQUENCES[n]) for n in (0, 3)]
    np.testing.assert_allclose(several.transition, parts[0].transition + 2 * parts[1].transition, rtol=1e-13)
    assert several.log_likelihood.shape == (4,)
    assert several.to_frame(index=["a", "b"]).index.tolist() == ["a", "b"]


def test_impossible_evidence_is_told_by_its_key():
    start = hf.HMM([1.0, 0.0], [[1.0, 0.0], [0.0, 1.0]], hf.emissions.Poisson([0.0, 1.0]))
    with pytest.raises(hf.ImpossibleEvidenceError, match="step 1 of sequence 'b'"):
        start.fit({"a": [0, 0], "b": [0, 3]})
    with pytest.raises(hf.ImpossibleEvidenceError, match="from step 0 on"):
        hf.expected_statistics(start, [2])
    assert start.fit({"a": [0, 0], "b": [0, 3]}, weights=[1, 0]).log_likelihood == 0.0


class Shifted:
    """An emission of one's own: counts of which none is 0, Poisson once one is taken off."""

    def __init__(self, rate, is_spoilt=False):
        self.rate, self.is_spoilt = np.asarray(rate, dtype=float), is_spoilt
        self.n_states = self.n_parameters = len(self.rate)
        self.support = [1, np.inf, 0.5]  # nothing of a state

    def log_likelihoods(self, observations):
        return hf.emissions.Poisson(self.rate).log_likelihoods(np.asarray(observations) - 1)

    def sample(self, states, rng):
        return 1 + rng.poisson(self.rate[states])

    def estimated(self, observations, weights, prior=None):
        if self.is_spoilt:
            return Shifted(self.rate * 2, True)
        counts = np.asarray(observations) - 1.0
        return Shifted(counts @ weights / weights.sum(axis=0))

    @classmethod
    def guessed(cls, observations, weights):
        return cls([1.0]).estimated(observations, weights)


def test_an_emission_of_ones_own_learns():
    counts = np.array([count for count in COUNTS if count is not None])
    own = two_states(Shifted([1.5, 6.0])).fit(counts + 1)
    same = two_states().fit(counts, accelerate=False)
    assert own.objective == pytest.approx(same.objective, abs=2e-8)
    np.testing.assert_allclose(own.model.emission.rate, same.model.emission.rate, atol=1e-3)
    assert own.n_parameters == same.n_parameters == 5
    assert np.isnan(own.gradient_norm)
    assert own.converged
    assert_never_falls(own)
    assert hf.expected_statistics(own.model, counts + 1).emission == {}
    assert repr(own).splitlines()[3].split() == ["state", "initial", "to", "0", "to", "1", "rate"]
    assert f"{own.model.emission.rate[0]:.5g}" in repr(own)


def test_an_emission_of_ones_own_in_groups_of_a_frame():
    pd = pytest.importorskip("pandas")
    counts = np.array([count for count in COUNTS if count is not None])
    frame = pd.DataFrame({"who": ["a"] * 10 + ["b"] * 15, "count": counts + 1})
    grouped = two_states(Shifted([1.5, 6.0])).fit(frame.groupby("who")["count"], allowed=None)
    whole = two_states(Shifted([1.5, 6.0])).fit(counts + 1, lengths=[10, 15])
    assert grouped.objective == whole.objective


def test_an_emission_of_ones_own_may_be_held_and_restarted():
    counts = np.array([count for count in COUNTS if count is not None]) + 1
    start = two_states(Shifted([1.5, 6.0]))
    masks = np.ones((len(counts), 2), dtype=bool)
    masks[0] = [True, False]
    held = start.fit(counts, fixed="emission", allowed=masks)
    assert held.model.emission is start.emission
    assert held.n_parameters == 3
    assert np.isfinite(held.gradient_norm)
    restarted = start.fit(counts, restarts=2, rng=0)
    assert [restart.kind for restart in restarted.restarts] == ["start", "responsibilities", "responsibilities"]


def test_an_emission_that_lowers_the_objective_is_told_of():
    with pytest.raises(hf.ObjectiveFellError, match="lowered the objective from") as caught:
        two_states(Shifted([1.5, 6.0], is_spoilt=True)).fit([2, 3, 1, 9, 8])
    assert caught.value.after < caught.value.before


class Collapsing(Shifted):
    """One that has no most probable parameters."""

    def estimated(self, observations, weights, prior=None):
        raise hf.DegenerateFitError(1, (1.0,))


def test_a_collapse_from_all_starts_is_one():
    with pytest.raises(hf.DegenerateFitError, match="state 1 collapses"):
        two_states(Collapsing([1.5, 6.0])).fit([2, 3, 1, 9, 8], restarts=2, rng=0)


class CollapsingElsewhere(Shifted):
    """One that collapses from starts that know nothing of it."""

    def estimated(self, observations, weights, prior=None):
        if np.abs(weights[3, 1] - 1) > 0.01:  # of a 9
            raise hf.DegenerateFitError(0, (1.0,))
        return self


def test_a_start_that_collapses_is_marked():
    start = two_states(CollapsingElsewhere([1.5, 6.0]))
    fitted = start.fit([2, 3, 1, 9, 8], restarts=2, rng=0)
    outcomes = [restart.outcome for restart in fitted.restarts]
    assert outcomes == ["finished", "collapsed", "collapsed"]
    assert np.isnan(fitted.restarts[1].early)
    assert fitted.objective == fitted.restarts[0].late


def drawn_model(kind, n_states, rng):
    emissions = {
        "poisson": lambda: hf.emissions.Poisson(rng.gamma(2.0, 4.0, n_states)),
        "categorical": lambda: hf.emissions.Categorical(rng.dirichlet(np.ones(4), n_states)),
        "bernoulli": lambda: hf.emissions.Bernoulli(rng.uniform(0.05, 0.95, n_states)),
    }
    transition = rng.dirichlet(np.full(n_states, 2.0), n_states)
    return hf.HMM(rng.dirichlet(np.ones(n_states)), transition, emissions[kind]())


@settings(max_examples=8)
@given(
    seed=st.integers(0, 10**6),
    kind=st.sampled_from(["poisson", "categorical", "bernoulli"]),
    n_states=st.integers(1, 4),
    initial=st.sampled_from(["free", "stationary", "fixed"]),
    accelerate=st.booleans(),
    has_prior=st.booleans(),
)
def test_no_step_lowers_the_objective(seed, kind, n_states, initial, accelerate, has_prior):
    rng = np.random.default_rng(seed)
    truth, start = drawn_model(kind, n_states, rng), drawn_model(kind, n_states, rng)
    lengths = rng.integers([1, 0, 0, 0], 20)
    observations = np.concatenate([truth.simulate(max(int(n), 1), rng)[1][:n] for n in lengths]).astype(float)
    observations[1:][rng.random(len(observations) - 1) < 0.1] = np.nan
    prior = hf.Prior(transition=hf.priors.sticky(1.2, 1.0)) if has_prior else None
    options = {"lengths": lengths, "initial": initial, "accelerate": accelerate, "prior": prior, "tolerance": 1e-12}
    fitted = start.fit(observations, max_iterations=25, **options)
    assert_never_falls(fitted)
    log_likelihood = fitted.model.log_likelihood(observations, lengths=lengths).sum()
    assert fitted.log_likelihood == pytest.approx(log_likelihood, rel=1e-13, abs=1e-13)
    assert fitted.objective == pytest.approx(fitted.log_likelihood + fitted.log_prior, rel=1e-14, abs=1e-14)
    for mine, given_there in ((fitted.model.initial, start.initial), (fitted.model.transition, start.transition)):
        np.testing.assert_allclose(mine.sum(axis=-1), 1.0, rtol=1e-15 * 8)
        assert mine.shape == given_there.shape


@needs_compiled
@pytest.mark.parametrize("seed", range(3))
def test_the_tolerance_bounds_what_is_to_come(seed):
    rng = np.random.default_rng(seed)
    truth, start = drawn_model("poisson", 2, rng), drawn_model("poisson", 2, rng)
    _, observations = truth.simulate(80, rng)
    top = start.fit(observations, tolerance=1e-14).objective
    for tolerance in (1e-3, 1e-5, 1e-8):
        for accelerate in (True, False):
            fitted = start.fit(observations, tolerance=tolerance, accelerate=accelerate)
            assert fitted.converged
            assert top - fitted.objective <= 2 * tolerance, (tolerance, accelerate)


@needs_compiled
def test_the_casino_is_found_within_four_standard_errors():
    fair, loaded = [1 / 6] * 6, [0.1] * 5 + [0.5]
    casino = hf.HMM([0.5, 0.5], [[0.95, 0.05], [0.1, 0.9]], hf.emissions.Categorical([fair, loaded]))
    _, rolls = casino.simulate(5000, rng=0)
    start = hf.HMM([0.5, 0.5], [[0.8, 0.2], [0.2, 0.8]], hf.emissions.Categorical([[0.2] * 4 + [0.1] * 2, loaded]))
    fitted = start.fit(rolls)
    assert fitted.converged
    errors = fitted.standard_errors()
    for mine, truth, error in (
        (fitted.model.transition, casino.transition, errors.transition),
        (fitted.model.emission.probabilities, casino.emission.probabilities, errors.emission["probabilities"]),
    ):
        assert (np.abs(mine - truth) <= 4 * error).all()
        assert (error < 0.1).all()


def test_what_a_state_of_a_stationary_chain_hardly_does_stays_above_zero():
    """Counts that fall below the smallest double, of a move without which the chain would settle nowhere."""
    counts, firsts = np.array([[5.0, 1e-320], [2.0, 3.0]]), np.array([1.0, 0.0])
    before = np.array([[1.0, 1e-300], [0.5, 0.5]])
    after = settling.most_likely(counts, firsts, before, np.arange(4).reshape(2, 2))
    np.testing.assert_allclose(after.sum(axis=1), 1.0, rtol=1e-15)
    assert after[0, 1] > 0


def test_a_stationary_chain_does_not_come_apart():
    """Neither state is left in the data: what is most likely has two places to settle in, and is no model."""
    counts, firsts = np.diag([2.0, 2.0]), np.array([1.0, 1.0])
    before = np.array([[0.9, 0.1], [0.1, 0.9]])
    after = settling.most_likely(counts, firsts, before, np.arange(4).reshape(2, 2))
    assert (after[[0, 1], [1, 0]] > 0).all()
    assert (after[[0, 1], [1, 0]] < 0.01).all()
    fitted = two_states().fit([[1, 0, 2], [5, 6, 4]], labels=[[0, 0, 0], [1, 1, 1]], initial="stationary")
    assert_never_falls(fitted)
    assert fitted.model.transition[0, 1] > 0


def test_a_stationary_maximum_has_no_slope():
    rng = np.random.default_rng(3)
    counts, firsts = rng.gamma(2.0, 3.0, (4, 4)), rng.gamma(2.0, 1.0, 4)
    before = rng.dirichlet(np.ones(4), 4)
    for held in ([], [(0, 0), (2, 1)]):
        groups = np.arange(16).reshape(4, 4)
        for index in held:
            groups[index] = -1
        matrix = settling.most_likely(counts, firsts, before, groups)
        initial = hf.stationary_distribution(matrix)
        slopes = counts / matrix + settling.slopes(initial, matrix, firsts / initial)
        free = np.where(groups >= 0, matrix, 0.0)
        common = (slopes * free).sum(axis=1, keepdims=True) / free.sum(axis=1, keepdims=True)
        np.testing.assert_allclose((slopes - common) * free, 0.0, atol=1e-10)
        assert all(matrix[index] == before[index] for index in held)


def test_a_stationary_maximum_of_a_chain_that_hardly_moves():
    """Little shares of a turn are large ones of what leaves the states."""
    counts, firsts = np.array([[7.0, 8.5e-6], [8.5e-6, 0.0]]), np.array([3.0, 0.5])
    before = np.array([[1 - 8.5e-4, 8.5e-4], [5e-3, 1 - 5e-3]])
    after = settling.most_likely(counts, firsts, before, np.arange(4).reshape(2, 2))
    heights = [
        (counts * np.log(matrix)).sum() + firsts @ np.log(hf.stationary_distribution(matrix))
        for matrix in (before, after)
    ]
    assert heights[1] > heights[0] + 1e-3


def test_what_would_fall_stays(monkeypatch):
    before = np.array([[0.7, 0.3], [0.4, 0.6]])
    heights = iter([0.0, *[-1.0] * 6])
    monkeypatch.setattr(settling, "_height", lambda *_: next(heights))
    after = settling.most_likely(np.ones((2, 2)), np.ones(2), before, np.arange(4).reshape(2, 2))
    assert after is before
    assert next(heights, None) is None


def test_restarts_of_a_stationary_chain():
    fitted = two_states().fit(COUNTS, initial="stationary", restarts=2, rng=0)
    model = fitted.model
    np.testing.assert_allclose(model.initial, hf.stationary_distribution(model.transition), atol=1e-15)
    assert [restart.kind for restart in fitted.restarts] == KINDS[:3]


@needs_compiled
@pytest.mark.skipif(not hasattr(hf.emissions.Gaussian, "estimated"), reason="normal distributions do not learn yet")
@pytest.mark.parametrize("kind", ["variances", "full", "tied", "spherical"])
def test_normal_vectors_are_fitted(kind):
    covariance = {
        "variances": [[1.0, 2.0], [0.5, 1.0]],
        "full": [[[1.0, 0.3], [0.3, 2.0]], [[0.5, 0.0], [0.0, 1.0]]],
        "tied": [[1.0, 0.3], [0.3, 2.0]],
        "spherical": [1.0, 2.0],
    }[kind]
    emission = hf.emissions.Gaussian([[0.0, 1.0], [3.0, -2.0]], covariance, kind=kind)
    truth = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], emission)
    _, observations = truth.simulate(200, rng=2)
    observations[5] = np.nan
    observations[9, 0] = np.nan
    fitted = truth.fit(observations, tolerance=1e-10)
    assert fitted.converged
    assert fitted.n_observations == 199
    assert fitted.n_parameters == 1 + 2 + 4 + {"variances": 4, "full": 6, "tied": 3, "spherical": 2}[kind]
    assert fitted.gradient_norm < 1e-5
    assert_never_falls(fitted)
    shared = truth.fit(observations, tied={"emission.mean": "all"}, fixed="transition")
    assert shared.model.emission.mean[0].tolist() == shared.model.emission.mean[1].tolist()
    assert_never_falls(shared)
