"""Snapshots: they know their model, and hold what a stream can have come to, or are refused in words."""

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import hmmfilter as hf
from hmmfilter.emissions import Bernoulli, Categorical, FromScipy, Gaussian, Poisson
from hmmfilter.streaming.snapshots import emission_fingerprint, fingerprint
from tests import cases

INITIAL, TRANSITION = [0.6, 0.4], [[0.9, 0.1], [0.2, 0.8]]
COUNTS = hf.HMM(INITIAL, TRANSITION, Poisson([1.0, 5.0]))
VECTORS = Gaussian([[0.0, 1.0], [5.0, 5.0]], [[[2.0, 0.5], [0.5, 1.0]], [[1.0, 0.0], [0.0, 1.0]]])

# Models with one thing different from `COUNTS`.
OTHERS = {
    "initial": hf.HMM([0.5, 0.5], TRANSITION, COUNTS.emission),
    "transition": hf.HMM(INITIAL, [[0.9, 0.1], [0.3, 0.7]], COUNTS.emission),
    "hardly": hf.HMM(INITIAL, [[0.9, 0.1], [0.2 + 1e-15, 0.8]], COUNTS.emission),
    "states": hf.HMM([1.0], [[1.0]], Poisson([1.0])),
    "rates": hf.HMM(INITIAL, TRANSITION, Poisson([1.0, 5.5])),
    "kind": hf.HMM(INITIAL, TRANSITION, FromScipy([stats.poisson(1.0), stats.poisson(5.0)])),
}


def begun(model=COUNTS, observations=(0, 2, 7)):
    stream = model.online()
    for observation in observations:
        stream.observe(observation)
    return stream.snapshot()


@pytest.mark.parametrize("observations", [(), (0, 2, 7)])
@pytest.mark.parametrize("other", OTHERS)
def test_another_model_is_refused(other, observations):
    different = "emission" if other in ("rates", "kind") else "initial distribution or transition"
    with pytest.raises(ValueError, match=f"of this model, got one with another {different}: force=True goes on"):
        OTHERS[other].online(begun(observations=observations))


@pytest.mark.parametrize("other", sorted(set(OTHERS) - {"states"}))
def test_by_force_another_model_goes_on(other):
    """From what is known of the state; before any step, from its own beginning."""
    model = OTHERS[other]
    assert np.array_equal(model.online(begun(observations=()), force=True).predict(), model.log_initial)
    stream, last = model.online(begun(), force=True), COUNTS.filter([0, 2, 7]).log_probabilities[-1]
    assert np.array_equal(stream.predict(), hf.predict(last, model.log_transition))
    assert model.online(stream.snapshot()).n_observed == 3


def test_by_force_the_number_of_states_stays():
    with pytest.raises(ValueError, match=r"log_initial must have shape \(1,\), got \(2,\)"):
        OTHERS["states"].online(begun(), force=True)


def test_a_transition_or_an_emission_of_another_stream_is_refused():
    log_transition, emission = COUNTS.log_transition, COUNTS.emission
    restore = hf.OnlineFilter.restore
    assert restore(begun(), log_transition, emission=emission).n_observed == 3
    with pytest.raises(ValueError, match="another emission"):
        restore(begun(), log_transition, emission=Poisson([1.0, 2.0]))
    assert restore(begun(), log_transition, emission=Poisson([1.0, 2.0]), force=True).n_observed == 3
    with pytest.raises(ValueError, match="another initial distribution or transition"):
        restore(begun(), OTHERS["transition"].log_transition, emission=emission)


def test_without_an_emission_the_tables_count():
    """Then a stream takes log-likelihoods, whatever they come from."""
    log_transition, restore = COUNTS.log_transition, hf.OnlineFilter.restore
    bare = hf.OnlineFilter(COUNTS.log_initial, log_transition).snapshot()
    assert restore(bare, log_transition).n_observed == 0
    assert restore(begun(), log_transition).n_observed == 3
    assert COUNTS.online(restore(begun(), log_transition).snapshot()).n_observed == 3
    for snapshot in (bare, begun()):
        with pytest.raises(ValueError, match="another initial distribution or transition"):
            restore(snapshot, OTHERS["transition"].log_transition)


def test_names_of_states_do_not_count():
    assert hf.HMM(INITIAL, TRANSITION, COUNTS.emission, ["calm", "busy"]).online(begun()).n_observed == 3


EMISSIONS = {
    "Poisson": Poisson([0.1, 5.0]),
    "Bernoulli": Bernoulli([0.1, 1 / 3]),
    "Categorical": Categorical([[0.1, 0.9], [1 / 3, 2 / 3]]),
    "symbols": Categorical([[0.1, 0.9], [1 / 3, 2 / 3]], symbols=["A", "C"]),
    "Gaussian": Gaussian([0.1, 5.0], [1 / 3, 2.0]),
    "vectors": VECTORS,
    "FromScipy": FromScipy([stats.gamma(2.0), stats.norm(loc=1 / 3, scale=2)]),
}


@pytest.mark.parametrize("emission", EMISSIONS.values(), ids=EMISSIONS)
def test_a_model_from_a_file_is_the_same(emission, tmp_path):
    model = hf.HMM([1 / 3, 2 / 3], [[0.1, 0.9], [1 / 7, 6 / 7]], emission)
    model.to_json(tmp_path / "model.json")
    stream = model.online()
    stream.observe(None)
    assert hf.HMM.from_json(tmp_path / "model.json").online(stream.snapshot()).n_observed == 1


def test_emissions_are_told_apart_by_value():
    words = [emission_fingerprint(emission) for emission in EMISSIONS.values()]
    assert len(set(words)) == len(words)
    twins = [Poisson([0.1, 5.0]), Bernoulli([0.1, 1 / 3])]
    assert [emission_fingerprint(twin) for twin in twins] == words[:2]


@pytest.mark.parametrize(
    "twin", [stats.norm(0.0, 1.0), stats.norm(loc=0, scale=1), stats.norm(), stats.norm(np.float32(0), np.int64(1))]
)
def test_distributions_are_told_by_their_numbers_however_these_are_given(twin):
    one, other = (hf.HMM([1.0], [[1.0]], FromScipy([each])) for each in (stats.norm(0, 1), twin))
    assert one == other
    assert other.online(one.online().snapshot()).n_observed == 0


def test_fingerprints_are_the_same_everywhere():
    """In every process and on every machine: known words, of numbers whose bytes are told in one order."""
    words = COUNTS.online().snapshot()["model"]
    assert words["probabilities"] == fingerprint(np.array(INITIAL, ">f8"), np.array(TRANSITION, ">f8", order="F"))
    assert words["probabilities"] == "32c4c5f563b5f5d2f814cdb9b3673d33a7bc3f6653f9c9a0178e8d10bfd7bf01"
    assert words["emission"] == "a8fb2b5f1c3a998f6ed8d78c6c6f749c39ffb970f8cf13773328bfa1792b7e06"
    code = f"""
import hmmfilter as hf
print(hf.HMM({INITIAL}, {TRANSITION}, hf.emissions.Poisson([1.0, 5.0])).online().snapshot()["model"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(words)


def test_logs_that_another_machine_took_do_not_matter():
    """Logs may differ in the last digit from machine to machine; the probabilities of a model are the same."""
    elsewhere = begun()
    elsewhere["model"]["tables"] = "0" * 64
    elsewhere["log_initial"][0] = float(np.nextafter(elsewhere["log_initial"][0], 0))
    assert COUNTS.online(elsewhere).n_observed == 3
    with pytest.raises(ValueError, match="another initial distribution or transition"):
        hf.OnlineFilter.restore(elsewhere, COUNTS.log_transition, emission=COUNTS.emission)


class Own:
    """An emission of somebody's own."""

    n_states = 2

    def __init__(self, gain):
        self.gain = gain

    def log_likelihoods(self, observations):
        return self.gain * np.array([[x, -x] for x in observations], dtype=float)

    def sample(self, states, rng):
        raise NotImplementedError


class Told(Own):
    """One that tells its parameters."""

    def fingerprint(self):
        return f"gain {self.gain}"


@dataclass(frozen=True)
class Fielded(Own):
    """One that is told by its fields, as far as they can be."""

    gain: Any
    other: Any = None


class Halved(stats.rv_continuous):
    """A distribution that is none of SciPy's."""

    def _pdf(self, x):
        return np.where(abs(x) <= 0.5, 1.0, 0.0)


def halved(scale):
    return FromScipy([Halved(name="halved")(scale=scale), stats.norm()])


def test_an_emission_of_ones_own_is_known_by_its_class_and_what_it_tells():
    def go_on(first, second):
        snapshot = begun(hf.HMM(INITIAL, TRANSITION, first), [0.0, 0.25])
        return hf.HMM(INITIAL, TRANSITION, second).online(snapshot)

    assert go_on(Own(1.0), Own(1.0)).n_observed == 2
    assert go_on(Own(1.0), Own(2.0)).n_observed == 2  # it does not tell
    assert go_on(Told(1.0), Told(1.0)).n_observed == 2
    assert go_on(Fielded(np.array([1.0, -1.0])), Fielded(np.array([1.0, -1.0]))).n_observed == 2
    assert go_on(Fielded(1.0, Own(1.0)), Fielded(1.0, Own(2.0))).n_observed == 2  # no word of what is in it
    assert go_on(halved(2.0), halved(2.0)).n_observed == 2
    for first, second in (
        (Told(1.0), Told(2.0)),
        (Own(1.0), Told(1.0)),
        (Own(1.0), COUNTS.emission),
        (Fielded(np.array([1.0, -1.0])), Fielded(np.array([1.0, 1.0]))),
        (Fielded(1.0, {"a": np.array([1])}), Fielded(1.0, {"a": np.array([2])})),
        (Fielded(1.0, np.array(["a"])), Fielded(1.0, np.array(["b"]))),
        (halved(2.0), halved(3.0)),
    ):
        with pytest.raises(ValueError, match="another emission"):
            go_on(first, second)


def former(**parts):
    """A snapshot as the first version wrote it."""
    snapshot = begun() | {"format": "hmmfilter stream, version 1"} | parts
    del snapshot["model"]
    return snapshot


def test_an_earlier_snapshot_goes_on_by_force():
    with pytest.raises(ValueError, match="version 1', which does not say what model it is of: force=True goes on from"):
        COUNTS.online(former())
    expected = COUNTS.filter([0, 2, 7, 4])
    for stream in (
        COUNTS.online(former(), force=True),
        hf.OnlineFilter.restore(former(), COUNTS.log_transition, emission=COUNTS.emission, force=True),
    ):
        assert np.array_equal(stream.log_probabilities, expected.log_probabilities[2])
        assert np.array_equal(stream.observe(4), expected.log_probabilities[3])
        assert stream.log_likelihood == expected.log_likelihood


def test_a_snapshot_is_its_owners_to_change():
    stream = COUNTS.online()
    stream.snapshot()["model"].clear()
    assert COUNTS.online(stream.snapshot()).n_observed == 0


def test_restoring_executes_and_changes_nothing():
    snapshot = begun()
    text = json.dumps(snapshot)
    COUNTS.online(snapshot).observe(3)
    assert json.dumps(snapshot) == text


# What a stream cannot have come to.


def changed(**parts):
    return lambda snapshot: snapshot | parts


def entry(name, value):
    return lambda snapshot: snapshot | {name: [value, *snapshot[name][1:]]}


KEYS = "['exponent', 'format', 'head', 'log_initial', 'log_likelihood', 'model', 'n_observed', 'posterior', 'tail']"
REFUSED = [  # how a snapshot is changed, and what is said then, with EXPONENT and its like for numbers that it had
    (lambda _: [], TypeError, "the snapshot must be a JSON object, got list"),
    (
        lambda _: {},
        ValueError,
        f"the snapshot must have the keys {KEYS}, got none of ['exponent', 'format', 'head', 'log_init...del', 'n_observed', 'posterior', ...]",
    ),
    (changed(colour=1), ValueError, f"the snapshot must have the keys {KEYS}, got also ['colour']"),
    (changed(format="x"), ValueError, "format must be 'hmmfilter stream, version 2', got 'x'"),
    (changed(model=None), TypeError, "the model of the snapshot must be a JSON object, got NoneType"),
    (
        changed(model={}),
        ValueError,
        "the model of the snapshot must have the keys ['emission', 'probabilities', 'tables'], got none of ['emission', 'probabilities', 'tables']",
    ),
    (changed(n_observed=-1), ValueError, "n_observed must be at least 0, got -1"),
    (changed(n_observed=1.5), TypeError, "n_observed must be an integer, got 1.5"),
    (changed(n_observed=True), TypeError, "n_observed must be an integer, got True"),
    (changed(n_observed=0), ValueError, "head must have 0 entries, got 2"),
    (changed(log_initial=3), TypeError, "log_initial must be a JSON array, got int"),
    (changed(log_initial=["a", 1]), TypeError, "log_initial[0] must be a number or null, got 'a'"),
    (changed(log_initial=[0.0]), ValueError, "log_initial must have shape (2,), got (1,)"),
    (
        entry("log_initial", -1.0),
        ValueError,
        f"log_initial[0] must be {float(np.log(0.6))!r}, as the model has it, got -1.0",
    ),
    (
        entry("log_initial", None),
        ValueError,
        f"log_initial[0] must be {float(np.log(0.6))!r}, as the model has it, got -inf",
    ),
    (changed(head=[0.5]), ValueError, "head must have 2 entries, got 1"),
    (changed(head=None), TypeError, "head must be a JSON array, got NoneType"),
    (entry("head", 2.0), ValueError, "head[0] must be 0, or from 0.5 to below 1, got 2.0"),
    (entry("head", 1), ValueError, "head[0] must be 0, or from 0.5 to below 1, got 1.0"),
    (entry("head", 0.25), ValueError, "head[0] must be 0, or from 0.5 to below 1, got 0.25"),
    (entry("head", -0.75), ValueError, "head[0] must be 0, or from 0.5 to below 1, got -0.75"),
    (entry("head", None), TypeError, "head[0] must be a number, got None"),
    (entry("head", False), TypeError, "head[0] must be a number, got False"),
    (
        lambda snapshot: entry("head", 0.0)(snapshot) | {"tail": [0, 0]},
        ValueError,
        "exponent[0] must be a whole number, or null where head is 0, got EXPONENT",
    ),
    (
        changed(head=[0, 0], tail=[0, 0], exponent=[None, None]),
        ValueError,
        "head must be above 0 somewhere, got 0 in all states",
    ),
    (entry("tail", 1e308), ValueError, "tail[0] must be at most 0.001 of head, got 1e+308"),
    (entry("tail", -1e-2), ValueError, "tail[0] must be at most 0.001 of head, got -0.01"),
    (entry("tail", float("nan")), ValueError, "tail[0] must be a finite double, got nan"),
    (
        entry("tail", 10**400),
        ValueError,
        "tail[0] must be a finite double, got 100000000000000000...0000000000000000000",
    ),
    (entry("exponent", 0.5), ValueError, "exponent[0] must be a whole number, or null where head is 0, got 0.5"),
    (entry("exponent", None), ValueError, "exponent[0] must be a whole number, or null where head is 0, got -inf"),
    (
        entry("exponent", 1.7e308),
        ValueError,
        "exponent[0] must be a whole number, or null where head is 0, got 1.7e+308",
    ),
    (
        changed(posterior=[7, 7]),
        ValueError,
        "posterior[0] must be POSTERIOR, as head, tail and exponent make it, got 7.0",
    ),
    (entry("posterior", None), TypeError, "posterior[0] must be a number, got None"),
    (changed(posterior=[]), ValueError, "posterior must have 2 entries, got 0"),
    (
        changed(log_likelihood=1.0),
        ValueError,
        "log_likelihood must be LOG_LIKELIHOOD, as head, tail and exponent make it, got 1.0",
    ),
    (changed(log_likelihood="-1"), TypeError, "log_likelihood must be a number, got '-1'"),
    (
        lambda _: begun(observations=()) | {"log_likelihood": 1.0},
        ValueError,
        "log_likelihood must be 0.0, as before any step, got 1.0",
    ),
    (lambda _: begun(observations=()) | {"tail": [0.0]}, ValueError, "tail must have 0 entries, got 1"),
]


@pytest.mark.parametrize(("change", "error", "message"), REFUSED, ids=[case[2] for case in REFUSED])
def test_refusals(change, error, message):
    snapshot = begun()
    with pytest.raises(error) as caught:
        COUNTS.online(change(snapshot))
    had = {"EXPONENT": snapshot["exponent"], "POSTERIOR": snapshot["posterior"]}
    for name, (number, _) in had.items():
        message = message.replace(name, repr(number))
    assert str(caught.value) == message.replace("LOG_LIKELIHOOD", repr(float(snapshot["log_likelihood"])))


def test_force_is_a_yes_or_no():
    for go_on in (
        lambda: COUNTS.online(begun(), force=1),
        lambda: hf.OnlineFilter.restore(begun(), [[0.0]], force="no"),
    ):
        with pytest.raises(TypeError, match="force must be True or False, got"):
            go_on()


def test_what_is_impossible_to_begin_with_is_refused_as_in_a_model():
    with pytest.raises(ValueError, match=r"log_initial must have shape \(K,\) with no length of 0"):
        hf.OnlineFilter.restore(begun() | {"log_initial": []}, COUNTS.log_transition)


def mutated(document, data):
    """The same with one of its parts, at any depth, in place of another, or without it, or of any kind."""
    if data.draw(st.booleans()) and isinstance(document, (dict, list)) and document:
        names = sorted(document) if isinstance(document, dict) else range(len(document))
        name = data.draw(st.sampled_from(names))
        copy = document.copy()
        copy[name] = mutated(document[name], data)
        return copy
    numbers = st.floats() | st.integers() | st.sampled_from([0, 0.5, 1e-7, 1e-300, 10**400, -0.0, 2**53])
    return data.draw(numbers | st.none() | st.booleans() | st.text(max_size=3) | st.lists(numbers, max_size=3))


@given(st.sampled_from(cases.FAMILIES), st.integers(0, 10**6), st.sampled_from([2, 9]), st.booleans(), st.data())
def test_whatever_is_written_is_refused_or_goes_on(family, seed, n_states, is_lagged, data):
    log_initial, log_transition, rows = cases.draw(family, seed, 5, n_states)
    kind = hf.FixedLagSmoother if is_lagged else hf.OnlineFilter
    stream = kind(log_initial, log_transition, *([2] if is_lagged else []))
    for row in rows[: data.draw(st.integers(0, 4))]:
        stream.update(row)
    force = data.draw(st.booleans())
    try:
        twin = kind.restore(mutated(stream.snapshot(), data), log_transition, force=force)
    except (ValueError, TypeError):
        return
    for row in rows:
        try:
            log_probabilities = twin.update(row)
        except hf.ImpossibleEvidenceError:
            return
        if log_probabilities is not None:
            assert np.exp(log_probabilities).sum() == pytest.approx(1, abs=1e-12)
            assert np.isfinite(twin.log_likelihood)


def test_emissions_within_emissions_are_told_apart():
    pairs = [[1.0, 5.0], [1.0, 6.0]]
    within = [hf.emissions.Product([Poisson(pair), hf.emissions.Gaussian([0.0, 1.0], [1.0, 1.0])]) for pair in pairs]
    words = [emission_fingerprint(emission) for emission in within]
    assert words[0] != words[1]
    assert words[0] == emission_fingerprint(within[0]._reordered(np.arange(2)))
