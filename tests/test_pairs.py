"""Pairs of neighbouring steps, and what is made of them: marginals, counts, the gradient, the states alone."""

import itertools

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hmmfilter as hf
from hmmfilter._drivers import jobs, ordering
from hmmfilter._kernels.block import block_rows
from hmmfilter._kernels.chain import NARROW, slots_for_chains
from hmmfilter._tiers import kernels
from tests import cases, oracle
from tests.conftest import needs_compiled, note_share
from tests.strategies import any_tables, possible_tables
from tests.test_filtering import FAMILY, LAW_TOLERANCE, SMALL
from tests.test_sequences import parts

LARGE = pytest.mark.parametrize(
    ("n_steps", "n_states"),
    [(12, 9), (40, 4), pytest.param(300, 2, marks=needs_compiled), pytest.param(300, 8, marks=needs_compiled)],
)
SOME_FAMILIES = pytest.mark.parametrize(
    "family", [cases.ordinary, cases.mixed, cases.rarer, cases.zeros], ids=lambda family: family.__name__
)
COUNT_TOLERANCE = 1e-13  # relative to 1 + count, where two ways to compute the same are compared


def together(tables):
    """A table of tables as one table of rows."""
    return [row for table in tables for row in table]


def check_contract(case, exact, where):
    n_steps, n_states = np.shape(case[2])
    log_pairs = hf.pairwise_marginals(*case)
    assert log_pairs.shape == (n_steps - 1, n_states, n_states)
    found = hf.expected_transitions(*case)
    shares = {"count": oracle.count_share(case[:2], found.counts, exact)}
    if n_steps > 1:
        rows = log_pairs.reshape(-1, n_states)
        shares["pair"] = oracle.posterior_share(case, rows, np.exp(rows), together(exact))
    for what, share in shares.items():
        note_share(what, share, where)
        assert share <= 1, f"{what}: {share} times the allowed error"
    assert found.log_likelihood == hf.log_likelihood(*case)


@FAMILY
@SMALL
def test_against_all_paths(family, n_steps, n_states):
    case = cases.draw(family, 0, n_steps, n_states)
    check_contract(case, oracle.pairs_of_paths(*case), f"{family.__name__}, T={n_steps}, K={n_states}, all paths")


@FAMILY
@LARGE
def test_against_eighty_digits(family, n_steps, n_states):
    case = cases.draw(family, 1, n_steps, n_states)
    check_contract(case, oracle.pairs(*case), f"{family.__name__}, T={n_steps}, K={n_states}")


@FAMILY
@pytest.mark.parametrize(("n_steps", "n_states"), [(6, 2), pytest.param(12, 9, marks=needs_compiled)])
def test_changing_transitions(family, n_steps, n_states):
    case = cases.changing(family, 1, n_steps, n_states)
    exact = oracle.pairs(*case)
    check_contract(case, exact, f"changing {family.__name__}, T={n_steps}, K={n_states}")
    if n_states == 2:
        by_paths = oracle.pairs_of_paths(*case)
        check_contract(case, by_paths, f"changing {family.__name__}, T={n_steps}, K={n_states}, all paths")


def differences(case):
    """The gradient of the log-likelihood by central differences in 80 digits, each entry moved by 1e-20."""

    def moved(tables, name, index, step):
        entries = [
            {at: mpmath.mpf(float(x)) for at, x in np.ndenumerate(table)}  # −inf included
            for table in tables
        ]
        entries[name][index] += step
        return log_likelihood(entries, [np.shape(table) for table in tables])

    with mpmath.workdps(oracle.DIGITS):
        step = mpmath.mpf(10) ** -20
        gradient = [np.zeros(np.shape(table)) for table in case]
        for name, table in enumerate(case):
            for index, x in np.ndenumerate(table):
                if x > -np.inf:
                    rise = moved(case, name, index, step) - moved(case, name, index, -step)
                    gradient[name][index] = float(rise / (2 * step))
    return gradient


def log_likelihood(entries, shapes):
    """log p(v_1:T) of tables of mpmath numbers, by the textbook's forward recursion."""
    initial, transition, likelihoods = ({at: mpmath.exp(x) for at, x in table.items()} for table in entries)
    n_steps, n_states = shapes[2]
    alpha = [initial[k,] * likelihoods[0, k] for k in range(n_states)]
    for t in range(1, n_steps):
        at = (t - 1,) if len(shapes[1]) == 3 else ()
        alpha = [
            mpmath.fsum(alpha[i] * transition[(*at, i, j)] for i in range(n_states)) * likelihoods[t, j]
            for j in range(n_states)
        ]
    return mpmath.log(mpmath.fsum(alpha))


def check_gradient(gradient, exact):
    for name, derivatives in zip(("log_initial", "log_transition", "log_likelihoods"), exact, strict=True):
        part = getattr(gradient, name)
        assert part.shape == derivatives.shape
        np.testing.assert_allclose(part, derivatives, rtol=COUNT_TOLERANCE, atol=COUNT_TOLERANCE)


@FAMILY
@pytest.mark.parametrize(("n_steps", "n_states"), [(1, 2), (4, 3)])
def test_the_gradient_is_that_of_the_exact_log_likelihood(family, n_steps, n_states):
    case = cases.draw(family, 3, n_steps, n_states)
    gradient = hf.log_likelihood_gradient(*case)
    check_gradient(gradient, differences(case))
    assert gradient.log_likelihood == hf.log_likelihood(*case)


@SOME_FAMILIES
def test_the_gradient_of_changing_transitions(family):
    case = cases.changing(family, 3, 4, 2)
    exact = differences(case)
    check_gradient(hf.log_likelihood_gradient(*case), exact)
    alone = case[0], np.empty((0, 2, 2)), case[2][:1]
    assert hf.log_likelihood_gradient(*alone).log_transition.shape == (0, 2, 2)


@SOME_FAMILIES
def test_an_indexed_gradient_is_summed_by_matrix(family):
    log_initial, log_transition, log_likelihoods = cases.changing(family, 3, 9, 3)
    index = np.array([0, 2, 2, 0, 1, 2, 2, 2])
    choices = log_transition[[0, 3, 5, 6]]  # the last is never chosen
    gradient = hf.log_likelihood_gradient(log_initial, choices, log_likelihoods, transition_index=index)
    written = hf.log_likelihood_gradient(log_initial, choices[index], log_likelihoods)
    expected = [written.log_transition[index == m].sum(axis=0) for m in range(4)]
    np.testing.assert_allclose(gradient.log_transition, expected, rtol=COUNT_TOLERANCE, atol=COUNT_TOLERANCE)
    assert np.array_equal(gradient.log_likelihoods, written.log_likelihoods)
    nothing_to_choose = hf.log_likelihood_gradient(
        log_initial, np.empty((0, 3, 3)), log_likelihoods[:1], transition_index=np.empty(0, int)
    )
    assert nothing_to_choose.log_transition.shape == (0, 3, 3)
    single = hf.log_likelihood_gradient(log_initial, choices[:1], log_likelihoods, transition_index=np.zeros(8, int))
    constant = hf.log_likelihood_gradient(log_initial, choices[0], log_likelihoods)
    assert np.array_equal(single.log_transition, constant.log_transition[None])


LENGTHS = [3, 1, 12, 2, 2, 9, 1]


@SOME_FAMILIES
@pytest.mark.parametrize("n_states", [2, pytest.param(9, marks=needs_compiled)])
def test_each_sequence_is_as_alone(family, n_states):
    log_initial, log_transition, log_likelihoods = cases.draw(family, 5, sum(LENGTHS), n_states)
    if family is cases.zeros:
        log_transition, log_likelihoods = (
            np.where(np.isneginf(x), -900.0, x) for x in (log_transition, log_likelihoods)
        )
        log_initial = np.zeros(n_states)
    case = log_initial, log_transition, log_likelihoods
    alone = [(log_initial, log_transition, rows) for rows in parts(log_likelihoods, LENGTHS)]
    found = hf.expected_transitions(*case, lengths=LENGTHS, per_sequence=True)
    together = hf.expected_transitions(*case, lengths=LENGTHS)
    counts = [hf.expected_transitions(*one).counts for one in alone]
    assert np.array_equal(found.counts, counts)
    assert np.array_equal(found.log_likelihood, hf.log_likelihood(*case, lengths=LENGTHS))
    np.testing.assert_allclose(together.counts, sum(counts), rtol=COUNT_TOLERANCE)
    gradient = hf.log_likelihood_gradient(*case, lengths=LENGTHS)
    assert np.array_equal(gradient.log_transition, together.counts)
    assert np.array_equal(gradient.log_likelihoods, hf.smooth(*case, lengths=LENGTHS).probabilities)
    firsts = gradient.log_likelihoods[np.cumsum([0, *LENGTHS[:-1]])]
    np.testing.assert_allclose(gradient.log_initial, firsts.sum(axis=0), rtol=COUNT_TOLERANCE)
    each = hf.log_likelihood_gradient(np.tile(log_initial, (len(LENGTHS), 1)), *case[1:], lengths=LENGTHS)
    assert np.array_equal(each.log_initial, firsts)
    pairs = parts(hf.pairwise_marginals(*case, lengths=LENGTHS), LENGTHS)
    decoded = hf.posterior_decode(*case, lengths=LENGTHS)
    for n, one in enumerate(alone):
        assert np.array_equal(pairs[n][:-1], hf.pairwise_marginals(*one))
        assert np.isneginf(pairs[n][-1]).all()
        single = hf.posterior_decode(*one)
        assert np.array_equal(decoded[n].path, single.path)
        assert decoded[n].expected_correct == single.expected_correct


def test_changing_transitions_of_several_sequences():
    lengths = [3, 1, 4]
    log_initial, log_transition, log_likelihoods = cases.changing(cases.mixed, 4, 9, 3)
    log_likelihoods = log_likelihoods[:8]
    gradient = hf.log_likelihood_gradient(log_initial, log_transition, log_likelihoods, lengths=lengths)
    assert gradient.log_transition.shape == (8, 3, 3)
    start = 0
    for n, rows in enumerate(parts(log_likelihoods, lengths)):
        moves = slice(start, start + len(rows) - 1)
        alone = hf.log_likelihood_gradient(log_initial, log_transition[moves], rows)
        assert np.array_equal(gradient.log_transition[moves], alone.log_transition)
        assert not gradient.log_transition[moves.stop].any()
        counts = hf.expected_transitions(
            log_initial, log_transition, log_likelihoods, lengths=lengths, per_sequence=True
        ).counts
        np.testing.assert_allclose(counts[n], alone.log_transition.sum(axis=0), rtol=COUNT_TOLERANCE, atol=1e-300)
        start += len(rows)


def everything(case, **options):
    found = hf.expected_transitions(*case, **options)
    gradient = hf.log_likelihood_gradient(*case, **options)
    decoded = hf.posterior_decode(*case, **options)
    return [
        found.counts,
        found.log_likelihood,
        gradient.log_initial,
        gradient.log_transition,
        gradient.log_likelihoods,
        hf.pairwise_marginals(*case, **options),
        decoded.path,
        decoded.expected_correct,
    ]


@pytest.mark.parametrize("family", [cases.mixed, cases.rarer], ids=lambda family: family.__name__)
def test_workers_change_no_bit_and_pieces_next_to_none(small_pieces, family, short_blocks, monkeypatch):
    n_states, n_rows = short_blocks
    lengths = [2 * n_rows + 2, n_rows, 1, n_rows + 1, 1, 5]
    case = cases.draw(family, 6, sum(lengths), n_states)
    one, many = (everything(case, lengths=lengths, workers=workers) for workers in (1, 3))
    for x, y in zip(one, many, strict=True):
        assert np.array_equal(x, y)
    monkeypatch.setattr(jobs, "PIECE", 2**16)
    for x, y in zip(one, everything(case, lengths=lengths), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-14)


def test_jobs_that_end_out_of_order_are_added_up_in_order():
    parts = np.random.default_rng(0).normal(size=(4, 1, 2, 3, 3))
    one, other = np.zeros((1, 2, 3, 3)), np.zeros((1, 2, 3, 3))
    in_order, out_of_order = ordering.InOrder(one), ordering.InOrder(other)
    for n in range(4):
        in_order.add(10 * n, 10 * n + 10, parts[n])
    for n in (2, 1, 3, 0):
        out_of_order.add(10 * n, 10 * n + 10, parts[n])
    assert np.array_equal(one, other)
    np.testing.assert_allclose(one.sum(axis=1), parts.sum(axis=(0, 2)), rtol=1e-15)


@given(possible_tables(min_steps=2))
def test_pairs_add_up_to_the_smoother(case):
    pairs, smoothed = np.exp(hf.pairwise_marginals(*case)), hf.smooth(*case).probabilities
    np.testing.assert_allclose(pairs.sum(axis=2), smoothed[:-1], rtol=0, atol=LAW_TOLERANCE)
    np.testing.assert_allclose(pairs.sum(axis=1), smoothed[1:], rtol=0, atol=LAW_TOLERANCE)


@given(possible_tables())
def test_scaled_likelihoods_change_nothing(case):
    """A row of likelihoods multiplied by a power of two: posteriors are the same."""
    log_initial, log_transition, log_likelihoods = case
    one = hf.pairwise_marginals(*case)
    other = hf.pairwise_marginals(log_initial, log_transition, log_likelihoods + 1024.0)
    np.testing.assert_allclose(other, one, rtol=1e-10, atol=1e-10)  # the sum is rounded to 1e-13 before it goes in


@given(possible_tables(min_steps=2), st.data())
def test_permuting_the_states_permutes_the_answer(case, data):
    log_initial, log_transition, log_likelihoods = case
    order = data.draw(st.permutations(range(len(log_initial))))
    permuted = log_initial[order], log_transition[np.ix_(order, order)], log_likelihoods[:, order]
    one, other = hf.pairwise_marginals(*case), hf.pairwise_marginals(*permuted)
    np.testing.assert_allclose(other, one[:, order][:, :, order], rtol=LAW_TOLERANCE, atol=LAW_TOLERANCE)


@given(any_tables())
def test_impossible_evidence(case):
    increments = hf.forward_filter(*case, impossible="mark").log_increments
    for door in (hf.expected_transitions, hf.pairwise_marginals, hf.log_likelihood_gradient, hf.posterior_decode):
        if not np.isneginf(increments).any():
            door(*case)
            continue
        with pytest.raises(hf.ImpossibleEvidenceError) as caught:
            door(*case)
        assert caught.value.step == np.flatnonzero(np.isneginf(increments))[0]


def test_marked_sequences_spare_the_others():
    lengths = [3, 1, 4]
    log_initial, log_transition, log_likelihoods = cases.draw(cases.ordinary, 0, 8, 3)
    log_likelihoods[3] = -np.inf
    case = log_initial, log_transition, log_likelihoods
    marked = {"lengths": lengths, "impossible": "mark"}
    found = hf.expected_transitions(*case, **marked, per_sequence=True)
    assert np.isnan(found.counts).any(axis=(1, 2)).tolist() == [False, True, False]
    assert found.log_likelihood[1] == -np.inf
    assert np.isnan(hf.expected_transitions(*case, **marked).counts).all()
    gradient = hf.log_likelihood_gradient(*case, **marked)
    assert np.isnan(gradient.log_initial).all()
    assert np.isnan(gradient.log_transition).all()
    assert np.isnan(gradient.log_likelihoods).any(axis=1).tolist() == [t == 3 for t in range(8)]
    pairs = hf.pairwise_marginals(*case, **marked)
    assert np.isnan(pairs).any(axis=(1, 2)).tolist() == [t == 3 for t in range(8)]
    decoded = hf.posterior_decode(*case, **marked)
    assert decoded.path[3] == -1
    assert np.isnan(decoded.expected_correct).tolist() == [False, True, False]
    alone = hf.posterior_decode(log_initial, log_transition, log_likelihoods[4:])
    assert decoded[2].path.tolist() == alone.path.tolist()
    assert np.array_equal(pairs[4:-1], hf.pairwise_marginals(log_initial, log_transition, log_likelihoods[4:]))


def test_an_impossible_sequence_marks_the_matrices_that_it_moves_by():
    log_initial, log_transition, log_likelihoods = cases.changing(cases.ordinary, 0, 8, 3)
    log_likelihoods[3] = -np.inf
    index = np.array([0, 0, 9, 1, 1, 9, 2, 9])
    options = {"lengths": [3, 3, 2], "transition_index": index, "impossible": "mark"}
    moves = hf.log_likelihood_gradient(log_initial, log_transition[:4], log_likelihoods, **options).log_transition
    assert np.isnan(moves).all(axis=(1, 2)).tolist() == [False, True, False, False]
    assert moves[[0, 2, 3]].sum(axis=(1, 2)).tolist() == pytest.approx([2, 1, 0])


@pytest.mark.parametrize("n_states", [3, 9])
def test_a_hole_in_a_matrix_of_large_potentials_leaves_it_narrow(n_states):
    log_initial, log_transition, log_likelihoods = cases.draw(cases.ordinary, 0, 6, n_states)
    log_transition += 5000.0
    log_transition[0, 2] = -np.inf
    case = log_initial, log_transition, log_likelihoods
    slots = slots_for_chains(1, n_states)
    kernels.hold_chain(log_transition[None], 0, False, slots[0])
    assert slots[0, NARROW] == 1.0
    check_contract(case, oracle.pairs(*case), f"a hole, K={n_states}")


@pytest.mark.parametrize("n_states", [3, 9])
def test_one_small_entry(n_states):
    """Most pairs are near each other, and some are far down, at each step."""
    log_initial, log_transition, log_likelihoods = cases.draw(cases.ordinary, 0, 12, n_states)
    log_transition[0, 1], log_transition[1, 2], log_likelihoods[5, 1] = -700.0, -2000.0, -1000.0
    case = log_initial, log_transition, log_likelihoods
    check_contract(case, oracle.pairs(*case), f"one small entry, K={n_states}")


@FAMILY
def test_the_most_probable_state_of_each_step(family):
    case = cases.draw(family, 2, 12, 3)
    decoded, smoothed = hf.posterior_decode(*case), hf.smooth(*case).probabilities
    assert np.array_equal(decoded.path, smoothed.argmax(axis=1))
    assert decoded.expected_correct == pytest.approx(smoothed.max(axis=1).sum(), rel=1e-15)
    exact = oracle.recursions(*case).smoothed
    at_path = sum(row[k] for row, k in zip(exact, decoded.path, strict=True))
    assert abs(at_path - sum(map(max, exact))) < COUNT_TOLERANCE


def test_the_most_probable_states_may_be_a_forbidden_path():
    """From 0 one goes to 1 or 2, and stays; each is less probable than 0 was, but no path has the two best states."""
    transition = [[0.0, 0.5, 0.5, 0.0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    case = cases.logs([0.55, 0, 0, 0.45]), cases.logs(transition), np.zeros((2, 4))
    decoded = hf.posterior_decode(*case)
    assert decoded.path.tolist() == [0, 3]
    assert hf.viterbi(*case).path.tolist() == [3, 3]
    assert decoded.expected_correct == pytest.approx(1.0)


def test_the_model_asks_the_same_of_observations():
    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
    counts, allowed = [0, 2, 7, None, 4, 0], np.ones((6, 2), dtype=bool)
    allowed[2, 1] = False
    table = model.emission.log_likelihoods(counts)
    case, options = (model.log_initial, model.log_transition, table), {"lengths": [4, 2], "allowed": allowed}
    for name in ("expected_transitions", "log_likelihood_gradient", "posterior_decode"):
        result, expected = getattr(model, name)(counts, **options), getattr(hf, name)(*case, **options)
        assert result.state_names == ("calm", "busy")
        for attribute in ("counts", "log_initial", "log_transition", "log_likelihoods", "path", "expected_correct"):
            if hasattr(expected, attribute):
                assert np.array_equal(getattr(result, attribute), getattr(expected, attribute))
    assert np.array_equal(model.pairwise_marginals(counts, **options), hf.pairwise_marginals(*case, **options))
    assert model.expected_transitions(counts, **options, per_sequence=True).counts.shape == (2, 2, 2)
    assert model.log_likelihood_gradient(counts, **options, parameters_only=True).log_likelihoods is None


def test_results_print():
    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
    lines = repr(model.expected_transitions([0, 2, 7, 4])).splitlines()
    assert lines[0] == "ExpectedTransitions: 2 states, 3.0000 moves in all"
    assert lines[1].split() == ["from", "to", "calm", "to", "busy"]
    several = model.expected_transitions([0, 2, 7, 4], lengths=[2, 2], per_sequence=True)
    assert "2.0000 moves in all" in repr(several)
    gradient = model.log_likelihood_gradient([0, 2, 7, 4], parameters_only=True)
    assert repr(gradient) == "Gradient of the log-likelihood -9.6085: log_initial (2,), log_transition (2, 2)"
    decoded = model.posterior_decode([0, 2, 7, 4], lengths=[2, 2])
    assert repr(decoded).splitlines()[1].split() == ["sequence", "steps", "expected-correct"]
    assert decoded[0].plot().get_ylabel() == "most probable state"


@needs_compiled
@pytest.mark.parametrize("n_states", [2, 64])
def test_memory_grows_with_the_root_of_the_steps(n_states):
    """Four times the steps, at most twice the memory, and far less than a table of all steps."""
    import tracemalloc

    peaks = []
    for n_steps in (2**20 // n_states, 2**22 // n_states):
        case = cases.draw(cases.ordinary, 0, n_steps, n_states)
        for door in (hf.expected_transitions, lambda *case: hf.log_likelihood_gradient(*case, parameters_only=True)):
            door(*(table[:3] if table.ndim == 2 and len(table) == n_steps else table for table in case))
            tracemalloc.start()
            door(*case)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert max(peaks[2:]) < 2.2 * min(peaks[:2])
    assert max(peaks) < 0.3 * case[2].nbytes
    assert block_rows(n_states) > 1


REFUSED = [
    (
        {"log_likelihoods": [[0.0, np.nan]]},
        ValueError,
        "log_likelihoods[0, 1] must be -inf or finite, got nan",
    ),
    ({"impossible": "shrug"}, ValueError, "impossible must be 'raise' or 'mark', got 'shrug'"),
    ({"workers": 0}, ValueError, "workers must be at least 1, or -1 for all cores, got 0"),
]


@pytest.mark.parametrize(("options", "error", "message"), REFUSED, ids=[case[2] for case in REFUSED])
def test_refusals(options, error, message):
    tables = {"log_initial": [0.0, 0.0], "log_transition": np.zeros((2, 2)), "log_likelihoods": np.zeros((4, 2))}
    doors = (hf.expected_transitions, hf.pairwise_marginals, hf.log_likelihood_gradient, hf.posterior_decode)
    for door, (name, value) in itertools.product(doors, options.items()):
        with pytest.raises(error) as caught:
            door(**{**tables, name: value})
        assert str(caught.value) == message
