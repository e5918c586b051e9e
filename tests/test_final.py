"""End probabilities: a model of sequences of all lengths, against all of its paths."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

import hmmfilter as hf

INITIAL = np.array([0.25, 0.75])
MATRIX = np.array([[0.75, 0.25], [0.125, 0.875]])
FINAL = np.array([0.5, 0.0625])
SHOWS = np.array([0.875, 0.25])
COIN = hf.emissions.Bernoulli(SHOWS)
MODEL = hf.HMM(INITIAL, MATRIX, COIN, ["calm", "busy"], final=FINAL)
FLIPS = [1, 0, 0, 1]


def joints(flips, ends=True):
    """The probability of each path with the observations, exactly; of one that ends after them, or goes on."""
    initial, matrix, final, shows = (
        np.vectorize(Fraction, otypes=[object])(x) for x in (INITIAL, MATRIX, FINAL, SHOWS)
    )
    for path in itertools.product(range(2), repeat=len(flips)):
        joint = initial[path[0]]
        for i, j in itertools.pairwise(path):
            joint *= (1 - final[i]) * matrix[i][j]
        for k, flip in zip(path, flips, strict=True):
            joint *= 1 if flip is None else shows[k] if flip else 1 - shows[k]
        yield path, joint * (final[path[-1]] if ends else 1)


PATHS = dict(joints(FLIPS))
TOTAL = sum(PATHS.values())


def share_of(is_counted):
    return float(sum(joint for path, joint in PATHS.items() if is_counted(path)) / TOTAL)


def test_the_likelihood_knows_that_a_sequence_ends():
    assert np.isclose(MODEL.log_likelihood(FLIPS), np.log(float(TOTAL)), rtol=1e-15)
    assert np.isclose(MODEL.filter(FLIPS).log_likelihood, np.log(float(TOTAL)), rtol=1e-15)


def test_it_is_a_distribution_over_sequences_of_all_lengths():
    ended = sum(
        np.exp(MODEL.log_likelihood(list(flips))) for n in range(1, 7) for flips in itertools.product([0, 1], repeat=n)
    )
    longer = float(sum(joint * (1 - Fraction(FINAL[path[-1]])) for path, joint in joints([None] * 6, ends=False)))
    assert np.isclose(ended + longer, 1.0, rtol=1e-14)


def test_posteriors_are_those_of_all_paths():
    smoothed, filtered = MODEL.smooth(FLIPS).probabilities, MODEL.filter(FLIPS).probabilities
    pairs = np.exp(MODEL.pairwise_marginals(FLIPS))
    for t, i in itertools.product(range(4), range(2)):
        assert np.isclose(smoothed[t, i], share_of(lambda path, t=t, i=i: path[t] == i), rtol=1e-14)
    for t, i, j in itertools.product(range(3), range(2), range(2)):
        expected = share_of(lambda path, t=t, i=i, j=j: path[t : t + 2] == (i, j))
        assert np.isclose(pairs[t, i, j], expected, rtol=1e-14)
    assert np.allclose(MODEL.expected_transitions(FLIPS).counts, pairs.sum(axis=0), rtol=1e-14)
    assert np.array_equal(filtered[-1], smoothed[-1])
    going_on = dict(joints(FLIPS[:2], ends=False))
    second = sum(joint for path, joint in going_on.items() if path[1] == 0) / sum(going_on.values())
    assert np.isclose(filtered[1, 0], float(second), rtol=1e-14)


def test_the_best_paths_are_those_that_end_well():
    ranked = sorted(PATHS, key=lambda path: -PATHS[path])
    best = MODEL.viterbi(FLIPS)
    assert best.path.tolist() == list(ranked[0])
    assert np.isclose(best.log_joint, np.log(float(PATHS[ranked[0]])), rtol=1e-15)
    assert MODEL.viterbi_n_best(FLIPS, 5).paths.tolist() == [list(path) for path in ranked[:5]]
    through = MODEL.max_marginals(FLIPS)
    assert np.isclose(through[2, 1], np.log(float(max(PATHS[p] for p in ranked if p[2] == 1))), rtol=1e-15)
    assert np.isclose(
        MODEL.posterior_decode(FLIPS).expected_correct, MODEL.smooth(FLIPS).probabilities.max(axis=1).sum(), rtol=1e-14
    )


def test_the_gradient_knows_the_end():
    gradient, step = MODEL.log_likelihood_gradient(FLIPS), 1e-6

    def at(final):
        return hf.HMM(INITIAL, MATRIX, COIN, final=final).log_likelihood(FLIPS)

    slope = (at(FINAL * [1 + step, 1]) - at(FINAL * [1 - step, 1])) / (2 * step)
    odds = FINAL[0] / (1 - FINAL[0])
    assert np.isclose(slope, gradient.log_likelihoods[-1, 0] - odds * gradient.log_transition[0].sum(), rtol=1e-6)


def test_several_sequences_each_end():
    alone = [MODEL.log_likelihood(flips) for flips in (FLIPS, [1], [0, 0])]
    assert MODEL.log_likelihood([FLIPS, [1], [], [0, 0]]).tolist() == [alone[0], alone[1], 0.0, alone[2]]
    assert np.array_equal(MODEL.filter([FLIPS, [], [1]])[0].probabilities, MODEL.filter(FLIPS).probabilities)


def test_drawn_paths_end_well():
    paths = MODEL.sample_paths(FLIPS, 20_000, rng=0)
    assert np.isclose((paths[:, 3] == 0).mean(), share_of(lambda path: path[3] == 0), atol=0.01)


def test_simulated_sequences_end_by_themselves():
    states, observations = MODEL.simulate(rng=0, n_sequences=4000)
    lengths = np.array(list(map(len, states)))
    assert [*map(len, observations)] == lengths.tolist()
    for n in (1, 2, 3):
        expected = sum(joint for _, joint in joints([None] * n))
        assert np.isclose((lengths == n).mean(), float(expected), atol=0.03)
    of_one = [path[0] for path in states if len(path) == 1]
    ended = dict(joints([None]))
    assert np.isclose(np.mean(of_one), float(ended[(1,)] / sum(ended.values())), atol=0.05)
    alone, _ = MODEL.simulate(rng=0)
    assert np.array_equal(alone, MODEL.simulate(rng=0, n_sequences=1)[0][0])
    certain = hf.HMM([1.0, 0.0], [[0.0, 1.0], [1.0, 0.0]], COIN, final=[0.0, 1.0])
    assert certain.simulate(rng=1)[0].tolist() == [0, 1]


def test_simulated_sequences_of_a_length_end_then():
    states, _ = MODEL.simulate(3, rng=1, n_sequences=3000)
    expected = dict(joints([None] * 3))
    share = sum(joint for path, joint in expected.items() if path[2] == 0) / sum(expected.values())
    assert np.isclose(np.mean([path[2] == 0 for path in states]), float(share), atol=0.03)
    impossible = hf.HMM([1.0, 0.0], [[0.0, 1.0], [1.0, 0.0]], COIN, final=[0.0, 1.0])
    with pytest.raises(hf.ImpossibleEvidenceError):
        impossible.simulate(3)


def test_many_sequences_from_a_state_by_a_changing_chain():
    plain = hf.HMM(INITIAL, MATRIX, COIN, ["calm", "busy"])
    states, observations = plain.simulate([2, 5], rng=2, start="busy")
    assert ([*map(len, states)], [*map(len, observations)]) == ([2, 5], [2, 5])
    assert all(path[0] == 1 for path in states)
    assert np.array_equal(plain.simulate(6, rng=3, n_sequences=1)[0][0], plain.simulate(6, rng=3)[0])
    swaps = hf.HMM(INITIAL, hf.transitions.Indexed([np.eye(2), [[0, 1], [1, 0]]]), COIN)
    index = np.array([1, 0, 0, 1, 1, 0])
    path, _ = swaps.simulate(6, rng=0, start=0, transition_index=index)
    assert path.tolist() == [0, 1, 1, 1, 0, 1]
    paths, _ = swaps.simulate(3, rng=0, n_sequences=2, start=0, transition_index=[index[:3], index[3:]])
    assert [each.tolist() for each in paths] == [[0, 1, 1], [0, 1, 0]]
    waits = hf.HMM(INITIAL, hf.transitions.Rates([[-1.0, 1.0], [2.0, -2.0]]), COIN)
    states, _ = waits.simulate(2, rng=0, n_sequences=2000, start=0, times=np.tile([0.0, 0.5], 2000))
    expected = hf.transitions.Rates([[-1.0, 1.0], [2.0, -2.0]]).matrix(0.5)[0, 1]
    assert np.isclose(np.mean([path[1] for path in states]), expected, atol=0.03)


def test_a_forecast_is_of_what_goes_on():
    forecast = MODEL.forecast(FLIPS, 2).probabilities
    on = dict(joints([*FLIPS, None, None], ends=False))
    for s, place in enumerate((4, 5)):
        later = dict(joints([*FLIPS, *[None] * (s + 1)], ends=False))
        expected = sum(joint for path, joint in later.items() if path[place] == 0) / sum(later.values())
        assert np.isclose(forecast[s, 0], float(expected), rtol=1e-14)
    assert len(on) == 64


def test_rows_may_sum_to_what_the_end_leaves():
    elsewhere = hf.HMM(INITIAL, (1 - FINAL)[:, None] * MATRIX, COIN, ["calm", "busy"], final=FINAL)
    assert elsewhere == MODEL
    assert hf.HMM([1.0, 0.0], [[0.0, 1.0], [0.0, 0.0]], COIN, final=[0.0, 1.0]).transition.tolist() == [[0, 1], [0, 1]]
    with pytest.raises(ValueError, match=r"transition row 0 must sum to 1, got 0\.9"):
        hf.HMM(INITIAL, [[0.6, 0.3], [0.5, 0.5]], COIN, final=FINAL)
    assert hf.HMM(INITIAL, [[6, 2], [1, 7]], COIN, final=FINAL, normalize=True).transition.tolist() == MATRIX.tolist()


def test_an_end_is_part_of_a_model():
    assert MODEL.final.tolist() == FINAL.tolist()
    assert np.array_equal(MODEL.log_final, np.log(FINAL))
    assert hf.HMM(INITIAL, MATRIX, COIN, ["calm", "busy"]) != MODEL
    assert MODEL.reordered([1, 0]).final.tolist() == FINAL[::-1].tolist()
    assert np.isclose(MODEL.reordered([1, 0]).log_likelihood(FLIPS), MODEL.log_likelihood(FLIPS), rtol=1e-15)
    assert MODEL._with(INITIAL, MATRIX, COIN).final.tolist() == FINAL.tolist()
    assert repr(MODEL).splitlines()[1].split()[:5] == ["state", "initial", "to", "calm", "to"]
    assert "end" in repr(MODEL).splitlines()[1].split()
    assert MODEL.plot().size == 2
    assert [tick.get_text() for tick in MODEL.plot()[0].get_xticklabels()] == ["calm", "busy", "end"]
    assert hf.HMM(INITIAL, MATRIX, COIN).log_final is None


def test_indexed_chains_end_too():
    one = hf.HMM(INITIAL, hf.transitions.Indexed([MATRIX, MATRIX[::-1]]), COIN, final=FINAL)
    assert one.log_likelihood(FLIPS, transition_index=[0] * 4) == MODEL.log_likelihood(FLIPS)


def test_residuals_know_the_end():
    """By the states' probabilities with the observation of the step left out."""
    from scipy.stats import norm

    below, at, _ = COIN.log_sides(FLIPS)
    for kind in ("ordinary", "forecast"):
        residuals = MODEL.pseudo_residuals(FLIPS, kind).residuals
        for t in range(4):
            without = [*FLIPS[:t], None, *FLIPS[t + 1 :]]
            state = MODEL.smooth(without).probabilities[t]
            if kind == "forecast":
                state = MODEL.forecast(FLIPS[:t], 1).probabilities[0] if t > 0 else INITIAL
            expected = norm.ppf(state @ np.exp(below[t]) + state @ np.exp(at[t]) / 2)
            assert np.isclose(residuals[t], expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: hf.HMM(INITIAL, MATRIX, COIN, final=[0.5]), r"final must have shape \(2,\)"),
        (lambda: hf.HMM(INITIAL, MATRIX, COIN, final=[0.0, 0.0]), "final must be above 0 in some state"),
        (lambda: hf.HMM(INITIAL, MATRIX, COIN, final=[0.5, 1.5]), r"final\[1\] must be at most 1"),
        (lambda: hf.HMM(INITIAL, MATRIX, COIN).simulate(), "length must be given for a model without end"),
        (lambda: hf.HMM(INITIAL, np.eye(2), COIN, final=[0.5, 0]).simulate(), "state 1 leads to no end"),
        (
            lambda: hf.HMM(INITIAL, hf.transitions.Rates([[0, 1], [1, 0]]), COIN, final=FINAL).simulate(),
            "length must be given where the chain depends on times",
        ),
        (lambda: MODEL.simulate(3, n_sequences=0), "n_sequences must be at least 1"),
        (lambda: MODEL.simulate([3, 4], n_sequences=3), "length must have 3 numbers, as n_sequences says, got 2"),
        (lambda: MODEL.simulate([]), "length must have at least one number"),
        (lambda: MODEL.simulate(3, start="nowhere"), "start must be the number or the name of a state, got 'nowhere'"),
        (lambda: MODEL.simulate(3, start=2), "start must be the number from 0 to 1 or the name of a state, got 2"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_end_of_a_state_that_is_never_visited_stays_as_it_is():
    model = hf.HMM([1.0, 0.0], [[1.0, 0.0], [0.5, 0.5]], COIN, final=FINAL)
    fitted = model.fit([FLIPS, [1, 1]])
    assert fitted.model.final.tolist() == [pytest.approx(2 / 6), FINAL[1]]
