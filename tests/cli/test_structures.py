"""Models whose chains are not one matrix: structured ones, and those that last."""

import itertools

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter.cli import evidence
from tests.cli.commands import floats

N_STATES = 12  # more than those of which every chain becomes a matrix
SEEN = np.random.default_rng(0).normal(size=20) * N_STATES
JUMPING = hf.transitions.StayOrJump([0.5, 0.9], [0.25, 0.75])
LASTING = hf.transitions.Durations([[0.1, 0.3, 0.6], [0.5, 0.0, 0.5]], [[0, 1], [1, 0]])
TASKS = ["filter", "smooth", "viterbi"]
by_task = pytest.mark.parametrize("task", TASKS)


def banded():
    matrix = np.triu(np.tril(np.ones((N_STATES, N_STATES)), 2), -2)
    return matrix / matrix.sum(axis=1, keepdims=True)


@pytest.fixture
def asked(quakes, tmp_path):
    """What the command writes of the observations, in two sequences."""

    def ask(model, task, *words):
        model.to_json(tmp_path / "model.json")
        text = "who,x\n" + "".join(f"{'ab'[t % 2]},{x!r}\n" for t, x in enumerate(SEEN.tolist()))
        words = ["--column", "x", "--sequence", "who", *words]
        status, columns, err = quakes(text, *words, task=task, model=tmp_path / "model.json")
        return {"status": status, **columns}, err

    return ask


@by_task
def test_structure_changes_no_digit(asked, task):
    emission = hf.emissions.Gaussian(np.arange(N_STATES) * 1.0, np.ones(N_STATES))
    start = np.full(N_STATES, 1 / N_STATES)
    dense = asked(hf.HMM(start, banded(), emission), task)
    assert dense[0]["status"] == 0
    assert asked(hf.HMM(start, hf.transitions.Sparse(banded()), emission), task) == dense


@pytest.mark.parametrize(
    ("task", "chain"),
    list(itertools.product(TASKS, [JUMPING, LASTING])),
    ids=lambda given: given if isinstance(given, str) else type(given).__name__,
)
def test_the_command_says_what_the_model_does(asked, task, chain):
    model = hf.HMM([2 / 3, 1 / 3], chain, hf.emissions.Gaussian([0.0, 5.0], [9.0, 25.0]))
    columns, _ = asked(model, task)
    assert columns["status"] == 0
    result = getattr(model, task)(np.concatenate([SEEN[::2], SEEN[1::2]]), lengths=[10, 10])
    order = np.argsort([0, 1] * 10, kind="stable")
    if task == "viterbi":
        assert [int(k) for k in np.array(columns["state"])[order]] == result.path.tolist()
    else:
        assert np.array_equal(floats(columns["p_1"])[order], result.probabilities[:, 1])


def test_sojourns_go_on_from_a_state(asked, tmp_path, monkeypatch):
    monkeypatch.setattr(evidence, "MOST_ROWS", 7)
    model = hf.HMM([2 / 3, 1 / 3], LASTING, hf.emissions.Gaussian([0.0, 5.0], [9.0, 25.0]))
    columns, _ = asked(model, "filter", "--state", tmp_path / "state.json")
    assert columns == asked(model, "filter")[0]
    columns, _ = asked(model, "filter", "--state", tmp_path / "state.json")
    expected = model.filter(np.tile(SEEN[::2], 2)).probabilities[10:, 1]
    assert np.array_equal(floats(columns["p_1"])[::2], expected)
