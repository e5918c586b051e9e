"""Counting, drawing and learning where a chain lists its moves: by all paths, and by the matrix of the same numbers."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

import hmmfilter as hf
from hmmfilter._drivers.expectations import expect
from hmmfilter._ways import counted, ends_of, order_of_back, ways_of
from tests.structure_oracle import joints, kronecker

CLOSE = 1e-12  # of a sum of shares, where additions have another order
NEAR = 0.03  # of a share among `N_DRAWS`: six standard errors
N_DRAWS = 10_000
SPREADS = (2.0, 30.0, 2000.0)  # of log-likelihoods: for doubles alone, for some logs, and for numbers beyond doubles
LARGE = 12  # states, more than have a matrix in place of their moves

F = Fraction
START = [F(1, 2), F(1, 4), F(1, 4)]
SHOWS = [[F(1, 2), F(1, 4), F(1, 8)], [F(1, 3), F(1, 3), F(1, 6)], [F(1, 5), F(2, 5), F(2, 5)], [F(1, 8), F(0), F(1)]]
STAY, JUMP = [F(1, 2), F(2, 3), F(1, 4)], [F(1, 2), F(1, 8), F(3, 8)]


def logs(table):
    with np.errstate(divide="ignore"):
        return np.log(np.array(table, dtype=np.float64))


def ring(n_states, seed=0):
    """A matrix with four moves from each state."""
    rng = np.random.default_rng(seed)
    matrix = np.zeros((n_states, n_states))
    for i in range(n_states):
        matrix[i, (i + np.array([0, 1, 3, 4])) % n_states] = rng.dirichlet(np.ones(4))
    return matrix / matrix.sum(axis=1, keepdims=True)


def banded(matrix, lower, bandwidth):
    """The chain of the diagonals of a matrix."""
    rows, n_states = np.arange(len(matrix)), len(matrix)
    diagonals = np.zeros((bandwidth, n_states))
    for d in range(bandwidth):
        inside = (rows + d - lower >= 0) & (rows + d - lower < n_states)
        diagonals[d, inside] = matrix[rows[inside], rows[inside] + d - lower]
    return hf.transitions.Banded(diagonals, lower)


def evidence(n_steps, n_states, spread, seed=1):
    return spread * np.random.default_rng(seed).normal(size=(n_steps, n_states))


def expected_of_all_paths(matrix, splits):
    """How often each kind of move is made; `splits` says which kinds a move is of, and in which shares."""
    expected, total = {}, F(0)
    for path, joint in joints(START, [matrix] * 3, SHOWS):
        total += joint
        for move in itertools.pairwise(path):
            for kind, share in splits(*move):
                expected[kind] = expected.get(kind, F(0)) + joint * share
    return {kind: float(count / total) for kind, count in expected.items()}


@pytest.mark.parametrize("elsewhere", [False, True])
def test_stays_and_jumps_are_told_apart_as_all_paths_have_it(elsewhere):
    jumps = [[JUMP[j] / (1 - JUMP[i]) if i != j else F(0) for j in range(3)] if elsewhere else JUMP for i in range(3)]
    matrix = [[(STAY[i] if i == j else 0) + (1 - STAY[i]) * jumps[i][j] for j in range(3)] for i in range(3)]

    def splits(i, j):
        stays = STAY[i] / matrix[i][j] if i == j else F(0)
        return [(("stayed", i), stays), (("jumped_from", i), 1 - stays), (("jumped_to", j), 1 - stays)]

    expected = expected_of_all_paths(matrix, splits)
    chain = hf.transitions.StayOrJump(list(map(float, STAY)), list(map(float, JUMP)), elsewhere=elsewhere)
    found = hf.expected_transitions(logs(START), chain, logs(SHOWS))
    for name, part in found.counts._asdict().items():
        np.testing.assert_allclose(part, [expected.get((name, k), 0.0) for k in range(3)], rtol=CLOSE, atol=CLOSE)


def test_stays_of_single_steps_are_counted_by_these():
    stays = [F(1, 2), F(1, 10), F(9, 10)]
    moves = [[[(s if i == j else 0) + (1 - s) * JUMP[j] for j in range(3)] for i in range(3)] for s in stays]
    stayed, total = [F(0)] * 3, F(0)
    for path, joint in joints(START, moves, SHOWS):
        total += joint
        for t, (i, j) in enumerate(itertools.pairwise(path)):
            stayed[i] += joint * stays[t] / moves[t][i][j] if i == j else 0
    chain = hf.transitions.StayOrJump(list(map(float, stays)), list(map(float, JUMP)), by_step=True)
    found = hf.expected_transitions(logs(START), chain, logs(SHOWS))
    np.testing.assert_allclose(found.counts.stayed, [float(n / total) for n in stayed], rtol=CLOSE, atol=CLOSE)


@pytest.mark.parametrize("spread", SPREADS)
def test_two_chains_side_by_side_are_counted_each(spread):
    a, b = ring(5)[:3, :3] + 0.1, ring(4) + np.eye(4)
    a, b = a / a.sum(axis=1, keepdims=True), b / b.sum(axis=1, keepdims=True)
    chain = hf.transitions.Kronecker(a, hf.transitions.Sparse(b))
    matrix = np.array(kronecker(a.tolist(), b.tolist()))
    given = np.full(12, -np.log(12)), evidence(60, 12, spread)
    of_pairs = hf.expected_transitions(given[0], logs(matrix), given[1]).counts.reshape(3, 4, 3, 4)
    counts = hf.expected_transitions(given[0], chain, given[1]).counts
    np.testing.assert_allclose(counts.a, of_pairs.sum(axis=(1, 3)), atol=60 * CLOSE)
    np.testing.assert_allclose(counts.b.toarray(), of_pairs.sum(axis=(0, 2)), atol=60 * CLOSE)


@pytest.mark.parametrize("n_states", [5, LARGE])
@pytest.mark.parametrize("spread", SPREADS)
def test_moves_are_counted_to_the_bits_of_the_matrix(n_states, spread):
    matrix = ring(n_states)
    table = evidence(90, n_states, spread)
    given = {"lengths": [40, 0, 50], "per_sequence": True, "impossible": "mark"}
    table[60] = -np.inf  # the second one is impossible
    chain = np.full(n_states, -np.log(n_states)), logs(matrix), table
    whole = hf.expected_transitions(chain[0], chain[1], table[:40])
    listed = hf.expected_transitions(chain[0], hf.transitions.Sparse(matrix), table[:40])
    assert isinstance(listed.counts, sparse.csr_array)
    assert listed.counts.nnz == np.count_nonzero(matrix)
    assert np.array_equal(listed.counts.toarray(), whole.counts)
    assert listed.log_likelihood == whole.log_likelihood
    whole, listed = (
        hf.expected_transitions(chain[0], c, table, **given) for c in (logs(matrix), hf.transitions.Sparse(matrix))
    )
    for n, counts in enumerate(listed.counts):
        assert np.array_equal(counts.data, whole.counts[n][matrix > 0], equal_nan=True)
    assert np.isnan(listed.counts[2].data).all()


def test_diagonals_are_counted_to_the_bits_of_the_matrix():
    matrix = hf.transitions.local(LARGE, 5).matrix
    chain = banded(matrix, 2, 5)
    table = evidence(70, LARGE, 30.0)
    counts = hf.expected_transitions(np.zeros(LARGE), chain, table).counts
    whole = hf.expected_transitions(np.zeros(LARGE), logs(matrix), table).counts
    assert counts.shape == chain.diagonals.shape
    rows, columns = np.nonzero(matrix)
    assert np.array_equal(counts[columns - rows + 2, rows], whole[rows, columns])
    assert counts.sum() == pytest.approx(69)


def test_logs_far_beyond_doubles_are_counted_to_the_bits_of_the_matrix():
    matrix = logs(ring(LARGE))
    matrix[0, 1], matrix[2, 3], matrix[5, 9] = -3e5, -1e17, -40_000.0
    listed = np.nonzero(matrix > -np.inf)
    ways = ways_of(LARGE, 0, listed[0], listed[1] + LARGE, matrix[listed])
    table = evidence(40, LARGE, 4e5)
    counts = hf.expected_transitions(np.zeros(LARGE), ways, table).counts
    whole = hf.expected_transitions(np.zeros(LARGE), matrix, table).counts
    assert np.array_equal(counts.counts, whole[counts.sources, counts.targets - LARGE])


@pytest.mark.parametrize("workers", [3])
def test_sums_do_not_depend_on_workers(workers):
    chain = hf.transitions.StayOrJump(np.linspace(0.5, 0.9, LARGE), np.full(LARGE, 1 / LARGE))
    given = np.zeros(LARGE), chain, evidence(180, LARGE, 3.0)
    one = hf.expected_transitions(*given, lengths=[20] * 9)
    many = hf.expected_transitions(*given, lengths=[20] * 9, workers=workers)
    assert all(np.array_equal(*pair) for pair in zip(one.counts, many.counts, strict=True))


def test_counts_print_and_make_frames():
    model = hf.HMM(
        [1.0, 0.0], hf.transitions.Sparse([[0.9, 0.1], [0.0, 1.0]]), hf.emissions.Poisson([1.0, 5.0]), ["a", "b"]
    )
    found = model.expected_transitions({"x": [0, 2, 7], "y": [4, 1]}, per_sequence=True)
    assert list(found.to_frame().columns) == ["sequence", "from", "to", "count"]
    assert found.to_frame()["to"].tolist() == ["a", "b", "b"] * 2
    assert repr(found).splitlines()[0] == "ExpectedMoves: 2 states, 3.0000 moves in all"
    pairs = hf.transitions.Kronecker([[0.5, 0.5], [0.5, 0.5]], [[0.9, 0.1], [0.2, 0.8]])
    model = hf.HMM("stationary", pairs, hf.emissions.Poisson([1.0, 2.0, 3.0, 4.0]))
    assert model.expected_transitions([0, 2, 7]).to_frame(list("abcdefgh"))["chain"].tolist() == ["a"] * 4 + ["b"] * 4
    assert "chain" in repr(model.expected_transitions([0, 2, 7]))
    ways = pairs._ways()
    raw = hf.expected_transitions(model.log_initial, ways, np.zeros((3, 4)))
    assert raw.counts.counts.sum() == pytest.approx(4)  # two steps, of two moves each
    assert "from node" in repr(raw)


def test_tables_of_pairs_are_those_of_the_matrix_as_long_as_it_is_small():
    chains, table = (logs(ring(LARGE)), hf.transitions.Sparse(ring(LARGE))), evidence(9, LARGE, 2.0)
    assert np.array_equal(*[hf.pairwise_marginals(np.zeros(LARGE), chain, table) for chain in chains])
    gradients = [hf.log_likelihood_gradient(np.zeros(LARGE), chain, table) for chain in chains]
    assert np.array_equal(*[gradient.log_transition for gradient in gradients])
    large = hf.transitions.StayOrJump(0.9, np.full(5000, 1 / 5000))
    for ask in (hf.pairwise_marginals, hf.log_likelihood_gradient):
        with pytest.raises(ValueError, match="goes by matrices"):
            ask(np.zeros(5000), large, np.zeros((3, 5000)))
    with pytest.raises(ValueError, match="per_matrix must be False where a chain lists its moves"):
        hf.expected_transitions(np.zeros(LARGE), chains[1], table, per_matrix=True)


@pytest.mark.parametrize("n_states", [4, LARGE])
@pytest.mark.parametrize("spread", [1.0, 2000.0])
def test_paths_are_those_of_the_matrix(n_states, spread):
    matrix = ring(n_states)
    table = evidence(60, n_states, spread)
    table[50:, 1] -= 1e5
    chains = logs(matrix), hf.transitions.Sparse(matrix)
    drawn = [hf.sample_paths(np.zeros(n_states), chain, table, 4, rng=0, lengths=[35, 25]) for chain in chains]
    assert np.array_equal(*drawn)
    table[10] = -np.inf
    given = {"lengths": [35, 25], "impossible": "mark"}
    assert np.array_equal(*[hf.sample_paths(np.zeros(n_states), chain, table, 2, rng=0, **given) for chain in chains])


CHAINS = {
    "jumps": hf.transitions.StayOrJump([0.5, 0.9, 0.2, 0.7], [0.1, 0.2, 0.3, 0.4]),
    "elsewhere": hf.transitions.StayOrJump([0.5, 0.9, 0.2, 0.7], [0.1, 0.2, 0.3, 0.4], elsewhere=True),
    "pairs": hf.transitions.Kronecker([[0.9, 0.1], [0.3, 0.7]], [[0.5, 0.5], [0.2, 0.8]]),
}


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("spread", [1.0, 3000.0])
def test_paths_through_nodes_between_have_the_shares_of_the_smoother(name, spread):
    table = evidence(6, 4, 1.0)
    table[:, :3] -= spread  # the fourth state is likely; then filtered shares are far below doubles
    table[5, 3] -= 2 * spread
    given = np.zeros(4), CHAINS[name], table
    drawn = hf.sample_paths(*given, N_DRAWS, rng=0)
    shares = (drawn[:, :, np.newaxis] == np.arange(4)).mean(axis=0)
    np.testing.assert_allclose(shares, hf.smooth(*given).probabilities, atol=NEAR)


@pytest.mark.parametrize("name", CHAINS)
def test_simulated_moves_have_the_shares_of_the_chain(name):
    model = hf.HMM("stationary", CHAINS[name], hf.emissions.Poisson([1.0, 2.0, 3.0, 4.0]))
    states, _ = model.simulate(4 * N_DRAWS, rng=0)
    moves = np.zeros((4, 4))
    np.add.at(moves, (states[:-1], states[1:]), 1.0)
    np.testing.assert_allclose(moves / moves.sum(axis=1, keepdims=True), CHAINS[name].to_dense(), atol=NEAR)


@pytest.mark.parametrize("n_states", [4, LARGE])
@pytest.mark.parametrize("final", [None, 0.01])
def test_simulated_paths_are_those_of_the_matrix(n_states, final):
    matrix, emission = ring(n_states), hf.emissions.Poisson(np.arange(1.0, n_states + 1))
    ends = None if final is None else np.append(np.full(n_states - 1, final), 0.0)
    chains = matrix, hf.transitions.Sparse(matrix), banded(matrix, n_states - 1, 2 * n_states - 1)
    models = [hf.HMM(np.full(n_states, 1 / n_states), chain, emission, final=ends) for chain in chains]
    length = 400 if final is None else None
    drawn = [np.concatenate(model.simulate(length, rng=0, n_sequences=5)[0]) for model in models]
    assert np.array_equal(drawn[0], drawn[1])
    assert np.array_equal(drawn[0], drawn[2])


def test_simulating_to_an_end_needs_one():
    emission = hf.emissions.Poisson([1.0, 2.0, 3.0])
    trap = hf.transitions.Sparse([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    with pytest.raises(ValueError, match="state 1 leads to no end"):
        hf.HMM([1.0, 0, 0], trap, emission, final=[0.5, 0.0, 0.0]).simulate(rng=0)
    model = hf.HMM([1.0, 0, 0], trap, emission, final=[1.0, 0.0, 0.0])
    assert model.simulate(rng=0)[0].tolist() == [0]
    by_step = hf.transitions.StayOrJump([0.5, 0.5], [0.5, 0.25, 0.25], by_step=True)
    with pytest.raises(ValueError, match="another one from step to step"):
        hf.HMM([1.0, 0, 0], by_step, emission, final=[0.5, 0.5, 0.5]).simulate(rng=0)
    states, _ = hf.HMM([1.0, 0, 0], by_step, emission).simulate(3, rng=0)
    assert len(states) == 3


class Rows:
    """Log-likelihoods, and sums of posteriors."""

    def __init__(self, table):
        self._table = table

    def fill(self, begin, end, table):
        table[:] = self._table[begin:end]

    def sums(self):
        return np.zeros((2, self._table.shape[1]))

    def add(self, begin, end, posteriors, sums):
        sums[0] += posteriors.sum(axis=0)


@pytest.mark.parametrize("spread", SPREADS)
def test_expectations_have_the_bits_of_the_matrix(spread):
    matrix = logs(ring(LARGE))
    listed = np.nonzero(matrix > -np.inf)
    ways = ways_of(LARGE, 0, listed[0], listed[1] + LARGE, matrix[listed])
    rest = (
        np.zeros(LARGE),
        np.array([0, 30, 50, 90]),
        np.array([1.0, 2.0, 0.5]),
        Rows(evidence(90, LARGE, spread)),
        1,
        False,
    )
    whole, by_moves = (expect(rest[0], chain, *rest[1:]) for chain in (matrix, ways))
    sources, targets = ends_of(ways.onward)
    assert np.array_equal(by_moves.transition, whole.transition[sources, targets - LARGE])
    for name in ("log_likelihood", "initial", "emission"):
        assert np.array_equal(getattr(by_moves, name), getattr(whole, name))


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("spread", SPREADS)
def test_expectations_by_doubles_are_the_counts(name, spread):
    table, ways = evidence(50, 4, spread), CHAINS[name]._ways()
    found = expect(np.zeros(4), ways, np.array([0, 50]), np.ones(1), Rows(table), 1, False)
    counts = hf.expected_transitions(np.zeros(4), ways, table)
    np.testing.assert_allclose(found.transition, counts.counts.counts, atol=50 * CLOSE)
    assert found.log_likelihood[0] == pytest.approx(counts.log_likelihood, rel=CLOSE)
    assert counted(ways.onward, found.transition).left.sum() == pytest.approx(49)


def test_stays_of_single_steps_have_expectations():
    chain = hf.transitions.StayOrJump(np.linspace(0.1, 0.9, 59), [0.1, 0.2, 0.3, 0.4], by_step=True)
    table, ways = evidence(60, 4, 3.0), chain._ways()
    table[30] -= 4000 * np.arange(4)  # beyond doubles
    for rows in (table[:30], table):
        ends = np.array([0, len(rows)])
        part = hf.transitions.StayOrJump(chain.stay[: len(rows) - 1], chain.jump, by_step=True)
        counts = hf.expected_transitions(np.zeros(4), part, rows).counts
        found = expect(np.zeros(4), part._ways(), ends, np.ones(1), Rows(rows), 1, False)
        of_own = part._jumps(counted(part._ways().onward, found.transition))
        for one, other in zip(of_own, counts, strict=True):
            np.testing.assert_allclose(one, other, atol=60 * CLOSE)
    assert len(order_of_back(ways)) == len(ways.onward.sources)


def counts_of(model, n_steps=70):
    return model.simulate(n_steps, rng=3)[1]


@pytest.mark.parametrize("n_states", [4, LARGE])
def test_a_fit_has_the_bits_of_that_from_the_same_zeros(n_states):
    matrix, emission = ring(n_states), hf.emissions.Poisson(np.linspace(1.0, 40.0, n_states))
    chains = matrix, hf.transitions.Sparse(matrix), banded(matrix, n_states - 1, 2 * n_states - 1)
    models = [hf.HMM(np.full(n_states, 1 / n_states), chain, emission) for chain in chains]
    seen = counts_of(models[0])
    whole, listed, by_diagonals = (model.fit(seen, max_iterations=6, accelerate=False) for model in models)
    for fitted in (listed, by_diagonals):
        assert np.array_equal(fitted.history, whole.history)
        assert np.array_equal(fitted.model.transition.to_dense(), whole.model.transition)
        assert np.array_equal(fitted.model.emission.rate, whole.model.emission.rate)
        assert fitted.n_parameters == whole.n_parameters
    assert np.array_equal(listed.model.transition.columns, models[1].transition.columns)
    assert (whole.model.transition[matrix == 0] == 0).all()


JUMPS, STAYS = [0.1, 0.2, 0.3, 0.2, 0.1, 0.1], np.linspace(0.3, 0.9, 6)
BANDED = banded(hf.transitions.local(3, 3).matrix, 1, 3)
FITTED = {
    "sparse": hf.transitions.Sparse(ring(6)),
    "banded": banded(hf.transitions.local(6, 3).matrix, 1, 3),
    "pairs": hf.transitions.Kronecker([[0.9, 0.1], [0.2, 0.8]], BANDED),
    "sparse pairs": hf.transitions.Kronecker(hf.transitions.Sparse([[0.9, 0.1], [0.0, 1.0]]), BANDED.to_dense()),
    "jumps": hf.transitions.StayOrJump(STAYS, JUMPS),
    "elsewhere": hf.transitions.StayOrJump(STAYS, JUMPS, elsewhere=True),
    "stays of steps": hf.transitions.StayOrJump(np.linspace(0.1, 0.9, 59), JUMPS, by_step=True),
}
EMISSION = hf.emissions.Poisson([1.0, 4.0, 9.0, 16.0, 25.0, 36.0])


def model_of(name):
    return hf.HMM(np.full(6, 1 / 6), FITTED[name], EMISSION)


@pytest.mark.parametrize("name", FITTED)
@pytest.mark.parametrize("prior", [None, hf.Prior(transition=hf.priors.Dirichlet(1.5))])
def test_no_step_lowers_the_objective(name, prior):
    seen = counts_of(model_of(name), 60)
    fitted = model_of(name).fit(seen, max_iterations=12, prior=prior)
    assert (np.diff(fitted.history) >= 0).all()
    assert fitted.history[-1] > fitted.history[0] + 0.5
    assert type(fitted.model.transition) is type(FITTED[name])
    before, after = FITTED[name].to_dense(), fitted.model.transition.to_dense()
    assert (after[before == 0] == 0).all()
    np.testing.assert_allclose(after.sum(axis=-1), 1.0, rtol=CLOSE)
    assert repr(fitted).startswith("Fitted: 6 states")


@pytest.mark.parametrize("name", FITTED)
def test_slopes_are_those_of_the_log_likelihood(name):
    model, seen = model_of(name), counts_of(model_of(name), 60)
    problem = hf.learning.running.problem_of(model, seen, hf.learning.evidence.Given(), "free", (), None, None, 1)
    coordinates = problem.coordinates(model)
    gradient = problem.gradient(model, problem.expect(model))
    steps = np.random.default_rng(0).normal(size=gradient.size)
    steps *= 1e-6 / np.abs(coordinates.basis @ steps).max()
    up, down = (coordinates.moved(sign * steps).log_likelihood(seen) for sign in (1, -1))
    assert (up - down) / 2 == pytest.approx(gradient @ steps, rel=1e-4, abs=1e-9)


@pytest.mark.parametrize("name", FITTED)
def test_starts_at_random_keep_zeros(name):
    model, seen = model_of(name), counts_of(model_of(name), 60)
    fitted = model.fit(seen, max_iterations=3, restarts=2, rng=0)
    assert len(fitted.restarts) == 3
    assert (fitted.model.transition.to_dense()[FITTED[name].to_dense() == 0] == 0).all()


def test_what_is_refused_where_moves_are_listed():
    seen = [1, 4, 9, 16]
    with pytest.raises(ValueError, match="initial must be 'free' or 'fixed' where the transition is Sparse"):
        model_of("sparse").fit(seen, initial="stationary")
    fitted = model_of("sparse").fit(seen, max_iterations=2)
    with pytest.raises(ValueError, match="transition must be a matrix for standard errors, got Sparse"):
        fitted.standard_errors()
    for prior in (hf.priors.Dirichlet([2.0, 2.0]), hf.priors.sticky(1.0, 5.0)):
        with pytest.raises(ValueError, match="must have one concentration for all moves"):
            model_of("sparse").fit(seen, prior=hf.Prior(transition=prior))
    with pytest.raises(ValueError, match="stay must have 3 or 4 entries"):
        model_of("stays of steps").fit(seen)
    with pytest.raises(ValueError, match="stay must have 4 entries"):
        model_of("stays of steps").fit(seen, lengths=[2, 2])
    rows = np.concatenate([np.zeros(9999, dtype=np.int64), np.arange(1, 9999)])
    columns = np.concatenate([np.arange(9999), np.arange(1, 9999)])
    hub = hf.transitions.Sparse(
        sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=(9999, 9999)), normalize=True
    )
    with pytest.raises(ValueError, match="about as many moves from each state to learn, got 19997 of 9999 states"):
        hub._parameters()


def test_statistics_have_the_shape_of_the_chain():
    found = hf.expected_statistics(model_of("banded"), [1, 4, 9, 16])
    assert found.transition.shape == (3, 6)
    assert list(found.to_frame().columns) == ["initial"]


def test_what_is_held_or_tied_stays_so():
    chain = hf.transitions.StayOrJump(STAYS, JUMPS, elsewhere=True)
    model = hf.HMM(np.full(6, 1 / 6), chain, EMISSION)
    seen = counts_of(model, 60)
    held = np.array([True, True, False, False, False, False])
    fitted = model.fit(seen, max_iterations=8, fixed={"transition.jump": held}, tied={"transition.stay": "all"})
    after = fitted.model.transition
    assert (np.diff(fitted.history) >= 0).all()
    assert np.array_equal(after.jump[:2], chain.jump[:2])
    assert len(set(after.stay.tolist())) == 1
    assert np.array_equal(model.fit(seen, max_iterations=2, fixed="transition").model.transition.jump, chain.jump)
    assert np.array_equal(
        model.fit(seen, max_iterations=2, fixed={"transition.jump": [True] * 6}).model.transition.jump, chain.jump
    )


def test_moves_below_all_doubles_are_learnt():
    """They are no zeros, which would stay; and what is held keeps its log."""
    chain = hf.transitions.Sparse.from_logs([0, 0, 1], [0, 1, 0], [0.0, -1000.0, 0.0], n_states=2)
    start = hf.HMM([1.0, 0.0], chain, hf.emissions.Categorical([[1.0, 0.0], [0.0, 1.0]]))
    for model in (start, hf.HMM(np.eye(2)[0], hf.transitions.Kronecker(chain, [[1.0]]), start.emission)):
        fitted = model.fit([0, 0, 0, 1], max_iterations=4)
        np.testing.assert_allclose(fitted.model.transition.to_dense(), [[2 / 3, 1 / 3], [1.0, 0.0]], rtol=1e-12)
        assert fitted.history[0] == -1000.0
    assert start.fit([0, 0, 0, 1], max_iterations=4, fixed="transition").model.transition == chain
    held = {"transition": [[False, False], [True, True]]}
    assert start.fit([0, 0, 0, 1], max_iterations=4, fixed=held).model.transition.log_values[2] == 0.0


def test_rows_beyond_doubles_may_have_states_that_are_impossible():
    """A state that is never reached, in rows that are counted by wide numbers at all nodes."""
    table = evidence(8, 4, 3000.0)
    table[:, 2] = -np.inf
    for chain in CHAINS.values():
        counts = hf.expected_transitions(np.array([0.0, 0.0, -np.inf, 0.0]), chain, table)
        whole = hf.expected_transitions(np.array([0.0, 0.0, -np.inf, 0.0]), logs(chain.to_dense()), table)
        left = counts._found[0].left
        np.testing.assert_allclose(left, whole.counts.sum(axis=1), atol=8 * CLOSE)


def test_a_leap_to_a_chain_that_leaves_for_nowhere_is_none():
    chain = hf.transitions.StayOrJump([0.5, 0.5], [0.5, 0.5], elsewhere=True)
    assert chain._of_natural(np.array([0.0, 0.0, 0.0, -np.inf])) is None
