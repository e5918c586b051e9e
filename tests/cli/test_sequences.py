"""Sequences that a column tells apart."""

import numpy as np
import pytest

import hmmfilter as hf
from tests.cli.commands import floats
from tests.files import EARTHQUAKES_MODEL

SEQUENCES = "who,count\nb,13\na,40\nb,\n,20\na,30\nb,14\n"


SEQUENCE_ROWS = {"b": [0, 2, 5], "a": [1, 4], "": [3]}


@pytest.mark.parametrize("task", ["filter", "smooth", "viterbi"])
def test_sequences_are_told_apart(quakes, task):
    status, columns, err = quakes(SEQUENCES, "--sequence", "who", task=task)
    assert status == 0
    assert list(columns["who"]) == ["b", "a", "b", "", "a", "b"]
    assert list(columns["count"]) == ["13", "40", "", "20", "30", "14"]
    model, log_likelihood, log_joint = hf.HMM.from_json(EARTHQUAKES_MODEL), 0.0, 0.0
    for rows in SEQUENCE_ROWS.values():
        counts = [float(columns["count"][t] or "nan") for t in rows]
        alone = getattr(model, task)(counts)
        log_likelihood += model.log_likelihood(counts)
        if task == "viterbi":
            log_joint += alone.log_joint
            assert [model.state_names.index(columns["state"][t]) for t in rows] == alone.path.tolist()
        else:
            assert np.array_equal(floats(columns["p_restless"])[rows], alone.probabilities[:, 2])
    if task == "filter":
        assert abs(floats(columns["log_increment"]).sum() - log_likelihood) < 1e-9
    joint = f", log-joint {log_joint:.4f}" if task == "viterbi" else ""
    expected = f"6 observations (1 missing), 3 sequences, 3 states, log-likelihood {log_likelihood:.4f}{joint}\n"
    assert err == expected


def test_the_column_of_ids_is_not_observed(quakes):
    status, columns, _ = quakes("count,id\n13,1\n20,2\n", "--sequence", "id")
    assert (status, list(columns["state"])) == (0, ["calm", "middling"])
    assert quakes("id\n1\n", "--sequence", "id")[2].endswith("numeric columns: none\n")


def test_a_picture_is_of_one_sequence(quakes, tmp_path):
    plot = tmp_path / "plot.png"
    status, columns, err = quakes(SEQUENCES, "--sequence", "who", "--plot", plot)
    assert (status, columns) == (2, {})
    assert err == "hmmfilter: error: --plot draws one sequence, got 3\n"
    assert quakes("who,count\na,13\na,20\n", "--sequence", "who", "--plot", plot)[0] == 0
    assert plot.stat().st_size > 1000


BAD_SEQUENCES = [
    ("who,x\na,1\nb,1\na,1\nb,0\na,1\n", "line 5, sequence 'b': the evidence is impossible from step 1 on: no path "),
    ("who,x\na,1\nb,2\na,1\n", "line 3: x must be a whole number from 0 to 1, or missing, got 2.0"),
    ("who,x\na,1\nb,z\na,z\n", "line 3: x must be a number or empty, got 'z'"),
]


@pytest.mark.parametrize(("text", "message"), BAD_SEQUENCES, ids=["impossible", "refused", "no number"])
def test_a_refused_row_is_named_by_its_line_whatever_its_sequence(quakes, arriving, tmp_path, text, message):
    model = tmp_path / "model.json"
    hf.HMM([1.0], [[1.0]], hf.emissions.Bernoulli([1.0])).to_json(model)
    words = ["--sequence", "who", "--column", "x"]
    assert f"data.csv: {message}" in quakes(text, *words, model=model, task="filter")[2]
    assert f"standard input: {message}" in arriving(text, *words, model=model)[2]


def test_a_refused_log_likelihood_is_named_by_its_line(quakes, arriving, tmp_path):
    model = tmp_path / "model.json"
    hf.HMM([1.0], [[1.0]], hf.emissions.Gaussian([0.0], [1.0])).to_json(model)
    text = "x\n0\n1e150\n"
    message = "line 3: the log-likelihood in state 0 must be at most 1e+22 in magnitude"
    assert f"data.csv: {message}" in quakes(text, model=model)[2]
    assert f"standard input: {message}" in arriving(text, model=model)[2]
