"""The n best paths: two oracles, that rank them exactly, and the laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hmmfilter as hf
from hmmfilter._drivers import jobs
from hmmfilter._kernels import n_best
from tests import cases, oracle
from tests.conftest import needs_compiled, note_share
from tests.strategies import any_tables, possible_tables
from tests.test_decoding import UNIT, whole_case
from tests.test_filtering import FAMILY, SMALL, impossible_at

LENGTHS = [3, 1, 12, 2, 2, 9, 1]


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch):
    """Blocks of the square root of the steps, also where all would fit into one."""
    monkeypatch.setattr(n_best, "MOST_WAYS", 0)


def check_ranking(case, ranking, n, where):
    """The very paths, in the very order, as two parts hold sums of such logs exactly; and their log-joints."""
    best = hf.viterbi_n_best(*case, n)
    assert best.paths.tolist() == [list(path) for _, path in ranking]
    assert best.log_joints.shape == (len(ranking),)
    shares = [oracle.joint_share(joint, got) for (joint, _), got in zip(ranking, best.log_joints, strict=True)]
    note_share("n best", max(shares), where)
    assert max(shares) <= 1


@FAMILY
@SMALL
def test_against_all_paths(family, n_steps, n_states):
    case = cases.draw(family, 0, n_steps, n_states)
    ranking = oracle.all_paths(case)
    for n in (1, 2, 5, n_states**n_steps, n_states**n_steps + 3):
        check_ranking(case, ranking[:n], n, f"{family.__name__}, T={n_steps}, K={n_states}, all paths")


@FAMILY
@pytest.mark.parametrize(
    ("n_steps", "n_states", "n"),
    [
        (1, 8, 5),
        (12, 9, 2),
        (40, 3, 4),
        pytest.param(40, 4, 20, marks=needs_compiled),
        pytest.param(300, 2, 7, marks=needs_compiled),
        pytest.param(150, 8, 3, marks=needs_compiled),
    ],
)
def test_against_eighty_digits(family, n_steps, n_states, n):
    case = cases.draw(family, 1, n_steps, n_states)
    check_ranking(case, oracle.best_paths(case, n), n, f"{family.__name__}, T={n_steps}, K={n_states}, n={n}")


@pytest.mark.parametrize("family", [cases.ordinary, cases.zeros, cases.potentials], ids=lambda family: family.__name__)
def test_changing_transitions(family):
    case = cases.changing(family, 1, 5, 3)
    check_ranking(case, oracle.all_paths(case)[:20], 20, f"changing {family.__name__}, T=5, K=3")
    case = cases.changing(family, 1, 30, 3)
    check_ranking(case, oracle.best_paths(case, 4), 4, f"changing {family.__name__}, T=30, K=3")


def test_the_two_oracles_agree():
    for family in cases.FAMILIES:
        case = cases.draw(family, 3, 4, 3)
        assert oracle.best_paths(case, 7) == oracle.all_paths(case)[:7]


@pytest.mark.parametrize("n_steps", range(1, 28))
def test_exact_ties_are_in_lexicographic_order(n_steps):
    """Of any number of steps, so that the blocks that are ranked anew end everywhere."""
    for n_states, n, values in [(2, 9, [0.0, -1.0]), (3, 4, [0.0])]:
        rng = np.random.default_rng([n_steps, n_states])
        case = whole_case(rng, n_steps, n_states, values, forbidden=0.1)
        check_ranking(case, oracle.best_paths(case, n), n, f"ties, T={n_steps}, K={n_states}")


@needs_compiled
@pytest.mark.parametrize("level", [-(2.0**18), 2.0**18])
@pytest.mark.parametrize(("n_steps", "n_states"), [(1000, 2), (300, 5)])
def test_scores_that_differ_below_the_digits_of_a_double(n_steps, n_states, level):
    rng = np.random.default_rng([n_states, n_steps])
    for values in ([0, 1, 5], rng.integers(0, 300, 20)):
        case = whole_case(rng, n_steps, n_states, UNIT * np.array(values), level, forbidden=0.2)
        check_ranking(case, oracle.best_paths(case, 6), 6, f"level {level}, T={n_steps}, K={n_states}")


@pytest.mark.parametrize("n_steps", [3, 50])
@pytest.mark.parametrize("n_states", [2, 3, 5])
def test_a_difference_of_1e_20_decides(n_steps, n_states):
    """As for `viterbi`: two paths of a million nats each, which part at the first step and never meet."""
    best, second = n_states - 1, n_states - 2
    log_likelihoods = np.full((n_steps, n_states), -1e6 / n_steps)
    log_likelihoods[:, :second] -= 1
    log_likelihoods[0, :] = 0.0
    log_initial = np.full(n_states, -1.0)
    log_initial[second:] = 0.0, 1e-20
    n_best = hf.viterbi_n_best(log_initial, cases.logs(np.eye(n_states)), log_likelihoods, 3)
    assert n_best.paths[:2].tolist() == [[best] * n_steps, [second] * n_steps]
    assert len(n_best.paths) == min(3, n_states)


@given(possible_tables(), st.integers(1, 7))
def test_they_are_different_and_ranked_and_their_log_joints_are_theirs(case, n):
    n_best = hf.viterbi_n_best(*case, n)
    assert len({tuple(path) for path in n_best.paths.tolist()}) == len(n_best.paths) == len(n_best.log_joints)
    assert np.all(np.diff(n_best.log_joints) <= 0)
    for path, log_joint in zip(n_best.paths, n_best.log_joints, strict=True):
        share = oracle.joint_share(oracle.path_joint(case, path), log_joint)
        note_share("n best", share, "a random case")
        assert share <= 1


@given(possible_tables(), st.integers(1, 7))
def test_the_first_is_the_one_of_viterbi(case, n):
    n_best, decoded = hf.viterbi_n_best(*case, n), hf.viterbi(*case)
    assert np.array_equal(n_best.paths[0], decoded.path)
    assert n_best.log_joints[0] == pytest.approx(decoded.log_joint, rel=oracle.EPSILON, abs=oracle.EPSILON)


@given(possible_tables(), st.data())
def test_fewer_are_the_first_of_more(case, data):
    more = hf.viterbi_n_best(*case, 8)
    n = data.draw(st.integers(1, 8))
    fewer = hf.viterbi_n_best(*case, n)
    assert np.array_equal(fewer.paths, more.paths[:n])
    assert np.array_equal(fewer.log_joints, more.log_joints[:n])


@pytest.mark.parametrize("family", [cases.ordinary, cases.wide_gaps, cases.potentials], ids=lambda f: f.__name__)
def test_other_names_for_the_states(family):
    log_initial, log_transition, log_likelihoods = cases.draw(family, 2, 20, 4)
    order = np.array([2, 0, 3, 1])
    renamed = hf.viterbi_n_best(log_initial[order], log_transition[np.ix_(order, order)], log_likelihoods[:, order], 6)
    n_best = hf.viterbi_n_best(log_initial, log_transition, log_likelihoods, 6)
    assert np.array_equal(order[renamed.paths], n_best.paths)
    assert np.array_equal(renamed.log_joints, n_best.log_joints)


def assert_same(one, other):
    assert np.array_equal(one.paths, other.paths)
    assert np.array_equal(one.log_joints, other.log_joints)


@pytest.mark.parametrize("workers", [1, 2, -1])
@pytest.mark.parametrize("n", [1, 3, 6])
@pytest.mark.parametrize("n_states", [1, 2, 4])
def test_each_sequence_is_as_alone(n_states, n, workers, monkeypatch):
    monkeypatch.setattr(jobs, "PIECE", 1)
    rng = np.random.default_rng(n_states)
    _, log_transition, log_likelihoods = cases.draw(cases.mixed, 5, sum(LENGTHS), n_states)
    log_initial = rng.normal(0, 3, (len(LENGTHS), n_states))
    many = hf.viterbi_n_best(log_initial, log_transition, log_likelihoods, n, lengths=LENGTHS, workers=workers)
    n_most = min(n, n_states ** max(LENGTHS))
    assert many.paths.shape == (n_most, sum(LENGTHS))
    assert many.log_joints.shape == (len(LENGTHS), n_most)
    ends = np.cumsum(LENGTHS)
    for k, (part, end, length) in enumerate(zip(many, ends, LENGTHS, strict=True)):
        alone = hf.viterbi_n_best(log_initial[k], log_transition, log_likelihoods[end - length : end], n)
        assert_same(part, alone)
        assert_same(part, many[k])
        n_paths = len(alone.paths)
        assert np.all(many.paths[n_paths:, end - length : end] == -1)
        assert np.all(many.log_joints[k, n_paths:] == -np.inf)


@pytest.mark.parametrize("n_steps", [1, 2, 30])
def test_blocks_change_no_bit(n_steps, monkeypatch):
    case = cases.draw(cases.mixed, 5, n_steps, 3)
    in_blocks = hf.viterbi_n_best(*case, 4)
    monkeypatch.setattr(n_best, "MOST_WAYS", 2**20)
    assert len(n_best.room_for_lists(n_steps, 3, 4).checkpoints) == min(1, n_steps - 1)
    assert_same(hf.viterbi_n_best(*case, 4), in_blocks)


@needs_compiled
def test_the_number_of_workers_changes_no_bit(monkeypatch):
    lengths = [700, 5, 2500, 1, 1, 1030, 3000, 80]
    case = cases.draw(cases.ordinary, 6, sum(lengths), 2)
    whole = hf.viterbi_n_best(*case, 4, lengths=lengths)
    monkeypatch.setattr(jobs, "PIECE", 1)
    for workers in (1, 2, 5):
        assert_same(hf.viterbi_n_best(*case, 4, lengths=lengths, workers=workers), whole)


def test_the_same_matrix_at_each_step_gives_the_same_bits():
    log_initial, log_transition, log_likelihoods = cases.draw(cases.mixed, 1, 30, 3)
    whole = hf.viterbi_n_best(log_initial, log_transition, log_likelihoods, 5)
    repeated = np.repeat(log_transition[None], 29, axis=0)
    assert_same(hf.viterbi_n_best(log_initial, repeated, log_likelihoods, 5), whole)
    pair, index = np.stack([log_transition, log_transition]), np.arange(29) // 5 % 2
    assert_same(hf.viterbi_n_best(log_initial, pair, log_likelihoods, 5, transition_index=index), whole)


def test_an_index_is_short_for_the_matrices_that_it_names():
    log_initial, log_transition, log_likelihoods = cases.changing(cases.mixed, 2, 40, 3)
    index = np.random.default_rng(0).integers(0, 3, 39)
    by_index = hf.viterbi_n_best(log_initial, log_transition[:3], log_likelihoods, 5, transition_index=index)
    assert_same(by_index, hf.viterbi_n_best(log_initial, log_transition[index], log_likelihoods, 5))


def test_allowed_states_are_those_whose_likelihoods_count():
    log_initial, log_transition, log_likelihoods = cases.draw(cases.ordinary, 0, 12, 3)
    allowed = np.random.default_rng(0).random((12, 3)) < 0.6
    allowed[:, 2] |= ~allowed.any(axis=1)
    masked = np.where(allowed, log_likelihoods, -np.inf)
    n_best = hf.viterbi_n_best(log_initial, log_transition, log_likelihoods, 5, allowed=allowed)
    assert_same(n_best, hf.viterbi_n_best(log_initial, log_transition, masked, 5))
    assert allowed[np.arange(12), n_best.paths].all()


@given(any_tables())
def test_impossible_where_it_is_for_the_filter(case):
    marked = hf.viterbi_n_best(*case, 2, impossible="mark")
    filtered = hf.forward_filter(*case, impossible="mark")
    if filtered.log_likelihood == -np.inf:
        assert marked.paths.shape == (0, len(case[2]))
        assert marked.log_joints.shape == (0,)
        with pytest.raises(hf.ImpossibleEvidenceError) as caught:
            hf.viterbi_n_best(*case, 2)
        assert filtered.log_increments[caught.value.step] == -np.inf
    else:
        assert np.isfinite(marked.log_joints).all()
        assert len(marked.paths) > 0


def test_marking_an_impossible_sequence_spares_the_others():
    log_initial, log_transition, log_likelihoods = cases.draw(cases.ordinary, 0, 12, 3)
    log_likelihoods[5] = -np.inf
    case, lengths = (log_initial, log_transition, log_likelihoods), [3, 5, 4]
    marked = hf.viterbi_n_best(*case, 2, lengths=lengths, impossible="mark")
    assert [len(part.paths) for part in marked] == [2, 0, 2]
    assert (marked.paths[:, 3:8] == -1).all()
    assert (marked.log_joints[1] == -np.inf).all()
    with pytest.raises(hf.ImpossibleEvidenceError, match="from step 2 of sequence 1 on") as caught:
        hf.viterbi_n_best(*case, 2, lengths=lengths)
    assert (caught.value.step, caught.value.sequence) == (2, 1)


@pytest.mark.parametrize(
    ("n", "error", "message"),
    [
        (0, ValueError, "n must be at least 1, got 0"),
        (-3, ValueError, "n must be at least 1, got -3"),
        (2.0, TypeError, "n must be an integer, got 2.0"),
        (None, TypeError, "n must be an integer, got None"),
    ],
)
def test_refusals(n, error, message):
    with pytest.raises(error) as caught:
        hf.viterbi_n_best([0.0], [[0.0]], [[0.0]], n)
    assert str(caught.value) == message


def test_many_more_than_there_are_take_no_room():
    assert hf.viterbi_n_best([0.0, 0.0], np.zeros((2, 2)), np.zeros((2, 2)), 10**15).paths.tolist() == [
        [0, 0],
        [0, 1],
        [1, 0],
        [1, 1],
    ]
    assert hf.viterbi_n_best([0.0], [[0.0]], np.zeros((99, 1)), 10**15).paths.shape == (1, 99)
    assert hf.viterbi_n_best([0.0, 0.0], np.zeros((2, 2)), np.zeros((3, 2)), 10**15, lengths=[1, 2]).paths.shape == (
        4,
        3,
    )


CASE = np.log([0.5, 0.5]), np.log([[0.9, 0.1], [0.2, 0.8]]), np.log([[0.9, 0.2], [0.3, 0.6]])


def test_results_print():
    assert repr(hf.viterbi_n_best(*CASE, 3)) == (
        "NBest: 3 paths, 2 steps, 2 states\n"
        "  path  log-joint  step 0  1\n"
        "     0    -2.1078       0  0\n"
        "     1    -3.0366       1  1\n"
        "     2    -3.6119       0  1"
    )
    long = hf.viterbi_n_best(*CASE[:2], np.zeros((9, 2)), 2)
    assert repr(long) == (
        "NBest: 2 paths, 9 steps, 2 states\n"
        "  path  log-joint  step 0  1  2  ...  7  8\n"
        "     0    -1.5360       0  0  0  ...  0  0\n"
        "     1    -2.4783       1  1  1  ...  1  1"
    )
    many = hf.viterbi_n_best(*CASE[:2], np.zeros((3, 2)), 3, lengths=[1, 2])
    assert repr(many) == (
        "NBest: 2 sequences, 3 steps, 2 states, up to 3 paths\n"
        "  sequence  steps  paths  best log-joint\n"
        "         0      1      2         -0.6931\n"
        "         1      2      3         -0.7985"
    )
    none = hf.viterbi_n_best(*impossible_at(1, n_steps=2, n_states=2), 3, impossible="mark")
    assert repr(none) == "NBest: 0 paths, 2 steps, 2 states\n  path  log-joint  step 0  1"


def test_the_model_knows_the_names():
    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
    counts = [0, 2, None, 7]
    n_best = model.viterbi_n_best(counts, 3)
    tables = model.log_initial, model.log_transition, model.emission.log_likelihoods(counts)
    assert_same(n_best, hf.viterbi_n_best(*tables, 3))
    assert n_best.state_names == ("calm", "busy")
    assert "calm  calm" in repr(n_best)
    by_list = model.viterbi_n_best([counts, [4]], 3, workers=2)
    assert_same(by_list[0], n_best)
    assert by_list[1].state_names == ("calm", "busy")
    assert by_list[1].paths.tolist() == [[1], [0]]


def test_results_are_frozen_and_count_by_sequence():
    single = hf.viterbi_n_best(*CASE, 2)
    assert single.lengths is None
    assert np.array_equal(list(single), single.paths)
    many = hf.viterbi_n_best(*CASE, 2, lengths=[1, 1])
    assert len(many) == 2
    assert many.lengths.tolist() == [1, 1]
    assert_same(many[-1], many[1])
    with pytest.raises(IndexError):
        many[2]
    for array in (single.paths, single.log_joints, many.paths, many[0].paths):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_the_picture_shows_how_probable_each_state_is_given_one_of_the_paths():
    n_best = hf.viterbi_n_best(*CASE, 4)
    weights = n_best._bands().weights
    np.testing.assert_allclose(weights, hf.smooth(*CASE).probabilities, rtol=1e-14)
    assert n_best.plot().get_xlim() == (-0.5, 1.5)
    none = hf.viterbi_n_best(*impossible_at(1), 3, impossible="mark")
    assert none.plot().get_xlim() == (-0.5, 4.5)
