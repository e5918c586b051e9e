"""Paths given observations: their frequencies against all paths, nothing impossible, the same from the same seed."""

import itertools

import mpmath
import numpy as np
import pytest
from scipy import stats

import hmmfilter as hf
from hmmfilter._drivers import jobs
from hmmfilter._tiers import kernels
from tests import cases, oracle
from tests.conftest import COMPILED
from tests.test_filtering import FAMILY, impossible_at
from tests.wing import room

LEAST_P_VALUE = 1e-4
LEAST_EXPECTED = 5  # times that a χ² test wants to see what it counts; what is rarer is counted together
SIZE = 20_000 if COMPILED else 1_500
NEVER = -np.inf


class Given(np.random.Generator):
    """A generator whose uniform numbers are known beforehand."""

    def __init__(self, uniforms):
        super().__init__(np.random.PCG64(0))
        self.uniforms = uniforms

    def random(self, out):
        out[:] = self.uniforms


def assert_frequencies(counts, probabilities):
    """A χ² test; what cannot be must not have been counted at all."""
    counts, probabilities = np.array(counts), np.array([float(p) for p in probabilities])
    assert not counts[probabilities == 0].any()
    n = counts.sum()
    is_rare = probabilities * n < LEAST_EXPECTED
    observed = np.append(counts[~is_rare], counts[is_rare].sum())
    expected = np.append(probabilities[~is_rare], probabilities[is_rare].sum()) * n
    if expected[-1] < LEAST_EXPECTED:
        assert stats.poisson.sf(observed[-1] - 1, expected[-1]) > LEAST_P_VALUE
        observed, expected = observed[:-1], expected[:-1]
    if len(expected) > 1:
        assert stats.chisquare(observed, expected * observed.sum() / expected.sum()).pvalue > LEAST_P_VALUE


@mpmath.workdps(oracle.DIGITS)
def all_paths(case):
    """Every path, and its exact probability given the observations."""
    (start,), b = oracle.exp_table([case[0]]), oracle.exp_table(case[2])
    moves = oracle._moves(case[1], len(b))
    joint = {}
    for path in itertools.product(range(len(start)), repeat=len(b)):
        steps = (moves[t][i][j] for t, (i, j) in enumerate(itertools.pairwise(path)))
        joint[path] = (
            start[path[0]] * mpmath.fprod(row[k] for row, k in zip(b, path, strict=True)) * mpmath.fprod(steps)
        )
    total = mpmath.fsum(joint.values())
    return {path: p / total for path, p in joint.items()}


def check_all_paths(case, seed=0):
    exact = all_paths(case)
    paths, counts = np.unique(hf.sample_paths(*case, SIZE, seed), axis=0, return_counts=True)
    seen = dict(zip(map(tuple, paths.tolist()), counts, strict=True))
    assert_frequencies([seen.pop(path, 0) for path in exact], exact.values())
    assert not seen


@FAMILY
@pytest.mark.parametrize(("n_steps", "n_states"), [(5, 2), (3, 3)])
def test_against_all_paths(family, n_steps, n_states):
    check_all_paths(cases.draw(family, 0, n_steps, n_states))


@pytest.mark.parametrize("family", [cases.ordinary, cases.zeros, cases.gaps, cases.rarer], ids=lambda f: f.__name__)
def test_changing_transitions_against_all_paths(family):
    check_all_paths(cases.changing(family, 0, 5, 2))


def test_many_states_against_all_paths():
    check_all_paths(cases.draw(cases.ordinary, 0, 2, 9))


@pytest.mark.parametrize("family", [cases.ordinary, cases.mixed, cases.blocks], ids=lambda f: f.__name__)
def test_each_step_has_its_smoothed_frequencies(family, exact):
    case, answer = exact(family, 1, 40, 3)
    paths = hf.sample_paths(*case, SIZE // 5, 2)
    for t, smoothed in enumerate(answer.smoothed):
        assert_frequencies(np.bincount(paths[:, t], minlength=3), smoothed)


def joints(case, paths):
    """log p(path, v_1:T) of each path."""
    log_initial, log_transition, log_likelihoods = case
    steps = np.arange(len(log_likelihoods))
    moves = np.broadcast_to(log_transition, (len(steps) - 1, *log_transition.shape[-2:]))
    total = log_initial[paths[:, 0]] + log_likelihoods[steps, paths].sum(axis=1)
    return total + moves[steps[:-1], paths[:, :-1], paths[:, 1:]].sum(axis=1)


@FAMILY
@pytest.mark.parametrize("n_states", [2, 9])
@pytest.mark.parametrize("uniform", [None, 0.0, 0.5, np.nextafter(1, 0)])
def test_nothing_impossible_is_drawn(family, n_states, uniform):
    for draw in (cases.draw, cases.changing):
        case = draw(family, 3, 12, n_states)
        rng = 0 if uniform is None else Given(uniform)
        assert np.isfinite(joints(case, hf.sample_paths(*case, 3, rng))).all()


def test_the_least_and_the_largest_uniform():
    """Impossible states stand before and behind the possible ones."""
    log_likelihoods = cases.logs(np.tile([0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0], (3, 1)))
    case = np.zeros(9), np.zeros((9, 9)), log_likelihoods
    assert hf.sample_paths(*case, 1, Given(np.nextafter(1, 0))).tolist() == [[1, 1, 1]]
    assert hf.sample_paths(*case, 1, Given(0.0)).tolist() == [[4, 4, 4]]


def test_a_level_that_no_running_sum_reaches():
    weights = np.array([0.0, 0.5, 0.0, 0.25, 0.0])
    assert [room("drawing").pick(weights, level) for level in (1e-300, 0.5, 0.6, 0.75, np.nextafter(0.75, 1))] == [
        1,
        1,
        3,
        3,
        3,
    ]


@pytest.fixture
def traced(monkeypatch):
    """How many pieces are computed again in wide numbers."""
    begins, run_trace = [], kernels.run_trace
    monkeypatch.setattr(kernels, "run_trace", lambda *given: begins.append(given[2]) or run_trace(*given))
    return begins


@pytest.mark.parametrize("nats", [-800.0, -40_000.0])
def test_moves_that_no_double_holds(nats, traced):
    """Both ways into the last state are beyond all doubles, and one is twice as likely as the other."""
    log_transition = np.array([[0.0, -1.0, nats], [-2.0, 0.0, nats + np.log(2)], [0.0, 0.0, 0.0]])
    odds = [1.0, 3.0, 0.25]  # of states 1 and 0, by what is observed at every other step
    log_likelihoods = np.vstack([[[0.0, np.log(ratio), NEVER], [NEVER, NEVER, 0.0]] for ratio in odds])
    states = hf.sample_paths(np.zeros(3), log_transition, log_likelihoods, SIZE, 0)
    assert traced == [0]
    assert (states[:, 1::2] == 2).all()
    for t, ratio in enumerate(odds):
        assert_frequencies(np.bincount(states[:, 2 * t]), np.array([1, 2 * ratio]) / (1 + 2 * ratio))


def test_products_of_which_doubles_keep_one_digit(traced):
    """1.4 and 2.8 times the smallest double, which round to one and three times: 1 : 3 would be drawn, not 1 : 2."""
    log_transition = np.full((4, 4), NEVER)
    log_transition[0, 0] = 0.0
    log_transition[1:3, 3] = -690.0, -690.0 + np.log(2)
    hopeless = np.log(1.4) - 1074 * np.log(2) + 690.0
    log_likelihoods = np.array([[0.0, hopeless, hopeless, NEVER], [NEVER, NEVER, NEVER, 0.0]])
    states = hf.sample_paths(np.zeros(4), log_transition, log_likelihoods, SIZE, 0)
    assert traced == [0]
    assert_frequencies(np.bincount(states[:, 0]), [0, 1 / 3, 2 / 3])


@pytest.mark.parametrize("nats", [-900.0, -40_000.0])
def test_states_that_no_double_holds(nats, traced):
    """What is as good as certain turns out to be impossible; of two hopeless states, one is three times as likely."""
    log_transition = np.array([[0.0, NEVER, NEVER], [NEVER, 0.0, NEVER], [NEVER, NEVER, 0.0]])
    log_likelihoods = np.array([[0.0, nats, nats + np.log(3)], [0.0, 0.0, 0.0], [NEVER, 0.0, 0.0]])
    states = hf.sample_paths(np.zeros(3), log_transition, log_likelihoods, SIZE, 0)
    assert traced == [0]
    assert (states == states[:, :1]).all()
    assert_frequencies(np.bincount(states[:, 0]), [0, 1 / 4, 3 / 4])


@pytest.mark.parametrize("n_states", [2, 9])
def test_doubles_do_beside_states_that_they_do_not_hold(n_states, traced):
    """A state a thousand nats down need not be looked at, as long as nothing depends on it."""
    case = cases.draw(cases.gaps, 0, 30, n_states)
    log_transition = np.log(np.full((n_states, n_states), 1 / n_states))
    paths = hf.sample_paths(case[0], log_transition, case[2], 5, 0)
    assert np.array_equal(paths, hf.sample_paths(case[0], log_transition, np.maximum(case[2], -300), 5, 0))
    assert traced == []


def test_the_same_seed_gives_the_same_paths():
    case = cases.draw(cases.ordinary, 0, 20, 3)
    paths = hf.sample_paths(*case, 6, 3)
    assert (paths.shape, paths.dtype) == ((6, 20), np.int64)
    rng = np.random.default_rng(3)
    assert np.array_equal(hf.sample_paths(*case, 6, rng), paths)
    assert np.array_equal(hf.sample_paths(*case, 4, 3), paths[:4])
    assert not np.array_equal(hf.sample_paths(*case, 6, rng), paths)
    assert not np.array_equal(hf.sample_paths(*case, 6), hf.sample_paths(*case, 6))


@pytest.mark.parametrize("family", [cases.ordinary, cases.mixed, cases.rarer], ids=lambda f: f.__name__)
@pytest.mark.parametrize("is_changing", [False, True])
def test_pieces_and_workers_change_no_bit(family, is_changing, monkeypatch, short_blocks):
    n_states, n_rows = short_blocks
    lengths = [2 * n_rows + 2, n_rows, 1, 2, n_rows + 1, 1]
    case = cases.draw(family, 6, sum(lengths), n_states)
    options = {"lengths": lengths}
    if is_changing:
        regimes = np.stack([case[1], case[1] + np.random.default_rng(0).normal(0, 3, case[1].shape)])
        case = case[0], regimes, case[2]
        options["transition_index"] = np.arange(sum(lengths)) // 4 % 2
    expected = hf.sample_paths(*case, 3, 1, **options)
    monkeypatch.setattr(jobs, "PIECE", 1)
    for workers in (1, 2, -1):
        assert np.array_equal(hf.sample_paths(*case, 3, 1, **options, workers=workers), expected)


@pytest.mark.parametrize("n_states", [2, 9])
def test_each_sequence_is_drawn_as_alone(n_states):
    lengths = [3, 1, 20, 2, 1]
    log_initial, log_transition, log_likelihoods = cases.draw(cases.mixed, 5, sum(lengths), n_states)
    uniforms = np.random.default_rng(0).random((4, sum(lengths)))
    paths = hf.sample_paths(log_initial, log_transition, log_likelihoods, 4, Given(uniforms), lengths=lengths)
    for rows in np.split(np.arange(sum(lengths)), np.cumsum(lengths)[:-1]):
        alone = hf.sample_paths(log_initial, log_transition, log_likelihoods[rows], 4, Given(uniforms[:, rows]))
        assert np.array_equal(paths[:, rows], alone)


@pytest.mark.parametrize("family", [cases.ordinary, cases.mixed], ids=lambda f: f.__name__)
@pytest.mark.parametrize("n_states", [2, 9])
def test_an_index_is_short_for_the_matrices_that_it_names(family, n_states):
    log_initial, log_transition, log_likelihoods = cases.changing(family, 2, 30, n_states)
    index = np.random.default_rng(0).integers(0, 3, 29)
    by_index = hf.sample_paths(log_initial, log_transition[:3], log_likelihoods, 3, 0, transition_index=index)
    assert np.array_equal(by_index, hf.sample_paths(log_initial, log_transition[index], log_likelihoods, 3, 0))
    repeated = np.repeat(log_transition[:1], 29, axis=0)
    steady = hf.sample_paths(log_initial, log_transition[0], log_likelihoods, 3, 0)
    assert np.array_equal(hf.sample_paths(log_initial, repeated, log_likelihoods, 3, 0), steady)


def test_allowed_states():
    case = cases.draw(cases.ordinary, 0, 12, 3)
    allowed = np.random.default_rng(0).random((12, 3)) < 0.6
    allowed[:, 2] |= ~allowed.any(axis=1)
    paths = hf.sample_paths(*case, 20, 0, allowed=allowed)
    assert allowed[np.arange(12), paths].all()
    assert np.array_equal(paths, hf.sample_paths(*case[:2], np.where(allowed, case[2], NEVER), 20, 0))


@pytest.mark.parametrize("workers", [1, 2])
def test_marking_an_impossible_sequence_spares_the_others(small_pieces, workers):
    case = cases.draw(cases.ordinary, 0, 12, 3)
    impossible = *case[:2], np.where(np.arange(12)[:, None] == 5, NEVER, case[2])
    options = {"lengths": [3, 5, 4], "workers": workers}
    marked = hf.sample_paths(*impossible, 3, 0, **options, impossible="mark")
    paths = hf.sample_paths(*case, 3, 0, **options)
    paths[:, 3:8] = -1
    assert np.array_equal(marked, paths)
    with pytest.raises(hf.ImpossibleEvidenceError, match="from step 2 of sequence 1 on") as caught:
        hf.sample_paths(*impossible, 3, 0, **options)
    assert (caught.value.step, caught.value.sequence) == (2, 1)
    with pytest.raises(hf.ImpossibleEvidenceError, match="from step 2 on"):
        hf.sample_paths(*impossible_at(2), 1)


def test_a_long_impossible_sequence_is_marked_to_its_beginning(small_pieces, short_blocks):
    n_states, n_rows = short_blocks
    case = impossible_at(n_rows + 3, n_steps=3 * n_rows, n_states=n_states)
    assert (hf.sample_paths(*case, 2, 0, impossible="mark") == -1).all()


def test_a_model_draws_paths():
    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
    observations = [0, 2, None, 7, 4]
    table = model.emission.log_likelihoods(observations)
    paths = hf.sample_paths(model.log_initial, model.log_transition, table, 4, 0)
    assert np.array_equal(model.sample_paths(observations, 4, 0), paths)
    several = model.sample_paths([observations, [3, 1]], 4, 0, allowed=[np.ones((5, 2), bool), [[True, False]] * 2])
    assert several.shape == (4, 7)
    assert not several[:, 5:].any()


REFUSED = [
    ({"size": 0}, ValueError, "size must be at least 1, got 0"),
    ({"size": 2.0}, TypeError, "size must be an integer, got 2.0"),
    ({"rng": "x"}, TypeError, "rng must be a numpy.random.Generator, a seed from 0 up, or None, got 'x'"),
    ({"impossible": "skip"}, ValueError, "impossible must be 'raise' or 'mark', got 'skip'"),
    ({"workers": 0}, ValueError, "workers must be at least 1, or -1 for all cores, got 0"),
    ({"log_initial": [0.0]}, ValueError, "log_transition must have shape (1, 1), got (2, 2)"),
]


@pytest.mark.parametrize(("options", "error", "message"), REFUSED, ids=[case[2] for case in REFUSED])
def test_refusals(options, error, message):
    tables = {"log_initial": [0.0, 0.0], "log_transition": np.zeros((2, 2)), "log_likelihoods": np.zeros((4, 2))}
    with pytest.raises(error) as caught:
        hf.sample_paths(**{**tables, "size": 1, **options})
    assert str(caught.value) == message
