"""Chains that last, against all segmentations, and against 80 digits."""

import itertools
import json
from fractions import Fraction
from typing import Any, NamedTuple

import mpmath
import numpy as np
import pytest

import hmmfilter as hf
from tests import oracle, structure_oracle
from tests import structure_cases as cases
from tests.conftest import COMPILED, note_share
from tests.structure_oracle import Lasting, path_of
from tests.test_sample_paths import assert_frequencies
from tests.test_structure_contract import total_share

N_STEPS = 40 if COMPILED else 20
SEEDS = range(1)
CUT = pytest.mark.parametrize("cut", [True, False], ids=["cut", "not cut"])
EXACT = 1e-14  # of a few steps whose numbers are no smaller than 1e-6
RELATIVE = 1e-12  # of joint probabilities, whose logs are rounded at every step


def fair(rng, n_states, n_ages):
    """Durations of any probability."""
    return rng.dirichlet(np.ones(n_ages), n_states)


def gappy(rng, n_states, n_ages):
    """Most durations are impossible, the last ones too."""
    weights = rng.random((n_states, n_ages)) * (rng.random((n_states, n_ages)) < 0.3)
    weights[:, -2:] = 0.0
    weights[np.arange(n_states), rng.integers(n_ages - 2, size=n_states)] += 0.1
    return weights / weights.sum(axis=1, keepdims=True)


def fixed(rng, n_states, n_ages):
    """Each state lasts as long as it lasts."""
    return np.eye(n_ages)[rng.integers(n_ages, size=n_states)]


def tailed(rng, n_states, n_ages):
    """What lasts longer is less probable by many powers of ten at every age, down to 1e-300."""
    weights = 10.0 ** -np.cumsum(rng.uniform(0, 600 / n_ages, (n_states, n_ages)), axis=1)
    weights[:, 0] = 1.0
    return weights / weights.sum(axis=1, keepdims=True)


def late(rng, n_states, n_ages):
    """As good as all sojourns last the longest; what ends before is rare."""
    return tailed(rng, n_states, n_ages)[:, ::-1]


DURATIONS = (fair, gappy, fixed, tailed, late)
LASTS = pytest.mark.parametrize("durations", DURATIONS, ids=lambda f: f.__name__)
SEEN = cases.EVIDENCE[:-1] if COMPILED else (cases.turns,)
EVIDENCE = pytest.mark.parametrize("evidence", SEEN, ids=lambda f: f.__name__)


class Posed(NamedTuple):
    structure: Any
    log_initial: Any
    log_likelihoods: Any
    chain: Lasting
    shows: Any
    given: Any

    @property
    def tables(self):
        return self.log_initial, self.structure, self.log_likelihoods


def moves_between(rng, n_states):
    """Where sojourns lead: to other states, and not to all."""
    weights = rng.random((n_states, n_states)) * (rng.random((n_states, n_states)) < 0.7)
    weights[np.arange(n_states), np.arange(n_states) - 1] += 0.2
    np.fill_diagonal(weights, 0.0)
    return weights / weights.sum(axis=1, keepdims=True)


def open_sojourns(rng, chain, log_likelihoods):
    """Make one segmentation possible, whatever else is not."""
    n_steps, (k, path) = len(log_likelihoods), (int(rng.choice(np.flatnonzero(chain.start))), [])
    while len(path) < n_steps:
        lengths = [n for n in range(1, len(chain.durations[k]) + 1) if chain.ends(k, n)]
        left = n_steps - len(path)
        fitting = [n for n in lengths if n == left] if not chain.cut and left in lengths else lengths
        path += [k] * int(rng.choice(fitting))
        k = int(rng.choice(np.flatnonzero(chain.moves[k])))
    for row, k in zip(log_likelihoods, path, strict=False):
        row[k] = -5.0 if row[k] == cases.NEVER else row[k]
    return log_likelihoods


@mpmath.workdps(oracle.DIGITS)
def posed(durations, evidence, seed, cut, n_states=3, n_ages=30, n_steps=N_STEPS):
    rng = np.random.default_rng([seed, n_states, n_ages, n_steps])
    lasts, moves, log_initial = (
        durations(rng, n_states, n_ages),
        moves_between(rng, n_states),
        cases.start(rng, n_states),
    )
    (start,) = oracle.exp_table([log_initial])
    chain = Lasting(start, structure_oracle.exactly(lasts), structure_oracle.exactly(moves), cut)
    rows = open_sojourns(rng, chain, evidence(rng, (n_steps, n_states)))
    structure = hf.transitions.Durations(lasts, moves, cut=cut)
    given = log_initial, cases.logs(np.concatenate([np.ravel(lasts), np.ravel(moves)]))
    return Posed(structure, log_initial, rows, chain, oracle.exp_table(rows), given)


@EVIDENCE
@LASTS
@CUT
@pytest.mark.parametrize("seed", SEEDS)
def test_the_contract_holds(durations, evidence, seed, cut):
    case = posed(durations, evidence, seed, cut)
    exact = case.chain.recursions(case.shows)
    if exact.likelihood == 0:  # nothing ends at the last step
        assert hf.log_likelihood(*case.tables) == cases.NEVER
        with pytest.raises(hf.ImpossibleEvidenceError) as caught:
            hf.smooth(*case.tables)
        assert caught.value.step == len(case.log_likelihoods) - 1
        return
    filtered, smoothed = hf.forward_filter(*case.tables), hf.smooth(*case.tables)
    where = f"{durations.__name__} {evidence.__name__} {seed} {'cut' if cut else 'not cut'}"
    for what, got, rows in (("filter", filtered, exact.filtered), ("smoother", smoothed, exact.smoothed)):
        share = oracle.posterior_share(case.given, got.log_probabilities, got.probabilities, rows)
        note_share(f"durations: {what}", share, where)
        assert share <= 1.0
    share = total_share(case.given, filtered.log_likelihood, exact)
    note_share("durations: total", share, where)
    assert share <= 1.0
    assert hf.log_likelihood(*case.tables) == smoothed.log_likelihood == filtered.log_likelihood
    assert np.array_equal(filtered.log_probabilities[-1], smoothed.log_probabilities[-1])
    assert_best(hf.viterbi(*case.tables), case, exact.best_joint)


@mpmath.workdps(oracle.DIGITS)
def assert_best(decoded, case, best_joint):
    """The sojourns are as probable as any, and their log-joint is right."""
    sojourns = sojourns_of(decoded)
    assert path_of(sojourns) == decoded.path.tolist()
    joint = case.chain.prior(sojourns)
    joint *= mpmath.fprod(row[k] for row, k in zip(case.shows, decoded.path, strict=True))
    assert abs(joint / best_joint - 1) <= RELATIVE
    assert abs(mpmath.log(best_joint) - decoded.log_joint) <= RELATIVE + oracle.EPSILON * abs(decoded.log_joint)


def sojourns_of(decoded):
    segments = decoded.segments()
    return list(zip(segments["state"].tolist(), segments["length"].tolist(), strict=True))


@LASTS
@CUT
@pytest.mark.parametrize("seed", range(4 if COMPILED else 1))
def test_all_segmentations(durations, cut, seed):
    """Of a few steps: totals, posteriors, the best sojourns, and how often each of them is drawn."""
    case = posed(durations, cases.harmless, seed, cut, n_states=3, n_ages=5, n_steps=6)
    scored = case.chain.joints(case.shows)
    with mpmath.workdps(oracle.DIGITS):
        total = mpmath.fsum(p for _, p in scored)
        if not scored:
            assert hf.log_likelihood(*case.tables) == cases.NEVER
            return
        assert float(abs(mpmath.log(total) - hf.log_likelihood(*case.tables))) <= 1e-12
        smoothed = np.array(case.chain.smoothed(case.shows), dtype=float)
        best, joint = max(scored, key=lambda pair: pair[1])
    assert np.allclose(hf.smooth(*case.tables).probabilities, smoothed, rtol=1e-12, atol=1e-300)
    decoded = hf.viterbi(*case.tables)
    assert sojourns_of(decoded) == best
    assert decoded.log_joint == pytest.approx(float(mpmath.log(joint)), rel=1e-13)


@CUT
def test_exact_values(cut):
    """Two states, likelihoods as fractions: worked out elsewhere."""
    likelihoods = [["1/2", "1/4"], ["1/2", "1/4"], ["1/3", "1/3"], ["1/8", "1/2"], ["1/4", "1/2"], ["1/2", "1/4"]]
    likelihoods.append(["1/2", "1/8"])
    rows = np.log([[float(Fraction(p)) for p in row] for row in likelihoods])
    structure = hf.transitions.Durations([[0.1, 0.3, 0.6], [0.5, 0.0, 0.5]], [[0.0, 1.0], [1.0, 0.0]], cut=cut)
    expected = Fraction(91609, 58982400) if cut else Fraction(938183, 1474560000)
    tables = np.log([2 / 3, 1 / 3]), structure, rows
    for got in (hf.log_likelihood(*tables), hf.forward_filter(*tables).log_likelihood):
        assert np.exp(got) == pytest.approx(float(expected), rel=EXACT)


@LASTS
def test_the_expanded_chain_says_the_same(durations):
    """States and ages as states of a dense chain."""
    case = posed(durations, cases.harmless, 9, True, n_ages=7)
    with mpmath.workdps(oracle.DIGITS):
        start, matrix = case.chain.expanded()
    dense, n_ages = case.structure.to_dense(), 7
    expected = np.array(matrix, dtype=float)
    comes_to = expected.any(axis=1)  # ages that a sojourn comes to
    assert np.allclose(dense[comes_to], expected[comes_to], rtol=1e-14, atol=0.0)
    log_initial = cases.logs(np.array(start, dtype=float))
    wide = log_initial, cases.logs(dense), np.repeat(case.log_likelihoods, n_ages, axis=1)
    for ask in (hf.forward_filter, hf.smooth):
        got, expected = ask(*case.tables), ask(*wide)
        by_state = expected.probabilities.reshape(len(got.probabilities), 3, n_ages).sum(axis=2)
        assert np.allclose(got.probabilities, by_state, rtol=1e-12, atol=1e-300)
        assert got.log_likelihood == pytest.approx(expected.log_likelihood, rel=1e-14)
    decoded, expected = hf.viterbi(*case.tables), hf.viterbi(*wide)
    assert decoded.path.tolist() == (expected.path // n_ages).tolist()
    assert decoded.log_joint == pytest.approx(expected.log_joint, rel=1e-13)


def test_geometric_durations_are_a_plain_chain():
    """p(d) = s^(d−1) (1 − s), of so many ages that none is the last."""
    stay = np.array([0.5, 0.75, 0.25])
    n_ages = 60
    lasts = stay[:, None] ** np.arange(n_ages) * (1 - stay[:, None])
    lasts[:, -1] = stay ** (n_ages - 1)
    moves = moves_between(np.random.default_rng(0), 3)
    plain = np.diag(stay) + (1 - stay)[:, None] * moves
    rows = np.random.default_rng(1).normal(0, 2, (n_ages - 1, 3))
    log_initial = np.log([0.5, 0.25, 0.25])
    structure = hf.transitions.Durations(lasts, moves)
    for ask in (hf.forward_filter, hf.smooth):
        got, expected = ask(log_initial, structure, rows), ask(log_initial, cases.logs(plain), rows)
        assert np.allclose(got.probabilities, expected.probabilities, rtol=1e-12, atol=1e-300)
        assert got.log_likelihood == pytest.approx(expected.log_likelihood, rel=1e-14)
    decoded = hf.viterbi(log_initial, structure, rows)
    expected = hf.viterbi(log_initial, cases.logs(plain), rows)
    assert decoded.path.tolist() == expected.path.tolist()


@CUT
@pytest.mark.parametrize("evidence", [cases.harmless, cases.turns], ids=lambda f: f.__name__)
def test_sequences_workers_and_what_is_allowed(cut, evidence, small_pieces):
    lengths = [0, 7, 1, 30, 2, 0]
    case = posed(fair, evidence, 10, cut, n_ages=6, n_steps=sum(lengths))
    mask = np.random.default_rng(0).random(case.log_likelihoods.shape) < 0.8
    options = {"lengths": lengths, "allowed": mask, "impossible": "mark"}
    for ask in (hf.forward_filter, hf.smooth, hf.viterbi):
        one, two = ask(*case.tables, **options), ask(*case.tables, **options, workers=2)
        for n, (begin, end) in enumerate(itertools.pairwise([0, *np.cumsum(lengths)])):
            if begin == end:
                continue
            rows = np.where(mask, case.log_likelihoods, cases.NEVER)[begin:end]
            alone = ask(*case.tables[:2], rows, impossible="mark")
            for each in (one, two):
                got = each[n]
                if ask is hf.viterbi:
                    assert got.path.tolist() == alone.path.tolist()
                    assert got.log_joint == alone.log_joint
                else:
                    assert np.array_equal(got.log_probabilities, alone.log_probabilities, equal_nan=True)
                    assert got.log_likelihood == alone.log_likelihood


@pytest.mark.parametrize("evidence", [cases.harmless, cases.turns], ids=lambda f: f.__name__)
def test_streams(evidence):
    """Row by row and block by block, through snapshots: the bits of the whole."""
    case = posed(fair, evidence, 11, True, n_ages=6, n_steps=25)
    filtered = hf.forward_filter(*case.tables)
    stream = hf.OnlineSojourns(case.log_initial, case.structure)
    for t, row in enumerate(case.log_likelihoods):
        assert np.array_equal(stream.update(row), filtered.log_probabilities[t])
        if t % 6 == 3:
            stream = hf.OnlineSojourns.restore(
                json.loads(json.dumps(stream.snapshot())), case.log_initial, case.structure
            )
    assert stream.log_likelihood == filtered.log_likelihood
    stream, parts = hf.OnlineSojourns(case.log_initial, case.structure), np.split(case.log_likelihoods, [2, 3, 17])
    blocks = [stream.update_block(part).log_probabilities for part in parts]
    assert np.array_equal(np.concatenate(blocks), filtered.log_probabilities)


@CUT
def test_paths_that_are_drawn(cut):
    """Frequencies of whole paths against all segmentations."""
    case = posed(fair, cases.harmless, 12, cut, n_states=2, n_ages=3, n_steps=5)
    with mpmath.workdps(oracle.DIGITS):
        weights = {}
        for sojourns, joint in case.chain.joints(case.shows):
            path = tuple(path_of(sojourns))
            weights[path] = weights.get(path, 0) + joint
        total = mpmath.fsum(weights.values())
        probabilities = [float(p / total) for p in weights.values()]
    paths, counts = np.unique(hf.sample_paths(*case.tables, 5000, rng=1), axis=0, return_counts=True)
    seen = dict(zip(map(tuple, paths.tolist()), counts, strict=True))
    assert_frequencies([seen.pop(path, 0) for path in weights], probabilities)
    assert not seen
