"""Parquet and Arrow in and out: to the same digits as CSV, block by block, and refusals by row and column."""

import datetime
import signal
import subprocess
import sys

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter import cli
from hmmfilter._tables import arrow_files, arrow_writing
from hmmfilter.cli import evidence
from tests.cli.commands import floats, table
from tests.cli.test_blocks import peak_of
from tests.conftest import needs_compiled
from tests.files import EARTHQUAKES, EARTHQUAKES_MODEL, earthquakes

pa = pytest.importorskip("pyarrow")
feather = pytest.importorskip("pyarrow.feather")
pq = pytest.importorskip("pyarrow.parquet")

MODEL = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Gaussian([0.0, 1.0], [1.0, 2.0]))
X = [0.5, None, 1.5, np.nan, -0.25, 2.0, 0.75]
SYMBOLS = hf.HMM(
    MODEL.initial, MODEL.transition, hf.emissions.Categorical([[0.9, 0.1], [0.2, 0.8]], symbols=["wet", 5])
)
PAGES = {"use_dictionary": False, "data_page_size": 2**10}  # small ones
WHO = ["a", "b", "a", "a", "b", "b", "a"]


@pytest.fixture
def command(tmp_path, capsys):
    """Run the command on columns in a Parquet file; return the exit status, the output as columns, and the error."""

    def run(columns, *words, task="smooth", model=MODEL, ending="parquet"):
        data, document = tmp_path / f"data.{ending}", tmp_path / "model.json"
        (pq.write_table if ending == "parquet" else feather.write_feather)(pa.table(columns), data)
        model.to_json(document)
        status = cli.main([task, str(data), "--model", str(document), *map(str, words)])
        out, err = capsys.readouterr()
        return status, table(out), err

    return run


@pytest.fixture(params=[1, 3, 2**13], ids=lambda n_rows: f"blocks of {n_rows}")
def short(request, monkeypatch):
    """Blocks of a few rows."""
    monkeypatch.setattr(evidence, "MOST_ROWS", request.param)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("task", ["filter", "smooth", "viterbi"])
@pytest.mark.parametrize("words", [[], ["--sequence", "who"]], ids=["alone", "several"])
@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_the_same_digits_as_of_csv(command, tmp_path, capsys, task, words, ending):
    columns = {"who": WHO, "x": X}
    status, found, err = command(columns, *words, task=task, ending=ending)
    assert (status, err.count("\n")) == (0, 1)
    cells = ["" if x is None else repr(x) for x in X]
    (tmp_path / "data.csv").write_text("who,x\n" + "".join(f"{a},{x}\n" for a, x in zip(WHO, cells, strict=True)))
    assert cli.main([task, str(tmp_path / "data.csv"), "--model", str(tmp_path / "model.json"), *words]) == 0
    out, said = capsys.readouterr()
    assert (found, err) == (table(out), said)
    output = tmp_path / "output.parquet"
    assert command(columns, *words, "--output", output, task=task, ending=ending)[0] == 0
    kept = pq.read_table(output).to_pydict()
    assert list(kept) == list(found)
    assert (kept["who"], repr(kept["x"])) == (WHO, repr(X))
    for name in list(kept)[2:]:
        assert list(map(str, kept[name])) == list(found[name])


def test_impossible_rows_have_no_state(command, tmp_path):
    never = hf.HMM([1.0], [[1.0]], hf.emissions.Categorical([[1.0, 0.0]]))
    output = tmp_path / "output.parquet"
    words = ["--sequence", "who", "--impossible", "mark", "--output", output]
    assert command({"who": ["a", "b"], "x": [1, 0]}, *words, task="viterbi", model=never)[0] == 0
    assert pq.read_table(output)["state"].to_pylist() == [None, "0"]
    assert command({"who": ["a", "b"], "x": [1, 0]}, *words, model=never)[0] == 0
    assert repr(pq.read_table(output)["p_0"].to_pylist()) == "[nan, 1.0]"


@pytest.mark.parametrize("task", ["filter", "smooth", "viterbi"])
def test_impossible_rows_are_named(command, task):
    never = hf.HMM([1.0], [[1.0]], hf.emissions.Categorical([[1.0, 0.0]]))
    status, _, err = command({"who": ["a", "b", "b"], "x": [0, 0, 1]}, "--sequence", "who", task=task, model=never)
    assert status == 2
    assert "data.parquet: row 2 (from 0), sequence 'b': " in err


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("task", ["filter", "smooth"])
def test_an_error_names_row_and_column(command, tmp_path, task):
    counts = hf.HMM([1.0], [[1.0]], hf.emissions.Poisson([2.0]))
    columns = {"t": ["a"] * 5, "n": [1, None, 3, 4, -5]}
    status, _, err = command(columns, task=task, model=counts)
    assert status == 2
    assert "data.parquet: row 4 (from 0): n must be " in err
    assert "got -5" in err
    status, found, err = command(columns, "--on-error", "skip", task=task, model=counts)
    assert (status, len(found["n"])) == (0, 4)
    assert "row 4 (from 0): n must be " in err
    words = ["--on-error", "skip", "--output", tmp_path / "output.parquet"]
    assert command(columns, *words, task=task, model=counts)[0] == 0
    assert pq.read_table(tmp_path / "output.parquet")["n"].to_pylist() == [1, None, 3, 4]
    status, found, _ = command(columns, "--on-error", "missing", task=task, model=counts)
    assert (status, found["n"]) == (0, ("1", "", "3", "4", "-5"))


def test_columns_that_cannot_be_observed_are_named(command, tmp_path):
    nested = {"x": pa.array([[1.0], [2.0]])}
    assert "data.parquet: x must hold numbers, got list<" in command(nested, "--column", "x")[2]
    assert "numeric columns: none" in command(nested)[2]
    assert "nested must be left out of CSV" in command({"x": [1.0], "nested": [[1]]})[2]
    output = tmp_path / "output.parquet"
    assert command({"x": [1.0], "nested": [[1]]}, "--output", output)[0] == 0
    assert pq.read_table(output)["nested"].to_pylist() == [[1]]
    assert "rename the columns that the output needs: p_1" in command({"x": [1.0], "p_1": ["a"]})[2]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (["wet", "5", None, "NA", ""], ["wet", 5, None, None, None]),
        (pa.array(["5", None, "wet"]).dictionary_encode(), [5, None, "wet"]),
        ([5, None, 5], [5, None, 5]),
        ([5.0, None], [5, None]),
    ],
)
def test_strings_and_numbers_are_symbols(command, column, expected):
    status, found, _ = command({"w": column}, "--column", "w", model=SYMBOLS)
    assert status == 0
    assert np.array_equal(floats(found["p_1"]), SYMBOLS.smooth(expected).probabilities[:, 1])
    assert "row 1 (from 0): w must be " in command({"w": ["wet", "dry"]}, "--column", "w", model=SYMBOLS)[2]


def test_columns_of_several_types_are_channels(command):
    channels = {"x": hf.emissions.Gaussian([0.0, 1.0], [1.0, 2.0]), "w": SYMBOLS.emission}
    model = hf.HMM(SYMBOLS.initial, SYMBOLS.transition, hf.emissions.Product(channels))
    status, found, _ = command({"w": ["wet", None, "5"], "x": [0.5, 1.5, None]}, model=model)
    assert status == 0
    shown = [(0.5, "wet"), (1.5, None), (None, 5)]
    assert np.array_equal(floats(found["p_1"]), model.smooth(shown).probabilities[:, 1])


@pytest.mark.parametrize("task", ["filter", "smooth"])
def test_times_are_a_column(command, task):
    model = hf.HMM(MODEL.initial, hf.transitions.Rates([[0.0, 0.1], [0.2, 0.0]], "D"), MODEL.emission)
    times = [datetime.datetime(2026, 1, day) for day in (1, 2, 4)]
    status, found, _ = command({"t": times, "x": [0.5, None, 1.5]}, "--time", "t", task=task, model=model)
    assert status == 0
    expected = getattr(model, task)([0.5, None, 1.5], times=np.array(times, "M8[us]")).probabilities
    assert np.array_equal(floats(found["p_1"]), expected[:, 1])
    missing = {"t": [*times[:2], None], "x": [0.5, None, 1.5]}
    assert "row 2 (from 0): t must not be missing, got NULL" in command(missing, "--time", "t", model=model)[2]


def test_an_index_is_a_column(command):
    matrices = hf.transitions.Indexed([MODEL.transition, np.eye(2)], names=["on", "off"])
    model = hf.HMM(MODEL.initial, matrices, MODEL.emission)
    status, found, _ = command({"x": [0.5, 1.5, 2.5], "i": ["on", "off", "on"]}, "--index", "i", model=model)
    assert status == 0
    expected = model.smooth([0.5, 1.5, 2.5], transition_index=["on", "off", "on"]).probabilities
    assert np.array_equal(floats(found["p_1"]), expected[:, 1])


def test_a_fit_is_as_of_csv(tmp_path, capsys):
    years, counts = earthquakes()
    pq.write_table(pa.table({"year": years, "count": counts, "other": [[1]] * len(years)}), tmp_path / "data.parquet")
    said = []
    for data, output in ((tmp_path / "data.parquet", "parquet.json"), (EARTHQUAKES, "csv.json")):
        words = ["--column", "count", "--emission", "poisson", "--states", "2", "--restarts", "0"]
        assert cli.main(["fit", str(data), *words, "--output", str(tmp_path / output)]) == 0
        said.append(capsys.readouterr())
    assert said[0] == said[1]
    assert (tmp_path / "parquet.json").read_text() == (tmp_path / "csv.json").read_text()


def test_symbols_are_learned(tmp_path, capsys):
    columns = {"w": ["wet", None, "dry", "wet", "dry", "dry", "wet"] * 4, "who": ["a", "b"] * 14}
    pq.write_table(pa.table(columns), tmp_path / "data.parquet")
    words = ["--column", "w", "--emission", "categorical", "--states", "1", "--sequence", "who"]
    assert cli.main(["fit", str(tmp_path / "data.parquet"), *words, "--output", str(tmp_path / "m.json")]) == 0
    capsys.readouterr()
    assert hf.HMM.from_json(tmp_path / "m.json").emission.symbols == ("dry", "wet")


def test_a_lesson_of_ones_own(tmp_path, capsys):
    years, counts = earthquakes()
    pq.write_table(pa.table({"year": years, "count": counts}), tmp_path / "data.parquet")
    words = ["--model", str(EARTHQUAKES_MODEL), "--column", "count"]
    assert cli.main(["underflow", "--data", str(tmp_path / "data.parquet"), *words]) == 0
    assert "107 observations of " in capsys.readouterr().out


def test_a_picture_is_labelled_by_the_first_column(command, tmp_path):
    pytest.importorskip("matplotlib")
    plot, columns = tmp_path / "plot.svg", {"when": ["early", "late"], "x": [0.5, 1.5], "nested": [[1], [2]]}
    words = ["--column", "x", "--plot", plot, "--output", tmp_path / "output.parquet"]
    assert command(columns, *words)[0] == 0
    assert "when" in plot.read_text()


def test_a_state_goes_on_from_file_to_file(command, tmp_path):
    state = tmp_path / "state.json"
    parts = [slice(0, 3), slice(3, 7)]
    found = []
    for part in parts:
        columns = {"who": WHO[part], "x": pa.array(X[part], pa.float64())}
        status, columns, _ = command(columns, "--sequence", "who", "--state", state, task="filter")
        assert status == 0
        found += columns["p_1"]
    assert found == list(command({"who": WHO, "x": X}, "--sequence", "who", task="filter")[1]["p_1"])


@needs_compiled
@pytest.mark.parametrize("output", ["output.parquet", "output.csv"])
def test_a_filter_takes_the_same_memory_for_any_length(tmp_path, monkeypatch, output):
    """Of one row group, too, and within pyarrow as within Python."""
    monkeypatch.setattr(evidence, "MOST_ROWS", 100)
    monkeypatch.setattr(arrow_files, "BUFFER", 2**10)
    monkeypatch.setattr(arrow_writing, "GROUP_ROWS", 1000)
    MODEL.to_json(tmp_path / "model.json")
    data, usual, peaks = tmp_path / "data.parquet", pa.default_memory_pool(), []
    for n_rows in (5_000, 15_000):
        x = np.random.default_rng(0).normal(size=n_rows)
        pq.write_table(pa.table({"x": x, "more": x + 1}), data, **PAGES)
        pool = pa.proxy_memory_pool(usual)
        pa.set_memory_pool(pool)
        words = ["--model", tmp_path / "model.json", "--column", "x", "--output", tmp_path / output]
        try:
            peaks.append((peak_of(["filter", str(data), *map(str, words)]), pool.max_memory()))
        finally:
            pa.set_memory_pool(usual)
    (short, short_arrow), (long, long_arrow) = peaks
    assert long < 1.2 * short
    assert 0 < long_arrow < 1.2 * short_arrow


@pytest.mark.parametrize("task", ["filter", "smooth"])
def test_without_pyarrow_one_line_says_how_to_install_it(command, monkeypatch, task):
    monkeypatch.setattr(pq, "write_table", lambda table, path: path.write_bytes(b"PAR1rest"))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    table = {"x": [1.0]}
    monkeypatch.setattr(pa, "table", lambda columns: columns)
    status, _, err = command(table, task=task)
    assert (status, err.count("\n")) == (2, 1)
    assert err.endswith("data.parquet: needs pyarrow: pip install 'hmmfilter[parquet]' brings it\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_what_ends_early_leaves_what_was_there(tmp_path, number):
    """A signal in the midst of the rows, after some row groups; what a killed process leaves has another name."""
    MODEL.to_json(tmp_path / "model.json")
    pq.write_table(pa.table({"x": np.zeros(100)}), tmp_path / "data.parquet")
    output = tmp_path / "output.parquet"
    output.write_bytes(b"before")
    script = f"""
import os, sys
from hmmfilter import cli
from hmmfilter._tables import arrow_writing
from hmmfilter.cli import evidence
evidence.MOST_ROWS, arrow_writing.GROUP_ROWS = 10, 20
write = arrow_writing.ParquetWriter._write
n_blocks = []
def written(writer, *rest):
    write(writer, *rest)
    n_blocks.append(rest)
    if len(n_blocks) == 5:
        os.kill(os.getpid(), {int(number)})
arrow_writing.ParquetWriter._write = written
sys.exit(cli.main(sys.argv[1:]))
"""
    words = ["smooth", "data.parquet", "--model", "model.json", "--output", "output.parquet"]
    done = subprocess.run([sys.executable, "-c", script, *words], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}[number]
    assert (done.stdout, done.stderr) == (b"", b"")
    assert output.read_bytes() == b"before"
    names = {path.name for path in tmp_path.iterdir()} - {"data.parquet", "model.json", "output.parquet"}
    assert len(names) == (number == signal.SIGKILL)
    assert all(name.endswith(".part") for name in names)
