"""The command where no path leads on, and sequences begin afresh."""

import json

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter import cli
from tests.cli.commands import floats, table
from tests.test_restart import AHEAD, MODEL, STUCK

OTHER = [0, 1, 0, 2, 2, 1]
WHO = ["a", "b"] * len(OTHER) + ["a"] * (len(STUCK) - len(OTHER))
SEEN = [x for pair in zip(STUCK, OTHER, strict=False) for x in pair] + STUCK[len(OTHER) :]
WORDS = ["--column", "x", "--impossible", "restart"]


def text_of(symbols, *columns):
    rows = zip(*columns, ["" if x is None else str(x) for x in symbols], strict=True)
    return "".join(f"{','.join(row)}\n" for row in rows)


ONE, SEVERAL = "x\n" + text_of(STUCK), "who,x\n" + text_of(SEEN, WHO)


@pytest.fixture
def model(tmp_path):
    MODEL.to_json(tmp_path / "stuck.json")
    return tmp_path / "stuck.json"


@pytest.mark.parametrize("task", ["filter", "smooth", "viterbi"])
def test_one_sequence(quakes, model, task):
    status, columns, err = quakes(ONE, *WORDS, task=task, model=model)
    result, total = getattr(MODEL, task)(STUCK, impossible="restart"), MODEL.filter(STUCK, impossible="restart")
    assert (status, result.restarts.tolist()) == (0, [2, 4, 8])
    assert err.startswith("10 observations (1 missing), 3 restarts, 3 states, log-likelihood ")
    assert f"log-likelihood {total.log_likelihood:.4f}" in err
    if task == "viterbi":
        assert columns["state"] == tuple(MODEL.state_names[k] for k in result.path)
        assert err.endswith(f"log-joint {result.log_joint:.4f}\n")
        return
    assert np.array_equal(floats(columns["p_b"]), result.probabilities[:, 1])
    if task == "filter":
        assert np.array_equal(floats(columns["log_increment"]), result.log_increments)


@pytest.mark.parametrize("task", ["filter", "smooth", "viterbi"])
def test_several_sequences(quakes, model, task):
    status, columns, err = quakes(SEVERAL, "--sequence", "who", *WORDS, task=task, model=model)
    alone = {"a": quakes(ONE, *WORDS, task=task, model=model)[1]}
    alone["b"] = quakes("x\n" + text_of(OTHER), *WORDS, task=task, model=model)[1]
    n_restarts = 3 + MODEL.filter(OTHER, impossible="restart").restarts.size
    assert status == 0
    assert f", 2 sequences, {n_restarts} restarts, 3 states, " in err
    for name, cells in columns.items():
        if name != "who":
            for who in "ab":
                assert [cell for cell, of in zip(cells, WHO, strict=True) if of == who] == [*alone[who][name]]


@pytest.mark.parametrize("cut", [2, 3, 8, 9])
def test_rows_that_arrive_in_several_runs(arriving, quakes, model, tmp_path, cut):
    state = tmp_path / "state.json"
    header, *lines = ONE.splitlines(keepends=True)
    columns = quakes(ONE, *WORDS, task="filter", model=model)[1]
    begun = arriving("".join([header, *lines[:cut]]), *WORDS, "--state", state, model=model)
    status, out, err = arriving("".join([header, *lines[cut:]]), *WORDS, "--state", state, model=model)
    assert (begun[0], status) == (0, 0)
    for name, cells in columns.items():
        assert table(begun[1])[name] + table(out)[name] == cells
    n_rows = "1 observation" if cut == 9 else f"{10 - cut} observations"
    total = MODEL.filter(STUCK, impossible="restart").log_likelihood
    assert err == f"{n_rows} (1 missing) after {cut} before, 3 restarts, 3 states, log-likelihood {total:.4f}\n"
    assert json.loads(state.read_text())["streams"][""]["restarts"]["steps"] == [2, 4, 8]


@pytest.mark.parametrize("task", ["filter", "viterbi"])
def test_rows_that_do_not_stand_alone(tmp_path, capsys, task):
    swap = hf.transitions.Indexed([np.eye(3), AHEAD], names=["stay", "go"])
    model = hf.HMM(MODEL.initial, swap, MODEL.emission)
    model.to_json(tmp_path / "model.json")
    index = ["go", "go", "stay", "stay", "go"] * 2
    (tmp_path / "data.csv").write_text("kind,x\n" + text_of(STUCK, index))
    words = ["--index", "kind", *WORDS, "--model", str(tmp_path / "model.json")]
    assert cli.main([task, str(tmp_path / "data.csv"), *words]) == 0
    out, err = capsys.readouterr()
    result = getattr(model, task)(STUCK, transition_index=index, impossible="restart")
    assert f", {len(result.restarts)} restarts, " in err
    if task == "filter":
        assert np.array_equal(floats(table(out)["p_1"]), result.probabilities[:, 1])
    else:
        assert table(out)["state"] == tuple(map(str, result.path))


@pytest.mark.parametrize("task", ["filter", "smooth", "viterbi"])
def test_a_row_that_cannot_begin_is_bad_input(quakes, tmp_path, task):
    hf.HMM([1.0, 0.0], [[0.5, 0.5], [0.0, 1.0]], hf.emissions.Categorical(np.eye(3)[:2])).to_json(tmp_path / "m.json")
    status, _, err = quakes("x\n0\n1\n0\n2\n0\n", *WORDS, task=task, model=tmp_path / "m.json")
    assert status == 2
    assert "data.csv: line 5: the evidence is impossible from step 3 on" in err
