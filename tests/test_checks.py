"""Every refusal of the functional core and of the model: the argument, what is required, and what came."""

import pickle
import re

import numpy as np
import pytest
from scipy import stats

import hmmfilter as hf
from hmmfilter import _checks, lse, underflow
from hmmfilter.emissions import Bernoulli, Categorical, FromScipy, Gaussian, Poisson

GOOD = {
    "log_initial": np.zeros(2),
    "log_transition": np.zeros((2, 2)),
    "log_likelihoods": np.zeros((3, 2)),
}


def entry(value, *index, shape=(3, 2)):
    table = np.zeros(shape)
    table[index] = value
    return table


CORE = [
    (
        "log_initial",
        [0.0, np.nan],
        ValueError,
        "log_initial[1] must be -inf or finite, got nan",
    ),
    ("log_initial", [], ValueError, "log_initial must have shape (K,) with no length of 0, got (0,)"),
    ("log_initial", 0.0, ValueError, "log_initial must have shape (K,), got ()"),
    ("log_initial", [0, 0, 0], ValueError, "log_transition must have shape (3, 3), got (2, 2)"),
    (
        "log_transition",
        entry(np.inf, 0, 1, shape=(2, 2)),
        ValueError,
        "log_transition[0, 1] must be -inf or finite, got inf",
    ),
    ("log_transition", np.zeros((2, 3)), ValueError, "log_transition must have shape (2, 2), got (2, 3)"),
    ("log_transition", [[0, 0], [0]], ValueError, "log_transition must be rectangular, got rows of unequal length"),
    (
        "log_likelihoods",
        entry(np.nan, 2, 1),
        ValueError,
        "log_likelihoods[2, 1] must be -inf or finite, got nan",
    ),
    (
        "log_likelihoods",
        entry(-1e300, 0, 0),
        ValueError,
        "log_likelihoods[0, 0] must be at most 1e+22 in magnitude, or -inf (an observation that is so far from each state "
        "is better given as a missing one), got -1e+300",
    ),
    (
        "log_likelihoods",
        np.zeros((0, 2)),
        ValueError,
        "log_likelihoods must have shape (T, 2) with no length of 0, got (0, 2)",
    ),
    ("log_likelihoods", np.zeros(2), ValueError, "log_likelihoods must have shape (T, 2), got (2,)"),
    (
        "log_likelihoods",
        np.zeros((3, 2), complex),
        TypeError,
        "log_likelihoods must hold real numbers, got dtype complex128",
    ),
    (
        "log_likelihoods",
        np.zeros((3, 2), object),
        TypeError,
        "log_likelihoods must hold real numbers, got dtype object",
    ),
    ("log_likelihoods", [["a", "b"]], TypeError, "log_likelihoods must hold real numbers, got dtype <U1"),
    ("log_likelihoods", None, TypeError, "log_likelihoods must hold real numbers, got dtype object"),
    (
        "log_likelihoods",
        np.ma.masked_equal(np.eye(2), 1),
        TypeError,
        "log_likelihoods must have no masked entries, got some",
    ),
    (
        "log_likelihoods",
        [np.ma.array([0.0, 0.0], mask=[0, 1])],
        TypeError,
        "log_likelihoods must have no masked entries, got some",
    ),
    ("log_likelihoods", np.zeros((3, 2), bool), TypeError, "log_likelihoods must hold real numbers, got dtype bool"),
]


@pytest.mark.parametrize("door", [hf.forward_filter, hf.smooth, hf.viterbi, hf.log_likelihood])
@pytest.mark.parametrize(("name", "value", "error", "message"), CORE, ids=[case[3] for case in CORE])
def test_the_core_refuses(door, name, value, error, message):
    with pytest.raises(error) as caught:
        door(**{**GOOD, name: value})
    assert str(caught.value) == message


PREDICTION = [
    (
        [0.0, np.nan],
        1,
        ValueError,
        "log_probabilities[1] must be -inf or finite, got nan",
    ),
    (np.zeros((1, 3, 2)), 1, ValueError, "log_probabilities must have shape (K,), got (1, 3, 2)"),
    (np.zeros(3), 1, ValueError, "log_transition must have shape (3, 3), got (2, 2)"),
    (np.zeros(2), 0, ValueError, "steps must be at least 1, got 0"),
    (np.zeros(2), 1.0, TypeError, "steps must be an integer, got 1.0"),
]


@pytest.mark.parametrize(
    ("log_probabilities", "steps", "error", "message"), PREDICTION, ids=[case[3] for case in PREDICTION]
)
def test_a_prediction_refuses(log_probabilities, steps, error, message):
    with pytest.raises(error) as caught:
        hf.predict(log_probabilities, np.zeros((2, 2)), steps)
    assert str(caught.value) == message


@pytest.mark.parametrize("door", [hf.forward_filter, hf.smooth, hf.viterbi])
def test_impossible_has_three_words(door):
    for word in ("ignore", None, np.array(["raise", "mark"])):
        with pytest.raises(
            ValueError, match=re.escape(f"impossible must be 'raise', 'mark' or 'restart', got {word!r}")
        ):
            door(**GOOD, impossible=word)


def test_impossible_evidence_says_where():
    error = _checks.ImpossibleEvidenceError(3, 7)
    assert str(error).startswith("the evidence is impossible from step 3 of sequence 7 on: ")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.step, copy.sequence) == (3, 7)


COIN = Bernoulli([0.5, 0.5])
HALF = [[0.5, 0.5], [0.5, 0.5]]


class NoSample:
    n_states = 2
    log_likelihoods = None


MODEL = [
    (lambda: hf.HMM([0.5, 0.5], HALF, Bernoulli), TypeError, "emission must be an emission, got the class Bernoulli"),
    (
        lambda: hf.HMM([0.5, 0.5], HALF, COIN, frozenset("a")),
        TypeError,
        "state_names must be a list of non-empty strings, got frozenset({'a'})",
    ),
    (
        lambda: hf.HMM([0.5, 0.5], HALF, COIN, ["a", ""]),
        TypeError,
        "state_names must be a list of non-empty strings, got ['a', '']",
    ),
    (
        lambda: hf.HMM([0.5, 0.5], HALF, COIN).simulate(3, "x"),
        TypeError,
        "rng must be a numpy.random.Generator, a seed from 0 up, or None, got 'x'",
    ),
    (
        lambda: hf.HMM([0.5, 0.5], HALF, COIN).simulate(3, -1),
        TypeError,
        "rng must be a numpy.random.Generator, a seed from 0 up, or None, got -1",
    ),
    (lambda: Gaussian([[0.0, 1.0], [0.0]], [1.0]), ValueError, "mean must be rectangular, got rows of unequal length"),
    (
        lambda: Gaussian([[0.0, 1.0]], [[1.0], [1.0, 2.0]]),
        ValueError,
        "covariance must be rectangular, got rows of unequal length",
    ),
    (
        lambda: COIN.sample([0, 2], np.random.default_rng(0)),
        ValueError,
        "states[1] must be a whole number from 0 to 1, got 2.0",
    ),
    (
        lambda: Poisson([1.0, 1e22]).sample([0, 1], np.random.default_rng(0)),
        ValueError,
        "the rate of states[1] must be at most 9e+18 for counts to be drawn, got 1e+22",
    ),
    (
        lambda: COIN.sample([-1], np.random.default_rng(0)),
        ValueError,
        "states[0] must be a whole number from 0 to 1, got -1.0",
    ),
    (
        lambda: hf.HMM([0.5, 0.48], HALF, COIN),
        ValueError,
        "initial must sum to 1, got 0.98: normalize=True divides by the sum",
    ),
    (
        lambda: hf.HMM([0.5, 0.5], [[0.5, 0.5], [0.5, 0.48]], COIN),
        ValueError,
        "transition row 1 must sum to 1, got 0.98: normalize=True divides by the sum",
    ),
    (lambda: hf.HMM([1.1, -0.1], HALF, COIN), ValueError, "initial[1] must be at least 0, got -0.1"),
    (lambda: hf.HMM([np.nan, 1], HALF, COIN), ValueError, "initial[0] must be finite, got nan"),
    (lambda: hf.HMM([1.0], HALF, COIN), ValueError, "initial must have shape (2,), got (1,)"),
    (lambda: hf.HMM([0.5, 0.5], [[0.5, 0.5]], COIN), ValueError, "transition must have shape (1, 1), got (1, 2)"),
    (lambda: hf.HMM("uniform", HALF, COIN), ValueError, "initial must be probabilities or 'stationary', got 'uniform'"),
    (lambda: hf.HMM([1.0], [[1.0]], COIN), ValueError, "emission must have the 1 states of transition, got 2"),
    (
        lambda: hf.HMM([0.5, 0.5], HALF, NoSample()),
        TypeError,
        "emission must have n_states, log_likelihoods and sample, as those of hmmfilter.emissions do, got NoSample without sample",
    ),
    (
        lambda: hf.HMM([0.5, 0.5], HALF, COIN, ["a", "a"]),
        ValueError,
        "state_names must be 2 different names, got ['a', 'a']",
    ),
    (lambda: hf.HMM([0.5, 0.5], HALF, COIN, ["a"]), ValueError, "state_names must be 2 different names, got ['a']"),
    (
        lambda: hf.HMM([0.5, 0.5], HALF, COIN, [0, 1]),
        TypeError,
        "state_names must be a list of non-empty strings, got [0, 1]",
    ),
    (
        lambda: hf.HMM([0.5, 0.5], HALF, COIN, "ab"),
        TypeError,
        "state_names must be a list of non-empty strings, got 'ab'",
    ),
    (lambda: hf.HMM([0.5, 0.5], HALF, COIN).forecast([1], 0), ValueError, "steps must be at least 1, got 0"),
    (lambda: hf.HMM([0.5, 0.5], HALF, COIN).forecast([1], "2"), TypeError, "steps must be an integer, got '2'"),
    (lambda: hf.HMM([0.5, 0.5], HALF, COIN).simulate(0), ValueError, "length must be at least 1, got 0"),
    (lambda: hf.HMM([0.5, 0.5], HALF, COIN).simulate(2.5), TypeError, "length must be an integer, got 2.5"),
    (
        lambda: Categorical([[0.5, 0.5], [0.5, 0.6]]),
        ValueError,
        "probabilities row 1 must sum to 1, got 1.1: normalize=True divides by the sum",
    ),
    (lambda: Categorical([0.5, 0.5]), ValueError, "probabilities must have shape (K, M), got (2,)"),
    (lambda: Bernoulli([0.5, 1.5]), ValueError, "probability[1] must be at most 1, got 1.5"),
    (lambda: Poisson([-1.0]), ValueError, "rate[0] must be at least 0, got -1.0"),
    (lambda: Gaussian([0.0], [0.0]), ValueError, "covariance[0] must be above 0, got 0.0"),
    (
        lambda: Gaussian([0.0, 1.0], [1.0]),
        ValueError,
        "covariance must have shape (2,) if variances, () if tied or (2,) if spherical, got (1,)",
    ),
    (
        lambda: Gaussian([[0.0, 1.0]], [[1.0]]),
        ValueError,
        "covariance must have shape (1, 2) if variances, (1, 2, 2) if full, (2, 2) if tied or (1,) if spherical, got (1, 1)",
    ),
    (
        lambda: Gaussian(np.zeros((2, 2)), np.eye(2)),
        ValueError,
        "covariance of shape (2, 2) may hold a row of variances for each of 2 states, or one matrix of vectors of 2 for all states: add kind='variances' or kind='tied'",
    ),
    (
        lambda: Gaussian(np.zeros((3, 2)), np.eye(2), kind="variances"),
        ValueError,
        "covariance must have shape (3, 2), got (2, 2)",
    ),
    (
        lambda: Gaussian([0.0], [1.0], kind="full"),
        ValueError,
        "the kind of covariance of numbers must be one of variances, tied, spherical, got 'full'",
    ),
    (
        lambda: Gaussian([[0.0]], [1.0], kind="diag"),
        ValueError,
        "the kind of covariance of vectors must be one of variances, full, tied, spherical, got 'diag'",
    ),
    (lambda: Gaussian([[0.0]], [-1.0], kind="spherical"), ValueError, "covariance[0] must be above 0, got -1.0"),
    (lambda: Gaussian([0.0], -1.0, kind="tied"), ValueError, "covariance must be above 0, got -1.0"),
    (
        lambda: Gaussian(np.zeros((3, 2)), [[1.0, 0.5], [0.4, 1.0]]),
        ValueError,
        "covariance must be symmetric, got 0.5 at [0, 1] and 0.4 at [1, 0]",
    ),
    (
        lambda: Gaussian([[0.0, 1.0]], [[[1.0, 0.5], [0.4, 1.0]]]),
        ValueError,
        "covariance 0 must be symmetric, got 0.5 at [0, 1] and 0.4 at [1, 0]",
    ),
    (
        lambda: Gaussian([[0.0, 1.0]], [[[1.0, 2.0], [2.0, 1.0]]]),
        ValueError,
        "covariance 0 must be positive definite, got a smallest eigenvalue of -1",
    ),
]


@pytest.mark.parametrize(("build", "error", "message"), MODEL, ids=[case[2] for case in MODEL])
def test_the_model_refuses(build, error, message):
    with pytest.raises(error) as caught:
        build()
    assert str(caught.value) == message


OBSERVATIONS = [
    (
        Poisson([1.0]),
        {0: 1, 1: 2},
        TypeError,
        "observations must be a number, or NaN or None where missing, got {0: 1, 1: 2}",
    ),
    (Poisson([1.0]), {7}, TypeError, "observations must be a number, or NaN or None where missing, got {7}"),
    (
        Poisson([1.0]),
        [1, 10**400],
        ValueError,
        "observations[1] must fit into a double, got 100000000000000000...0000000000000000000",
    ),
    (
        Poisson([1.0]),
        [np.timedelta64(1, "s")],
        TypeError,
        "observations[0] must be a number, or NaN or None where missing, got 1 seconds: times become numbers by division, as (times - start) / np.timedelta64(1, 's')",
    ),
    (
        Poisson([1.0]),
        np.ma.array(["1", "2"]),
        TypeError,
        "observations[0] must be a number, or NaN or None where missing, got '1'",
    ),
    (
        Poisson([1.0]),
        np.ma.array([1j, 2], mask=[0, 1]),
        TypeError,
        "observations[0] must be a number, or NaN or None where missing, got 1j",
    ),
    (
        Gaussian([[0.0, 0.0]], [[1.0, 1.0]]),
        [[1, 2], {1, 2}],
        TypeError,
        "observations[1] must be a vector of 2, or NaN or None where missing, got {1, 2}",
    ),
    (
        FromScipy([stats.poisson(1.0)]),
        [1, 1.5],
        ValueError,
        "observations[1] must be a whole number, or missing, got 1.5",
    ),
    (COIN, [0, 2], ValueError, "observations[1] must be a whole number from 0 to 1, or missing, got 2.0"),
    (
        Categorical([[0.5, 0.5]]),
        [-1],
        ValueError,
        "observations[0] must be a whole number from 0 to 1, or missing, got -1.0",
    ),
    (Poisson([1.0]), [3, -1], ValueError, "observations[1] must be a whole number from 0 up, or missing, got -1.0"),
    (Poisson([1.0]), [3, 1.5], ValueError, "observations[1] must be a whole number from 0 up, or missing, got 1.5"),
    (Poisson([1.0]), [3, np.inf], ValueError, "observations[1] must be finite, or NaN or None where missing, got inf"),
    (Poisson([1.0]), [], ValueError, "observations must have shape (T,) with no length of 0, got (0,)"),
    (
        Poisson([1.0]),
        [[1, 2]],
        ValueError,
        "observations must have shape (T,), got (1, 2): of several columns, choose one",
    ),
    (Poisson([1.0]), np.zeros((0, 1)), ValueError, "observations must have shape (T,) with no length of 0, got (0,)"),
    (
        Poisson([1.0]),
        [1, "two"],
        TypeError,
        "observations[1] must be a number, or NaN or None where missing, got 'two'",
    ),
    (Poisson([1.0]), ["1"], TypeError, "observations[0] must be a number, or NaN or None where missing, got '1'"),
    (Poisson([1.0]), "12", TypeError, "observations must be a number, or NaN or None where missing, got '12'"),
    (Poisson([1.0]), [1, [2]], TypeError, "observations[1] must be a number, or NaN or None where missing, got [2]"),
    (Poisson([1.0]), [1j], TypeError, "observations[0] must be a number, or NaN or None where missing, got 1j"),
    (
        Gaussian([[0.0, 0.0]], [[1.0, 1.0]]),
        [[1, 2], [3, "x"]],
        TypeError,
        "observations[1, 1] must be a number, or NaN or None where missing, got 'x'",
    ),
    (Gaussian([[0.0, 0.0]], [[1.0, 1.0]]), [[1, 2], [3]], ValueError, "observations[1] must have 2 entries, got 1"),
    (
        Gaussian([[0.0, 0.0]], [[1.0, 1.0]]),
        [[1, 2], None, "ab"],
        TypeError,
        "observations[2] must be a vector of 2, or NaN or None where missing, got 'ab'",
    ),
    (Gaussian([[0.0, 0.0]], [[1.0, 1.0]]), [1.0, 2.0], ValueError, "observations must have shape (T, 2), got (2,)"),
    (
        Gaussian([[0.0, 0.0]], [[1.0, 1.0]]),
        [[1, 2], [3, -np.inf]],
        ValueError,
        "observations[1, 1] must be finite, or NaN or None where missing, got -inf",
    ),
]


@pytest.mark.parametrize(
    ("emission", "value", "error", "message"), OBSERVATIONS, ids=[case[3] for case in OBSERVATIONS]
)
def test_emissions_refuse(emission, value, error, message):
    with pytest.raises(error) as caught:
        emission.log_likelihoods(value)
    assert str(caught.value) == message


def test_rows_within_the_tolerance_are_used_as_given():
    model = hf.HMM([0.5, 0.5 + 1e-9], HALF, COIN)
    assert model.initial.tolist() == [0.5, 0.5 + 1e-9]
    with pytest.raises(ValueError, match=r"initial must sum to 1, got 1\.0000001"):
        hf.HMM([0.5, 0.5 + 1e-7], HALF, COIN)


QUOTED = [
    ("word", "'word'"),
    ("x" * 10_000_000, "'" + "x" * 37 + "..." + "x" * 38 + "'"),
    (["a", 1, None], "['a', 1, None]"),
    (list(range(100)), "[0, 1, 2, 3, 4, 5, 6, 7, ...]"),
    ([["x" * 100] * 100] * 100, "[['xxx"),
    (10**5000, "<integer of 16610 bits>"),
    (-(2**64), "-18446744073709551616"),
    (np.zeros(3), "array([0., 0., 0.])"),
    ({1: 2}, "{1: 2}"),
    (np.float64(1.0), "1.0"),
    (np.float32(0.1), "0.1"),
    (np.longdouble(1.0), "1.0"),
    (np.int64(-3), "-3"),
    (np.bool_(True), "True"),
    (np.str_("word"), "'word'"),
    (np.bytes_(b"word"), "b'word'"),
    (np.datetime64("2020-01-01"), "2020-01-01"),
    ([np.float64(1.0), {"key": np.str_("word")}], "[1.0, {'key': 'word'}]"),
    ("a\x1b\ud800", r"'a\x1b\ud800'"),
]


@pytest.mark.parametrize(("value", "words"), QUOTED, ids=range(len(QUOTED)))
def test_messages_quote_a_line_at_most(value, words):
    assert _checks.shown(value).startswith(words)
    assert len(_checks.shown(value)) <= 80


ABUSED = [
    lambda long: hf.HMM([1.0], [[1.0]], hf.emissions.Poisson([1.0]), [long] * 2),
    lambda long: hf.HMM(long, [[1.0]], hf.emissions.Poisson([1.0])),
    lambda long: hf.emissions.Poisson([1.0]).log_likelihoods([long]),
    lambda long: hf.emissions.Poisson([1.0]).log_likelihoods([10**5000]),
    FromScipy,
    lambda long: hf.emissions.FromScipy([long]),
    lambda long: hf.emissions.Categorical([[1.0]], symbols=long),
    lambda long: hf.emissions.Categorical([[1.0]], symbols=["a"]).log_likelihoods([long]),
    lambda long: hf.emissions.Categorical([[1.0]], symbols=["a"]).log_likelihoods(long),
    lambda long: hf.forward_filter([0.0], [[0.0]], [[0.0]], impossible=long),
    lambda long: hf.smooth([0.0], [[0.0]], [[0.0]], workers=long),
    lambda long: hf.naive.forward_filter([1.0], [[1.0]], [[1.0]], dtype=long),
    lambda long: hf.lse.logsumexp([1.0], axis=long),
]


@pytest.mark.parametrize("call", ABUSED, ids=range(len(ABUSED)))
def test_no_refusal_quotes_at_length(call):
    with pytest.raises((ValueError, TypeError)) as caught:
        call("x" * 10_000_000)
    assert len(str(caught.value)) < 300


HUGE, ENDLESS = 10**30, 10**5000
AT_MOST = "must be at most {}, or the result takes over 128 TiB, got {}"
N_ROWS = 17_000  # so that there are more paths than anybody asks for
TWO_BY_TWO = np.zeros(2), np.zeros((2, 2)), np.zeros((N_ROWS, 2))
SIZED = {
    "size": (lambda n: hf.sample_paths(*TWO_BY_TWO, n), 2**44 // N_ROWS),
    "n": (lambda n: hf.viterbi_n_best(*TWO_BY_TWO, n), 2**44 // N_ROWS),
    "length": (lambda n: hf.HMM([0.5, 0.5], HALF, COIN).simulate(n), 2**44),
    "lag": (lambda n: hf.FixedLagSmoother(*TWO_BY_TWO[:2], n), 2**44 // 10),
    "rolls": (lambda n: underflow.roll(n, 0), 2**44),
}


@pytest.mark.parametrize(("name", "sized"), SIZED.items(), ids=SIZED)
def test_sizes_beyond_all_memory(name, sized):
    call, most = sized
    for n, words in ((HUGE, str(HUGE)), (ENDLESS, "<integer of 16610 bits>"), (most + 1, str(most + 1))):
        with pytest.raises(ValueError, match=name) as caught:
            call(n)
        assert str(caught.value) == f"{name} {AT_MOST.format(most, words)}"
    with pytest.raises(ValueError, match=name) as caught:
        call(-ENDLESS)
    assert str(caught.value) == f"{name} must be at least {int(name != 'lag')}, got <integer of 16610 bits>"


def test_no_more_paths_are_asked_for_than_there_are():
    assert len(hf.viterbi_n_best(np.zeros(2), np.zeros((2, 2)), np.zeros((3, 2)), HUGE).log_joints) == 8
    assert len(hf.viterbi_n_best(np.zeros(1), np.zeros((1, 1)), np.zeros((70, 1)), HUGE).log_joints) == 1


@pytest.mark.parametrize("value", [{}, None, 1, "no", np.array(True)], ids=repr)
def test_yes_or_no(value):
    out = np.empty((N_ROWS, 2))
    for call, name in (
        (lambda: hf.expected_transitions(*TWO_BY_TWO, per_sequence=value), "per_sequence"),
        (lambda: hf.log_likelihood_gradient(*TWO_BY_TWO, parameters_only=value), "parameters_only"),
        (lambda: hf.smooth(*TWO_BY_TWO, out=out, out_logs=value), "out_logs"),
        (lambda: hf.forward_filter(*TWO_BY_TWO, out_logs=value), "out_logs"),
    ):
        with pytest.raises(TypeError) as caught:
            call()
        assert str(caught.value) == f"{name} must be True or False, got {value!r}"


def test_a_yes_of_numpy_is_one():
    assert hf.expected_transitions(**GOOD, lengths=[1, 2], per_sequence=np.True_).counts.shape == (2, 2, 2)


def test_integers_of_any_length_are_real_numbers():
    """NumPy makes objects of those beyond 64 bits."""
    log_initial = [-(10**20), 0]
    assert hf.forward_filter(log_initial, *list(GOOD.values())[1:]).log_probabilities[0, 0] == pytest.approx(-1e20)
    assert lse.logsumexp([HUGE, 0]) == 1e30
    assert COIN.sample([0, 1], np.random.default_rng(0)).shape == (2,)
    with pytest.raises(ValueError, match=re.escape("states[0] must be a whole number from 0 to 1, got 1e+30")):
        COIN.sample([HUGE, 1], np.random.default_rng(0))
    for table in ([ENDLESS, 0], [HUGE, None], [HUGE, "0"], [1, 1j, HUGE]):
        with pytest.raises(TypeError, match="log_initial must hold real numbers, got dtype"):
            hf.forward_filter(table, *list(GOOD.values())[1:])
