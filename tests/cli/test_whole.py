"""A table in, a table and a picture out; and every refusal in one line."""

import io
import sys

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter import cli, plotting
from tests.cli.commands import floats, run, table
from tests.files import EARTHQUAKES, EARTHQUAKES_MODEL, earthquakes


def test_the_main_job_in_a_real_process(tmp_path):
    output, plot = tmp_path / "posterior.csv", tmp_path / "posterior.png"
    done = run(
        "smooth", EARTHQUAKES, "--model", EARTHQUAKES_MODEL, "--column", "count", "--output", output, "--plot", plot
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "107 observations, 3 states, log-likelihood -329.4604\n"
    assert plot.read_bytes().startswith(b"\x89PNG")
    columns = table(output.read_text(encoding="utf-8"))
    years, counts = earthquakes()
    assert list(columns) == ["year", "count", "p_calm", "p_middling", "p_restless"]
    assert list(columns["year"]) == list(map(str, years))
    assert list(columns["count"]) == list(map(str, counts))
    smoothed = hf.HMM.from_json(EARTHQUAKES_MODEL).smooth(counts)
    for k, name in enumerate(["calm", "middling", "restless"]):
        assert np.array_equal(floats(columns[f"p_{name}"]), smoothed.probabilities[:, k])


def test_from_standard_input_to_standard_output():
    with open(EARTHQUAKES) as file:
        done = run("filter", "-", "--model", EARTHQUAKES_MODEL, "--column", "count", stdin=file)
    assert done.returncode == 0
    columns = table(done.stdout)
    filtered = hf.HMM.from_json(EARTHQUAKES_MODEL).filter(earthquakes()[1])
    assert list(columns) == ["year", "count", "p_calm", "p_middling", "p_restless", "log_increment"]
    assert np.array_equal(floats(columns["log_increment"]), filtered.log_increments)
    assert np.array_equal(floats(columns["p_restless"]), filtered.probabilities[:, 2])


def test_viterbi_names_the_states(quakes, tmp_path):
    _years, counts = earthquakes()
    model = hf.HMM.from_json(EARTHQUAKES_MODEL)
    named = hf.HMM(model.initial, model.transition, model.emission, ["quiet", "medium", "active"])
    named.to_json(tmp_path / "named.json")
    status, columns, err = quakes(EARTHQUAKES.read_text(), "--column", "count", model=tmp_path / "named.json")
    assert status == 0
    assert list(columns) == ["year", "count", "state"]
    assert list(columns["state"]) == [named.state_names[k] for k in named.viterbi(counts).path]
    assert err == "107 observations, 3 states, log-likelihood -329.4604, log-joint -336.4011\n"
    _, columns, _ = quakes(EARTHQUAKES.read_text(), "--column", "count", task="smooth", model=tmp_path / "named.json")
    assert list(columns) == ["year", "count", "p_quiet", "p_medium", "p_active"]


def test_an_empty_cell_is_a_missing_observation(quakes):
    status, columns, err = quakes('count,note\n13,"a, b"\n,\n 20 ,ü\nnan,\n', task="filter")
    assert status == 0
    assert err.startswith("4 observations (2 missing), 3 states, ")
    assert list(columns["note"]) == ["a, b", "", "ü", ""]
    assert list(columns["count"]) == ["13", "", " 20 ", "nan"]
    expected = hf.HMM.from_json(EARTHQUAKES_MODEL).filter([13, None, 20, None])
    assert np.array_equal(floats(columns["p_calm"]), expected.probabilities[:, 0])
    assert abs(float(columns["log_increment"][1])) < 1e-15


def test_byte_order_mark_and_line_ends(quakes):
    status, columns, _ = quakes(b"\xef\xbb\xbfcount,x\r\n13,\r\n\r\n20,\r\n")
    assert status == 0
    assert list(columns["count"]) == ["13", "20"]


def test_a_blank_line_is_the_empty_cell_of_an_only_column(quakes):
    status, columns, err = quakes("count\n13\n\n\n40\n", task="smooth")
    assert status == 0
    assert list(columns["count"]) == ["13", "", "", "40"]
    assert err.startswith("4 observations (2 missing), ")
    expected = hf.HMM.from_json(EARTHQUAKES_MODEL).smooth([13, None, None, 40])
    assert np.array_equal(floats(columns["p_restless"]), expected.probabilities[:, 2])


@pytest.mark.parametrize(
    "words", [["--column", "x", "y"], ["--column", "x", "--column", "y"], ["--column", "x,y"]], ids=" ".join
)
def test_several_columns_make_a_vector(quakes, tmp_path, words):
    emission = hf.emissions.Gaussian([[0.0, 0.0], [3.0, 3.0]], [[1.0, 1.0], [1.0, 1.0]], kind="variances")
    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], emission)
    model.to_json(tmp_path / "model.json")
    plot = tmp_path / "plot.svg"
    status, columns, _ = quakes(
        "t,x,y\na,0,0\nb,3,\nc,,\nd,3,2\n", *words, "--plot", plot, model=tmp_path / "model.json"
    )
    assert status == 0
    assert list(map(int, columns["state"])) == model.viterbi([[0, 0], [3, None], None, [3, 2]]).path.tolist()
    assert plot.stat().st_size > 1000


def test_a_refused_entry_of_a_vector_is_named_by_its_column(quakes, tmp_path):
    model = tmp_path / "model.json"
    hf.HMM([1.0], [[1.0]], hf.emissions.Gaussian([[0.0, 0.0]], [[1.0, 1.0]])).to_json(model)
    _, _, err = quakes("t,x,y\na,0,0\nb,0,inf\n", "--column", "x,y", model=model)
    assert err.endswith("data.csv: line 3: y must be finite, or NaN or None where missing, got inf\n")


def test_a_vector_of_one_column(quakes, tmp_path):
    model = hf.HMM([1.0], [[1.0]], hf.emissions.Gaussian([[0.0]], [[1.0]]))
    model.to_json(tmp_path / "model.json")
    assert quakes("x\n0\n1\n", model=tmp_path / "model.json", task="smooth")[0] == 0


def test_the_observed_first_column_does_not_label_the_time(quakes, tmp_path):
    assert quakes("count\n13\n20\n", "--plot", tmp_path / "plot.png", task="smooth")[0] == 0


def test_a_first_column_of_sequences_does_not_label_the_time(monkeypatch, quakes):
    drawn = {}
    monkeypatch.setattr(plotting, "save", lambda *_, **words: drawn.update(words))
    words = ["--sequence", "who", "--column", "count", "--plot", "picture.png"]
    quakes("who,year,count\na,1900,13\na,1901,20\n", *words)
    assert (drawn["step_name"], drawn["step_labels"]) == ("year", ["1900", "1901"])
    quakes("who,count,year\na,13,1900\na,20,1901\n", *words)
    assert (drawn["step_name"], drawn["step_labels"]) == ("step", None)


REFUSED = [
    ("", [], "data.csv: a header line and at least one row are required, got 0 lines"),
    ("count\n", [], "data.csv: a header line and at least one row are required, got 1 lines"),
    ("a,b\n1,2\n3\n", ["--column", "a"], "data.csv: line 3 must have 2 cells as the header does, got 1"),
    ("a,b\n1,2\n", [], "data.csv: name the observations with --column; numeric columns: a, b"),
    ("a,b\nx,y\n", [], "data.csv: name the observations with --column; numeric columns: none"),
    ("a,b\n1,2\n", ["--column", "c"], "data.csv: no column 'c'; columns: a, b"),
    ("a,a\n1,2\n", ["--column", "a"], "data.csv: two columns 'a'; columns: a, a"),
    ("a\n1\nx\n", ["--column", "a"], "data.csv: line 3: a must be a number or empty, got 'x'"),
    ("a\n1_0\n", ["--column", "a"], "data.csv: line 2: a must be a number or empty, got '1_0'"),
    ("1,2\n1,2\n", [], "data.csv: line 1 must name the columns, got '1': add --no-header where it is a row"),
    ("a\n1\n1.5\n", [], "data.csv: line 3: a must be a whole number from 0 up, or missing, got 1.5"),
    ("a\ninf\n", [], "data.csv: line 2: a must be finite, or NaN or None where missing, got inf"),
    (
        "a,b\n1,2\n",
        ["--column", "a", "b"],
        "data.csv: observations must have shape (T,), got (1, 2): of several columns, choose one",
    ),
    ("a,state\n1,2\n", ["--column", "a"], "data.csv: rename the columns that the output needs: state"),
    (b"a\n" + b"1\n" * 5000 + b"\xff\n", [], "data.csv: line 5002 must be in UTF-8, got the byte 0xff"),
    ('a\n1\n"1\n', [], "data.csv: line 3 must be CSV: "),
    ("a\n1\n2" + "0" * 200_000, [], "data.csv: line 3 must be CSV: field larger than field limit"),
    ("a\n1\n", ["--output", "no/such/folder.csv"], "no/such/folder.csv: No such file or directory"),
    ("a\n1\n", ["--plot", "picture.docx"], "--plot: picture.docx must end in one of ."),
    ("a\n1\n", ["--model", "none.json"], "none.json: No such file or directory"),
    ("a\n1\n", ["--model", str(EARTHQUAKES)], "earthquakes.csv holds no valid model: "),
]


@pytest.mark.parametrize(("text", "arguments", "message"), REFUSED, ids=range(len(REFUSED)))
def test_bad_input_gets_one_clear_line(quakes, text, arguments, message):
    status, columns, err = quakes(text, *arguments)
    assert status == 2
    assert columns == {}
    assert err.startswith("hmmfilter: error: ")
    assert message in err
    assert err.count("\n") == 1


def test_impossible_evidence_is_bad_input(quakes, tmp_path):
    hf.HMM([1.0], [[1.0]], hf.emissions.Bernoulli([1.0])).to_json(tmp_path / "model.json")
    status, _, err = quakes("x\n1\n0\n", model=tmp_path / "model.json")
    assert status == 2
    assert "data.csv: line 3: the evidence is impossible from step 1 on" in err


def test_no_such_file(capsys):
    assert cli.main(["smooth", "none.csv", "--model", str(EARTHQUAKES_MODEL)]) == 2
    assert capsys.readouterr().err == "hmmfilter: error: none.csv: No such file or directory\n"


def test_standard_input_in_process(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"count\nx\n")))
    assert cli.main(["smooth", "-", "--model", str(EARTHQUAKES_MODEL), "--column", "count"]) == 2
    assert "standard input: line 2: count must be a number or empty, got 'x'" in capsys.readouterr().err


def test_without_matplotlib(monkeypatch, quakes):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    status, columns, err = quakes("count\n13\n", "--plot", "picture.png")
    assert (status, columns) == (2, {})
    assert err == "hmmfilter: error: plots need matplotlib: pip install 'hmmfilter[plot]'\n"


def test_a_picture_that_fails_leaves_the_table(monkeypatch, quakes, tmp_path):
    """Standard output or a file: it is written first, and the error says that it was."""

    def fail(*_, **__):
        raise ValueError("Exceeded cell block limit")

    monkeypatch.setattr(plotting, "save", fail)
    error = "hmmfilter: error: the table is written, but not the picture: Exceeded cell block limit"
    status, columns, err = quakes("count\n13\n20\n", "--plot", "picture.png")
    assert (status, list(columns["count"])) == (2, ["13", "20"])
    assert err.splitlines()[1:] == [error]
    output = tmp_path / "output.csv"
    status, _, err = quakes("count\n13\n20\n", "--plot", "picture.png", "--output", output)
    assert (status, output.read_text().count("\n")) == (2, 3)
    assert err.splitlines()[1:] == [error]


DNA = "place,base\n1,A\n2, C \n3,\n4,NA\n5,T\n"


@pytest.mark.parametrize("words", [[], ["--column", "base"]], ids=["found", "named"])
@pytest.mark.parametrize("task", ["filter", "smooth", "viterbi"])
def test_symbols_with_names(quakes, tmp_path, task, words):
    emission = hf.emissions.Categorical([[0.7, 0.1, 0.1, 0.1], [0.1, 0.3, 0.3, 0.3]], symbols=["A", "C", "G", "T"])
    model, path, plot = (
        hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], emission),
        tmp_path / "dna.json",
        tmp_path / "a.png",
    )
    model.to_json(path)
    status, columns, err = quakes(DNA, *words, "--plot", plot, task=task, model=path)
    assert status == 0
    assert err.startswith("5 observations (2 missing), 2 states, ")
    result = getattr(model, task)(["A", "C", None, None, "T"])
    if task == "viterbi":
        assert list(map(int, columns["state"])) == result.path.tolist()
    else:
        assert np.array_equal(floats(columns["p_1"]), result.probabilities[:, 1])
    assert plot.stat().st_size > 1000
    message = "line 3: base must be one of 'A', 'C', 'G', 'T', or NaN or None where missing, got 'X'"
    assert message in quakes("base\nA\nX\n", "--column", "base", task=task, model=path)[2]


def test_the_lesson_of_symbols_with_names(tmp_path, capsys):
    path, data = tmp_path / "dna.json", tmp_path / "dna.csv"
    hf.HMM([1.0], [[1.0]], hf.emissions.Categorical([[0.5, 0.5]], symbols=["A", "C"])).to_json(path)
    data.write_text("place;base\n1;A\n2;C\n")
    words = ["underflow", "--data", str(data), "--model", str(path)]
    assert cli.main([*words, "--delimiter", ";", "--column", "base"]) == 0
    assert capsys.readouterr().out.startswith("2 observations of ")
    assert cli.main(words) == 2
    assert "add --delimiter ';'" in capsys.readouterr().err
