"""States that last as long as distributions of their own say: all routines, by segmentations and by the plain chain."""

import json
from fractions import Fraction

import mpmath
import numpy as np
import pytest

import hmmfilter as hf
from tests.conftest import needs_compiled
from tests.structure_oracle import Lasting

EPSILON = np.finfo(float).eps
MOST_SPREAD = 3000  # of the contract
LIKELIHOOD_TOLERANCE = 1e-13  # relative, of sums of some hundred terms
LAW_TOLERANCE = 1e-12  # of probabilities that two routines find in other orders
FREQUENCY_TOLERANCE = 0.05  # of 2,000 paths: 4.5 standard deviations at 1/2

ROWS = [["1/2", "1/4"], ["1/2", "1/4"], ["1/3", "1/3"], ["1/8", "1/2"], ["1/4", "1/2"], ["1/2", "1/4"], ["1/2", "1/8"]]
SHOWS = np.log([[float(Fraction(x)) for x in row] for row in ROWS])
LASTS = [[0.1, 0.3, 0.6], [0.5, 0.0, 0.5]]
CHANGES = [[0, 1], [1, 0]]


def drawn(rng, n_states, n_ages, cut=True):
    """A chain with ages that are impossible, also the last ones of some states, and states that follow themselves."""
    durations = rng.dirichlet(np.ones(n_ages), size=n_states)
    durations[rng.random(durations.shape) < 0.3] = 0
    durations[0, -1] = 0
    durations[:, min(1, n_ages - 1)] += 0.1
    return hf.transitions.Durations(durations, rng.dirichlet(np.ones(n_states), size=n_states), cut, normalize=True)


def expanded(chain, initial, rows):
    """The tables of the plain chain whose states are pairs."""
    with np.errstate(divide="ignore"):
        likelihoods = np.repeat(rows, chain.n_ages, axis=1)
        if not chain.cut:
            likelihoods[-1] += np.log(chain.hazards).ravel()
        return np.log(chain.expanded(initial)), np.log(chain.to_dense()), likelihoods


def over_ages(chain, log_rows):
    with np.errstate(invalid="ignore"):  # of marked rows
        return np.logaddexp.reduce(log_rows.reshape(len(log_rows), chain.n_states, chain.n_ages), axis=2)


def cases():
    rng = np.random.default_rng(8)
    for n_states, n_ages, n_steps in ((2, 3, 9), (3, 7, 24), (1, 4, 7), (2, 1, 12)):
        for cut in (True, False):
            for scale, share in ((2.0, 0.15), (900.0, 0.0)):
                chain = drawn(rng, n_states, n_ages, cut)
                rows = rng.normal(size=(n_steps, n_states)) * scale
                rows[rng.random(rows.shape) < share] = -np.inf
                yield chain, rng.dirichlet(np.ones(n_states)), rows
                ages = rng.random((n_states, n_ages)) * (chain._reaches > 0)
                yield chain, ages / ages.sum(), rows


CASES = list(cases())


@pytest.fixture(params=range(len(CASES)))
def case(request):
    chain, initial, rows = CASES[request.param]
    with np.errstate(divide="ignore"):
        return chain, initial, np.log(initial), rows


# Exact values


@pytest.mark.parametrize(("cut", "value"), [(True, Fraction(91609, 58982400)), (False, Fraction(938183, 1474560000))])
def test_exact_likelihoods(cut, value):
    chain = hf.transitions.Durations(LASTS, CHANGES, cut)
    exact = Lasting(
        [Fraction(2, 3), Fraction(1, 3)],
        [[Fraction(1, 10), Fraction(3, 10), Fraction(6, 10)], [Fraction(1, 2), 0, Fraction(1, 2)]],
        [[0, 1], [1, 0]],
        cut,
    )
    shows = [[Fraction(x) for x in row] for row in ROWS]
    assert sum(joint for _, joint in exact.joints(shows)) == value
    found = hf.log_likelihood(np.log([2 / 3, 1 / 3]), chain, SHOWS)
    assert found == pytest.approx(float(mpmath.log(mpmath.mpf(value.numerator) / value.denominator)), rel=1e-15)
    smoothed = hf.smooth(np.log([2 / 3, 1 / 3]), chain, SHOWS).probabilities
    np.testing.assert_allclose(smoothed, np.array(exact.smoothed(shows), dtype=float), rtol=0, atol=4 * EPSILON)


# The accuracy contract


def log_of(x):
    return float(mpmath.log(x)) if x > 0 else -np.inf


@pytest.mark.parametrize("cut", [True, False])
@pytest.mark.parametrize(
    ("n_states", "n_ages", "n_steps", "scale", "least"),
    [(2, 7, 30, 2, 0), (3, 30, 45, 1, 0), (2, 12, 40, 3000, 0), (3, 9, 33, 40, 9), (8, 4, 12, 300, 0)],
)
def test_every_posterior_is_what_its_reference_rounds_to(cut, n_states, n_ages, n_steps, scale, least):
    """Also with gaps of thousands of nats, durations down to 1e-300, and sojourns that cannot be short."""
    rng = np.random.default_rng(n_ages)
    durations = rng.dirichlet(np.ones(n_ages), size=n_states)
    durations[:, : max(least - 2, 0)] = 0
    if least == 0:
        durations[0, 1], durations[-1, 0] = 1e-300, 0
    moves = rng.dirichlet(np.ones(n_states), size=n_states)
    chain = hf.transitions.Durations(durations, moves, cut, normalize=True)
    start, rows = rng.dirichlet(np.ones(n_states)), rng.normal(size=(n_steps, n_states)) * scale
    with mpmath.workdps(80):
        exact = Lasting(
            [mpmath.mpf(x) for x in start],
            [[mpmath.mpf(x) for x in row] for row in chain.durations],
            [[mpmath.mpf(x) for x in row] for row in chain.moves],
            cut,
        ).recursions([[mpmath.exp(mpmath.mpf(float(x))) for x in row] for row in rows])
        for found, rows_of in ((hf.forward_filter, exact.filtered), (hf.smooth, exact.smoothed)):
            answer = found(np.log(start), chain, rows)
            for row, log_row, reference in zip(answer.probabilities, answer.log_probabilities, rows_of, strict=True):
                logs = [log_of(p) for p in reference]
                spread = min(MOST_SPREAD, max(20, *(-x for x in logs if x > -np.inf)))
                np.testing.assert_allclose(row, [float(p) for p in reference], rtol=0, atol=EPSILON * (16 + spread))
                assert np.array_equal(np.isfinite(log_row), np.isfinite(logs))
                errors = [abs(a - b) / (1 + abs(b)) for a, b in zip(log_row, logs, strict=True) if b > -np.inf]
                assert max(errors) <= EPSILON * (16 + spread)
        increments = [mpmath.log(x) for x in exact.increments]
        total = float(mpmath.fsum(increments))
        bound = 4e-15 * max(1, float(mpmath.fsum(map(abs, increments)))) + EPSILON * MOST_SPREAD
        assert abs(hf.log_likelihood(np.log(start), chain, rows) - total) <= bound
        best = hf.viterbi(np.log(start), chain, rows)
        assert best.log_joint == pytest.approx(log_of(exact.best_joint), rel=1e-14)


# Against the plain chain


def test_filter_and_smoother_are_those_of_the_plain_chain(case):
    chain, initial, log_initial, rows = case
    plain = expanded(chain, initial, rows)
    for door in (hf.forward_filter, hf.smooth):
        found, wanted = (door(*tables, impossible="mark") for tables in ((log_initial, chain, rows), plain))
        assert found.log_likelihood == pytest.approx(wanted.log_likelihood, rel=LIKELIHOOD_TOLERANCE)
        if np.isfinite(wanted.log_likelihood):
            np.testing.assert_allclose(
                found.log_probabilities,
                over_ages(chain, wanted.log_probabilities),
                rtol=LAW_TOLERANCE,
                atol=LAW_TOLERANCE,
            )
            last = hf.forward_filter(log_initial, chain, rows).probabilities[-1]
            assert np.array_equal(found.probabilities[-1], last)
        else:
            assert np.array_equal(np.isnan(found.probabilities), np.isnan(over_ages(chain, wanted.log_probabilities)))
    assert (
        hf.log_likelihood(log_initial, chain, rows)
        == hf.forward_filter(log_initial, chain, rows, impossible="mark").log_likelihood
    )


def test_the_best_path_is_that_of_the_plain_chain(case):
    chain, initial, log_initial, rows = case
    found = hf.viterbi(log_initial, chain, rows, impossible="mark")
    wanted = hf.viterbi(*expanded(chain, initial, rows), impossible="mark")
    assert found.log_joint == pytest.approx(wanted.log_joint, rel=1e-14)
    assert np.array_equal(found.path, np.where(wanted.path < 0, -1, wanted.path // chain.n_ages))
    if found.path[0] >= 0:  # which sojourns of one state are the longer ones is a tie
        sojourns = found.segments()
        assert sojourns["length"].sum() == len(rows)
        assert (found.ages[sojourns["start"][1:]] == 1).all()
        assert np.count_nonzero(found.ages == 1) == len(sojourns) - (found.ages[0] > 1)


def test_counts_are_those_of_the_plain_chain(case):
    chain, initial, log_initial, rows = case
    if not chain.cut or not np.isfinite(hf.log_likelihood(log_initial, chain, rows)):
        return
    plain, shape = expanded(chain, initial, rows), (chain.n_states, chain.n_ages)
    found, smoothed = hf.expected_transitions(log_initial, chain, rows), hf.smooth(*plain).probabilities
    ends = hf.expected_transitions(*plain).counts.reshape(shape * 2)[:, :, :, 0]
    np.testing.assert_allclose(found.ended, ends.sum(axis=2), rtol=0, atol=LAW_TOLERANCE)
    np.testing.assert_allclose(found.moves, ends.sum(axis=1), rtol=0, atol=LAW_TOLERANCE)
    np.testing.assert_allclose(found.going_on, smoothed[-1].reshape(shape), rtol=0, atol=LAW_TOLERANCE)
    np.testing.assert_allclose(found.begun, smoothed[0].reshape(shape), rtol=0, atol=LAW_TOLERANCE)


def test_with_an_end_all_sojourns_end():
    chain = hf.transitions.Durations(LASTS, CHANGES, cut=False)
    counts = hf.expected_transitions(np.log([2 / 3, 1 / 3]), chain, SHOWS)
    assert counts.ended.sum() == pytest.approx(counts.moves.sum() + 1, abs=LAW_TOLERANCE)
    assert not counts.going_on.any()
    begun = (counts.begun * np.arange(3)).sum()  # ages 1 less, and all steps are of sojourns that ended
    assert (counts.ended * np.arange(1, 4)).sum() == pytest.approx(len(SHOWS) + begun, abs=LAW_TOLERANCE)


@needs_compiled
def test_paths_are_drawn_by_their_posteriors():
    for chain, initial, rows in CASES[:8]:
        with np.errstate(divide="ignore"):
            log_initial = np.log(initial)
        if not np.isfinite(hf.log_likelihood(log_initial, chain, rows)):
            continue
        smoothed = hf.smooth(log_initial, chain, rows)
        paths = hf.sample_paths(log_initial, chain, rows, 2000, rng=1)
        often = np.stack([(paths == k).mean(axis=0) for k in range(chain.n_states)], axis=1)
        np.testing.assert_allclose(often, smoothed.probabilities, rtol=0, atol=FREQUENCY_TOLERANCE)
        assert np.array_equal(hf.posterior_decode(log_initial, chain, rows).path, smoothed.probabilities.argmax(axis=1))


def test_the_most_probable_states_are_those_of_the_smoother():
    chain, start = hf.transitions.Durations(LASTS, CHANGES), np.log([0.5, 0.5])
    decoded, smoothed = hf.posterior_decode(start, chain, SHOWS), hf.smooth(start, chain, SHOWS).probabilities
    assert np.array_equal(decoded.path, smoothed.argmax(axis=1))
    assert decoded.expected_correct == pytest.approx(smoothed.max(axis=1).sum(), abs=LAW_TOLERANCE)


def test_entries_that_fade_are_looked_at_anew():
    """A state is so likely once that what begins later is nothing beside it, until that is too old."""
    chain, initial, rows = hf.transitions.Durations([[0.5, 0.5]] * 2, CHANGES), np.array([0.5, 0.5]), np.zeros((9, 2))
    rows[2, 0] = 1000.0
    found = hf.smooth(np.log(initial), chain, rows).log_probabilities
    wanted = over_ages(chain, hf.smooth(*expanded(chain, initial, rows)).log_probabilities)
    np.testing.assert_allclose(found, wanted, rtol=LAW_TOLERANCE, atol=LAW_TOLERANCE)


# Laws


def test_geometric_durations_are_a_plain_chain():
    """But for the tail that is cut off, which is below the last digit."""
    stay = np.array([0.5, 0.3])
    durations = (1 - stay)[:, None] * stay[:, None] ** np.arange(70)
    lasting = hf.transitions.Durations(durations, CHANGES, normalize=True)
    plain = np.log(np.diag(stay) + np.diag(1 - stay)[:, ::-1])
    for door in (hf.forward_filter, hf.smooth):
        found, wanted = (door(np.log([0.4, 0.6]), chain, SHOWS) for chain in (lasting, plain))
        np.testing.assert_allclose(found.probabilities, wanted.probabilities, rtol=0, atol=8 * EPSILON)


def test_bits_do_not_depend_on_windows_or_workers(monkeypatch):
    from hmmfilter._drivers import ages

    rng = np.random.default_rng(1)
    chain, log_initial = drawn(rng, 3, 6), np.log([0.2, 0.3, 0.5])
    rows = rng.normal(size=(40, 3)) * 60
    rows[rng.random(rows.shape) < 0.05] = -np.inf

    def answers(workers):
        given = {"lengths": [3, 0, 27, 1, 9], "workers": workers, "impossible": "mark"}
        counts = hf.expected_transitions(log_initial, chain, rows, **given)
        return [
            hf.forward_filter(log_initial, chain, rows, **given).log_probabilities,
            hf.forward_filter(log_initial, chain, rows, **given).log_increments,
            hf.smooth(log_initial, chain, rows, **given).log_probabilities,
            hf.viterbi(log_initial, chain, rows, **given).path,
            hf.sample_paths(log_initial, chain, rows, 3, rng=2, **given),
            counts.ended,
            counts.moves,
            counts.log_likelihood,
        ]

    whole = answers(1)
    monkeypatch.setattr(ages, "rows_of_window", lambda tables: 2)
    for workers in (1, 3):
        for one, other in zip(whole, answers(workers), strict=True):
            np.testing.assert_array_equal(one, other)


def test_sequences_are_each_as_if_alone():
    rng = np.random.default_rng(2)
    chain, rows = drawn(rng, 2, 4), rng.normal(size=(12, 2))
    initials = rng.random((2, 2, 4)) * (chain._reaches > 0)
    initials /= initials.sum(axis=(1, 2), keepdims=True)
    with np.errstate(divide="ignore"):
        logs = np.log(initials)
    both = hf.smooth(logs, chain, rows, lengths=[5, 7])
    for n, part in enumerate((rows[:5], rows[5:])):
        assert np.array_equal(both[n].probabilities, hf.smooth(logs[n], chain, part).probabilities)
    counts = hf.expected_transitions(logs, chain, rows, lengths=[5, 7], per_sequence=True)
    assert counts.ended.shape == (2, 2, 4)
    assert "2 states" in str(counts)
    together = hf.expected_transitions(logs, chain, rows, lengths=[5, 7])
    np.testing.assert_allclose(counts.ended.sum(axis=0), together.ended, rtol=0, atol=LAW_TOLERANCE)


def test_chosen_states_are_columns_of_all():
    chain, log_initial = hf.transitions.Durations(LASTS, CHANGES), np.log([0.5, 0.5])
    for door in (hf.forward_filter, hf.smooth):
        some, all_of = door(log_initial, chain, SHOWS, states=[1]), door(log_initial, chain, SHOWS)
        assert np.array_equal(some.probabilities, all_of.probabilities[:, [1]])


def test_a_state_that_follows_itself_begins_a_new_sojourn():
    chain = hf.transitions.Durations([[0.0, 1.0]], [[1.0]])
    best = hf.viterbi([0.0], chain, np.zeros((6, 1)))
    assert best.ages.tolist() == [1, 2, 1, 2, 1, 2]
    assert best.segments()["length"].tolist() == [2, 2, 2]
    assert best.visits.tolist() == [3]


# What is impossible


def test_impossible_evidence():
    chain, start = hf.transitions.Durations([[0.0, 1.0], [1.0, 0.0]], CHANGES), np.log([1.0, 0.5])
    rows = np.array([[0, -np.inf], [0, -np.inf], [0, -np.inf], [0, 0]])
    with pytest.raises(hf.ImpossibleEvidenceError) as refusal:
        hf.smooth(start, chain, rows)
    assert refusal.value.step == 2
    marked = hf.forward_filter(start, chain, rows, impossible="mark")
    assert np.isfinite(marked.log_increments[:2]).all()
    assert marked.log_increments[2] == -np.inf
    assert np.isnan(marked.log_increments[3])
    assert np.isnan(marked.probabilities[2:]).all()
    assert np.isnan(hf.smooth(start, chain, rows, impossible="mark").probabilities).all()
    assert hf.viterbi(start, chain, rows, impossible="mark").path.tolist() == [-1] * 4
    decoded = hf.posterior_decode(start, chain, rows, impossible="mark")
    assert decoded.path.tolist() == [-1] * 4
    assert np.isnan(decoded.expected_correct)
    assert (hf.sample_paths(start, chain, rows, 2, rng=0, impossible="mark") == -1).all()
    assert np.isnan(hf.expected_transitions(start, chain, rows, impossible="mark").ended).all()
    assert hf.log_likelihood(start, chain, rows) == -np.inf
    again = hf.viterbi(start, chain, rows, impossible="restart")
    assert again.restarts.tolist() == [2]
    assert hf.smooth(start, chain, rows, impossible="restart").restarts.tolist() == [2]
    assert hf.log_likelihood(start, chain, rows, impossible="restart") == pytest.approx(again.log_joint, abs=1.0)


def test_impossible_evidence_in_many_windows(monkeypatch):
    from hmmfilter._drivers import ages

    monkeypatch.setattr(ages, "rows_of_window", lambda tables: 2)
    chain, rows = hf.transitions.Durations([[0.5, 0.5]], [[1.0]]), np.zeros((9, 1))
    rows[2] = -np.inf
    marked = hf.forward_filter([0.0], chain, rows, impossible="mark")
    assert np.isnan(marked.log_increments[3:]).all()
    assert np.isnan(marked.probabilities[2:]).all()
    allowed = np.ones((9, 1), dtype=bool)
    allowed[4] = False
    with pytest.raises(hf.ImpossibleEvidenceError, match="step 4"):
        hf.forward_filter([0.0], chain, np.zeros((9, 1)), allowed=allowed)


# The object


def test_what_is_told_of_a_chain():
    chain = hf.transitions.Durations(LASTS, CHANGES)
    assert (chain.n_states, chain.n_ages) == (2, 3)
    np.testing.assert_allclose(chain.hazards, [[0.1, 1 / 3, 1], [0.5, 0, 1]], rtol=1e-15)
    np.testing.assert_allclose(chain.to_dense().sum(axis=1), 1, rtol=0, atol=2 * EPSILON)
    shares = chain.stationary_ages()
    np.testing.assert_allclose(shares.ravel() @ chain.to_dense(), shares.ravel(), rtol=0, atol=2 * EPSILON)
    np.testing.assert_allclose(chain.stationary(), shares.sum(axis=1), rtol=0, atol=EPSILON)
    assert chain._reordered(np.array([1, 0])) == hf.transitions.Durations(LASTS[::-1], CHANGES)
    assert hash(chain) != hash(hf.transitions.Durations(LASTS, CHANGES, cut=False))
    assert "last sojourn whole" in str(hf.transitions.Durations(LASTS, CHANGES, cut=False))


def test_tails_are_sums_of_what_is_left():
    """One minus what has gone before would be 0, or one unit of it."""
    tiny = 1e-300
    chain = hf.transitions.Durations([[1.0, tiny, tiny / 4]], [[1.0]])
    np.testing.assert_allclose(chain.hazards, [[1.0, 0.8, 1.0]], rtol=4 * EPSILON)
    found = hf.forward_filter([0.0], chain, np.zeros((3, 1))).log_likelihood
    assert found == pytest.approx(0, abs=4 * EPSILON)


@pytest.mark.parametrize("cut", [True, False])
@pytest.mark.parametrize("initial", ["stationary", [0.5, 0.5], [[0.2, 0.3, 0.1], [0.1, 0.1, 0.2]]])
def test_models_are_stored(tmp_path, cut, initial):
    model = hf.HMM(initial, hf.transitions.Durations(LASTS, CHANGES, cut), hf.emissions.Poisson([1.0, 5.0]))
    model.to_json(tmp_path / "model.json")
    assert hf.HMM.from_json(tmp_path / "model.json") == model
    assert "lasts" in str(model)


def test_models_are_asked():
    model = hf.HMM(
        [0.5, 0.5], hf.transitions.Durations(LASTS, CHANGES), hf.emissions.Poisson([1.0, 9.0]), ["calm", "busy"]
    )
    states, counts = model.simulate(30, rng=3)
    lengths = np.diff(np.flatnonzero(np.diff(states, prepend=-1)))
    assert set(lengths.tolist()) <= {1, 2, 3}
    assert np.mean(model.viterbi(counts).path == states) > 0.9
    found = model.filter({"a": counts, "b": counts[:4]})
    assert found["b"].log_likelihood == model.log_likelihood(counts[:4])
    frame = model.expected_transitions(counts).to_frame()
    assert frame.loc[("busy", 2), "ended"] == 0
    assert list(model.expected_transitions(counts).to_frame(index=range(6)).index) == list(range(6))
    several = model.expected_transitions([counts, counts], per_sequence=True)
    assert several.to_frame().index.names == ["sequence", "state", "age"]
    assert model.reordered([1, 0]).log_likelihood(counts) == pytest.approx(model.log_likelihood(counts), rel=1e-14)
    ends = hf.HMM([0.5, 0.5], hf.transitions.Durations(LASTS, CHANGES, cut=False), model.emission)
    assert len(ends.simulate(7, rng=1)[0]) == 7


def test_a_picture_of_durations():
    pytest.importorskip("matplotlib")
    model = hf.HMM([0.5, 0.5], hf.transitions.Durations(LASTS, CHANGES), hf.emissions.Poisson([1.0, 5.0]), ["a", "b"])
    chain, _ = model.plot()
    assert chain.get_xlabel() == "steps that a sojourn lasts"
    assert [line.get_ydata().tolist() for line in chain.get_lines()] == LASTS
    many = hf.transitions.Durations(np.ones((13, 1)), np.roll(np.eye(13), 1, axis=1))
    assert hf.HMM(np.full(13, 1 / 13), many, hf.emissions.Poisson(np.arange(13.0) + 1)).plot()[0].get_legend() is None


# Learning


def truth_and_data():
    truth = hf.HMM(
        [0.5, 0.5],
        hf.transitions.Durations([[0, 0, 0.1, 0.3, 0.4, 0.2], [0.2, 0.5, 0.3, 0, 0, 0]], CHANGES),
        hf.emissions.Poisson([1.0, 8.0]),
    )
    return truth, truth.simulate(40, rng=1, n_sequences=8)[1]


def test_a_step_of_learning_is_that_of_kaplan_and_meier():
    """Of those that come to an age so many end there; those that are cut count up to the age before."""
    _, data = truth_and_data()
    start = hf.HMM([0.5, 0.5], hf.transitions.Durations(np.full((2, 6), 1 / 6), CHANGES), hf.emissions.Poisson([2, 5]))
    counts = start.expected_transitions(data)
    learnt = start.fit(data, max_iterations=1, accelerate=False).model.transition.durations
    surviving = np.ones(2)
    for d in range(6):
        at_risk = counts.ended[:, d:].sum(axis=1) + counts.going_on[:, d + 1 :].sum(axis=1)
        hazard = counts.ended[:, d] / at_risk if d < 5 else np.ones(2)
        np.testing.assert_allclose(learnt[:, d], surviving * hazard, rtol=1e-12)
        surviving = surviving * (1 - hazard)


@needs_compiled
def test_learning_rises_to_where_slopes_are_none():
    truth, data = truth_and_data()
    start = hf.HMM([0.5, 0.5], hf.transitions.Durations(np.full((2, 6), 1 / 6), CHANGES), hf.emissions.Poisson([2, 5]))
    plain = start.fit(data, accelerate=False, max_iterations=300)
    quick = start.fit(data, workers=2)
    for fitted in (plain, quick):
        assert np.diff(fitted.history).min() >= -1e-9
    assert quick.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-5)
    assert quick.log_likelihood > truth.log_likelihood(data).sum()
    assert quick.n_iterations <= plain.n_iterations
    assert "lasts" in str(quick)
    others = start.fit(data, restarts=1, rng=1, max_iterations=30)
    assert others.log_likelihood >= start.log_likelihood(data).sum()


def test_learning_rises_where_the_last_sojourn_is_whole():
    """What the sequence ends with has ended: counted as going on, its step of learning fell."""
    start = hf.HMM([1.0], hf.transitions.Durations([[0.2, 0.3, 0.5]], [[1.0]], cut=False), hf.emissions.Poisson([3.0]))
    for sequences in ([[3] * 7], [[3] * 4, [3] * 5]):
        fitted = start.fit(sequences, max_iterations=30)
        assert np.diff(fitted.history).min() >= -1e-9
        assert fitted.log_likelihood > start.log_likelihood(sequences).sum()
    of_one = start.expected_transitions([[3] * 4, [3] * 5], per_sequence=True)
    assert of_one.ended.sum(axis=(1, 2)) == pytest.approx(of_one.moves.sum(axis=(1, 2)) + 1)
    assert not of_one.going_on.any()


def test_of_many_states_counts_are_printed_in_part():
    chain = hf.transitions.Durations(np.full((9, 2), 0.5), np.full((9, 9), 1 / 9))
    counts = hf.HMM(np.full(9, 1 / 9), chain, hf.emissions.Poisson(range(1, 10))).expected_transitions([3, 4])
    assert [line.split()[0] for line in str(counts).splitlines()[2:]] == ["0", "1", "2", "...", "7", "8"]


def test_standard_errors_are_refused():
    chain = hf.transitions.Durations([[0.5, 0.5]], [[1.0]])
    fitted = hf.HMM([1.0], chain, hf.emissions.Poisson([3.0])).fit([3, 4, 2], max_iterations=2)
    with pytest.raises(ValueError, match="a matrix for standard errors, got Durations: fits of samples"):
        fitted.standard_errors()
    assert "lasts" in str(fitted)


def test_slopes_are_differences():
    """Of the log-likelihood, by durations that need not sum to 1: those of the plain chain, and of tails."""
    rng = np.random.default_rng(4)
    chain, log_initial = hf.transitions.Durations([[0.2, 0.3, 0.5], [0.6, 0.1, 0.3]], CHANGES), np.log([0.3, 0.7])
    rows = rng.normal(size=(12, 2))
    from hmmfilter.transitions.protocol import Moved

    counts = hf.expected_transitions(log_initial, chain, rows)
    score = chain._score(Moved(np.zeros((1, 0)), counts.moves, counts))["durations"]
    for k in range(2):
        step = np.zeros((2, 3))
        step[k] = [1e-6, -2e-6, 1e-6]
        up, down = (
            hf.log_likelihood(log_initial, hf.transitions.Durations(chain.durations + sign * step, CHANGES), rows)
            for sign in (1, -1)
        )
        assert (score * step).sum() == pytest.approx((up - down) / 2, rel=1e-5)


def test_what_is_held_stays_and_zeros_stay():
    _, data = truth_and_data()
    lasts = [[0, 0.5, 0.25, 0.25], [0.5, 0.5, 0, 0]]
    start = hf.HMM([0.5, 0.5], hf.transitions.Durations(lasts, CHANGES), hf.emissions.Poisson([2, 5]))
    held = start.fit(data, fixed="transition.durations", max_iterations=2).model
    assert held.transition.durations.tolist() == lasts
    uneven = hf.HMM([0.5, 0.5], hf.transitions.Durations([[0.1, 0.2, 0.7], [0.3, 0.3, 0.4]], CHANGES), start.emission)
    assert uneven.fit(data, fixed="transition", max_iterations=3).model.transition == uneven.transition
    assert uneven.fit(data, fixed="transition.moves", max_iterations=3).model.transition.moves.tolist() == CHANGES
    free = start.fit(data, max_iterations=2, weights=[1] * 7 + [0]).model
    assert np.array_equal(free.transition.durations == 0, np.array(lasts) == 0)
    with pytest.raises(ValueError, match="fixed and tied must leave durations as they are"):
        start.fit(data, fixed={"transition.durations": [[False, True, False, False], [False] * 4]})
    with pytest.raises(ValueError, match="initial must be 'free' or 'fixed'"):
        start.fit(data, initial="stationary")
    begun = hf.HMM([[1.0, 0, 0, 0], [0, 0, 0, 0]], start.transition, start.emission)  # never in the second state
    assert begun.fit(data, initial="fixed", max_iterations=9).model.initial.tolist() == begun.initial.tolist()
    assert hf.expected_statistics(begun, data).initial.sum() == pytest.approx(8)
    with pytest.raises(TypeError, match=r"transition must be an array, got Durations transitions: to_dense\(\)"):
        hf.stationary_distribution(start.transition)
    aged = hf.HMM("stationary", start.transition, start.emission)
    with pytest.raises(ValueError, match="'fixed', as it is of states and ages"):
        aged.fit(data)
    learnt = aged.fit(data, initial="fixed", max_iterations=3)
    assert np.diff(learnt.history).min() >= -1e-9
    with pytest.raises(TypeError, match="the prior of the transition must be None where sojourns have durations"):
        start.fit(data, prior=hf.Prior(transition=hf.priors.Dirichlet(2.0)))


# Refusals


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([[0.5, 0.4]], [[1.0]]), "durations row 0 must sum to 1"),
        (([[0.5, 0.5]], [[0.9]]), "moves row 0 must sum to 1"),
        (([[0.5, 0.5]], [[0.5, 0.5]]), r"moves must have shape \(1, 1\)"),
        (([0.5, 0.5], [[1.0]]), "durations must have shape"),
    ],
)
def test_chains_that_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        hf.transitions.Durations(*arguments)


def test_a_matrix_of_states_and_ages_has_to_fit():
    with pytest.raises(ValueError, match="to_dense must leave room in memory, got 5000000 states"):
        hf.transitions.Durations(np.full((5, 10**6), 1e-6), np.full((5, 5), 0.2)).to_dense()


def test_questions_that_are_refused():
    chain, start = hf.transitions.Durations(LASTS, CHANGES), np.log([0.5, 0.5])
    for door in (hf.max_marginals, hf.pairwise_marginals, hf.log_likelihood_gradient):
        with pytest.raises(TypeError, match=r"Durations.to_dense\(\) has the expanded matrix"):
            door(start, chain, SHOWS)
    with pytest.raises(ValueError, match="at most 1e\\+10 in magnitude"):
        hf.smooth(start, chain, SHOWS - 1e11)
    with pytest.raises(ValueError, match="transition_index must be None"):
        hf.smooth(start, chain, SHOWS, transition_index=[0] * 6)
    with pytest.raises(ValueError, match="per_matrix must be False"):
        hf.expected_transitions(start, chain, SHOWS, per_matrix=True)
    with pytest.raises(ValueError, match=r"log_initial\[1, 1\] must be -inf: no sojourn of state 1 lasts 2 steps"):
        hf.smooth(np.zeros((2, 4)), hf.transitions.Durations([[0, 0, 0, 1.0], [1.0, 0, 0, 0]], CHANGES), SHOWS)
    with pytest.raises(ValueError, match="impossible='restart' must come with Durations"):
        hf.smooth(start, hf.transitions.Durations(LASTS, CHANGES, cut=False), SHOWS, impossible="restart")
    poisson = hf.emissions.Poisson([1.0, 5.0])
    with pytest.raises(ValueError, match="final must be None where sojourns have durations"):
        hf.HMM([0.5, 0.5], chain, poisson, final=[0.1, 0.1])
    with pytest.raises(ValueError, match=r"initial\[1, 1\] must be 0 for an age that no sojourn of the state reaches"):
        hf.HMM([[0.5, 0.0], [0.0, 0.5]], hf.transitions.Durations([[0.5, 0.5], [1.0, 0.0]], CHANGES), poisson)


# Streams


@pytest.mark.parametrize("aged", [False, True])
def test_a_stream_gives_the_bits_of_the_whole(aged):
    rng = np.random.default_rng(6)
    chain = drawn(rng, 3, 5)
    initial = chain.stationary_ages() if aged else np.array([0.2, 0.3, 0.5])
    rows = rng.normal(size=(20, 3)) * 40
    rows[rng.random(rows.shape) < 0.1] = -np.inf
    with np.errstate(divide="ignore"):
        log_initial = np.log(initial)
    whole = hf.forward_filter(log_initial, chain, rows)
    stream = hf.OnlineSojourns(log_initial, chain)
    assert stream.log_likelihood == 0
    assert np.array_equal([stream.update(row) for row in rows[:5]], whole.log_probabilities[:5])
    block = stream.update_block(rows[5:12])
    assert np.array_equal(block.log_probabilities, whole.log_probabilities[5:12])
    assert np.array_equal(block.log_increments, whole.log_increments[5:12])
    document = json.loads(json.dumps(stream.snapshot()))
    again = hf.OnlineSojourns.restore(document, log_initial, chain)
    for each in (stream, again):
        assert np.array_equal(each.update_block(rows[12:]).log_probabilities, whole.log_probabilities[12:])
        assert each.log_likelihood == whole.log_likelihood
    np.testing.assert_allclose(again.age_probabilities.sum(axis=1), whole.probabilities[-1], rtol=0, atol=LAW_TOLERANCE)
    with np.errstate(divide="ignore"):
        plain = hf.forward_filter(*expanded(chain, initial, rows)).probabilities[-1]
    np.testing.assert_allclose(again.age_probabilities.ravel(), plain, rtol=0, atol=LAW_TOLERANCE)


def test_a_stream_of_a_model():
    model = hf.HMM([0.5, 0.5], hf.transitions.Durations(LASTS, CHANGES), hf.emissions.Poisson([1.0, 5.0]), ["a", "b"])
    stream, counts = model.online(), [0, 1, 6, 7, 0]
    first = [stream.observe(count) for count in counts[:2]]
    assert np.array_equal(first, model.filter(counts).log_probabilities[:2])
    further = model.online(stream.snapshot()).observe_block(counts[2:])
    assert np.array_equal(further.probabilities, model.filter(counts).probabilities[2:])
    assert "OnlineSojourns: 2 steps so far, 2 states" in str(stream)
    with pytest.raises(hf.ImpossibleEvidenceError) as refusal:
        stream.update_block([[0, 0], [-np.inf, -np.inf]])
    assert refusal.value.step == 3
    assert stream.n_observed == 2
    with pytest.raises(hf.ImpossibleEvidenceError):
        stream.update_block([[0, 0]], allowed=[[False, False]])
    assert stream.update([0, 0], allowed=[True, True]).shape == (2,)
    stream = model.online(stream.snapshot())
    other = hf.HMM([0.5, 0.5], model.transition, hf.emissions.Poisson([1.0, 4.0]))
    with pytest.raises(ValueError, match="got one with another emission: force=True"):
        other.online(stream.snapshot())
    assert other.online(stream.snapshot(), force=True).n_observed == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "another"}, "must be a hmmfilter stream of sojourns"),
        ({"n_observed": -1}, "n_observed must be at least 0"),
        ({"heads": [[0.5]]}, "heads must have shape"),
        ({"heads": [[1.5] * 8] * 2}, "from 0 to below 1"),
        ({"exponents": [[0.5] * 8] * 2}, "whole numbers, or null"),
        ({"exponents": [[float("inf")] * 8] * 2}, "finite, or null"),
        ({"exponents": 3}, "exponents must have shape"),
        ({"facts": [0.0]}, "facts must have shape"),
    ],
)
def test_snapshots_that_are_none(change, words):
    chain, start = hf.transitions.Durations(LASTS, CHANGES), np.log([0.5, 0.5])
    snapshot = hf.OnlineSojourns(start, chain).snapshot() | change
    with pytest.raises(ValueError, match=words):
        hf.OnlineSojourns.restore(snapshot, start, chain)


def test_streams_that_are_refused():
    model = hf.HMM([0.5, 0.5], hf.transitions.Durations(LASTS, CHANGES), hf.emissions.Poisson([1.0, 5.0]))
    for ask in (
        lambda: model.fixed_lag(2),
        model.online_viterbi,
        lambda: model.filter_blocks([[1]]),
        lambda: model.forecast([1, 2], 3),
    ):
        with pytest.raises(TypeError, match="takes no Durations"):
            ask()
    with pytest.raises(ValueError, match="impossible must be 'raise'"):
        model.online(impossible="restart")
    with pytest.raises(TypeError, match="log_transition must be Durations, got list"):
        hf.OnlineSojourns([0.0], [[0.0]])
