"""The command, end to end through a real process, and every refusal in one line."""

import contextlib
import csv
import io
import os
import queue
import subprocess
import sys
import threading

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter import cli
from tests.files import EARTHQUAKES, EARTHQUAKES_MODEL, earthquakes

COMMAND = [os.path.join(os.path.dirname(sys.executable), "hmmfilter")]


def run(*arguments, **options):
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, encoding="utf-8", check=False, **options
    )


def table(text):
    rows = list(csv.reader(io.StringIO(text)))
    return dict(zip(rows[0], zip(*rows[1:], strict=True), strict=True))


def floats(cells):
    return np.array(list(map(float, cells)))


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
    assert list(columns) == ["year", "count", "p_0", "p_1", "p_2"]
    assert list(columns["year"]) == list(map(str, years))
    assert list(columns["count"]) == list(map(str, counts))
    smoothed = hf.HMM.from_json(EARTHQUAKES_MODEL).smooth(counts)
    for k in range(3):
        assert np.array_equal(floats(columns[f"p_{k}"]), smoothed.probabilities[:, k])


def test_from_standard_input_to_standard_output():
    with open(EARTHQUAKES) as file:
        done = run("filter", "-", "--model", EARTHQUAKES_MODEL, "--column", "count", stdin=file)
    assert done.returncode == 0
    columns = table(done.stdout)
    filtered = hf.HMM.from_json(EARTHQUAKES_MODEL).filter(earthquakes()[1])
    assert list(columns) == ["year", "count", "p_0", "p_1", "p_2", "log_increment"]
    assert np.array_equal(floats(columns["log_increment"]), filtered.log_increments)
    assert np.array_equal(floats(columns["p_2"]), filtered.probabilities[:, 2])


def test_a_closed_pipe_ends_quietly(tmp_path):
    data = tmp_path / "long.csv"
    data.write_text("count\n" + "13\n" * 20_000)
    with subprocess.Popen(
        [*COMMAND, "filter", str(data), "--model", str(EARTHQUAKES_MODEL)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize("arguments", [[], ["filter"], ["smooth"], ["viterbi"], ["underflow"]])
def test_help(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([*arguments, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "usage: hmmfilter" in text
    assert max(map(len, text.splitlines())) <= 110


def test_version(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out.startswith("hmmfilter 0.")


def test_each_row_is_filtered_as_it_arrives():
    """Through a pipe that stays open: no row is written before the answer to the one before has come."""
    words = ["--model", str(EARTHQUAKES_MODEL), "--column", "count"]
    whole = run("filter", EARTHQUAKES, *words)
    with subprocess.Popen(
        [*COMMAND, "filter", "-", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        answers = queue.Queue()
        threading.Thread(target=lambda: [answers.put(line) for line in process.stdout], daemon=True).start()
        try:
            for line, expected in zip(
                EARTHQUAKES.read_text().splitlines(keepends=True), whole.stdout.splitlines(keepends=True), strict=True
            ):
                process.stdin.write(line)
                process.stdin.flush()
                assert answers.get(timeout=120) == expected
            process.stdin.close()
            assert process.wait(timeout=120) == 0
            assert process.stderr.read() == whole.stderr
        finally:
            process.kill()


@pytest.fixture
def quakes(tmp_path, capsys):
    """Run the command on a CSV text; return the exit status, the output as columns, and the standard error."""

    def command(text, *arguments, task="viterbi", model=EARTHQUAKES_MODEL):
        data = tmp_path / "data.csv"
        data.write_bytes(text if isinstance(text, bytes) else text.encode())
        status = cli.main([task, str(data), "--model", str(model), *map(str, arguments)])
        out, err = capsys.readouterr()
        return status, table(out) if out else {}, err

    return command


@pytest.fixture
def arriving(monkeypatch, capsys):
    """Run the command on what comes in on standard input; return the exit status, the output, and standard error."""

    def command(stream, *arguments, task="filter", model=EARTHQUAKES_MODEL):
        if isinstance(stream, (str, bytes)):
            content = stream if isinstance(stream, bytes) else stream.encode()
            stream = io.TextIOWrapper(io.BytesIO(content), encoding="ascii")
        monkeypatch.setattr(sys, "stdin", stream)
        status = cli.main([task, "-", "--model", str(model), *map(str, arguments)])
        return status, *capsys.readouterr()

    return command


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
    assert np.array_equal(floats(columns["p_0"]), expected.probabilities[:, 0])
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
    assert np.array_equal(floats(columns["p_2"]), expected.probabilities[:, 2])


@pytest.mark.parametrize(
    "words", [["--column", "x", "y"], ["--column", "x", "--column", "y"], ["--column", "x,y"]], ids=" ".join
)
def test_several_columns_make_a_vector(quakes, tmp_path, words):
    emission = hf.emissions.Gaussian([[0.0, 0.0], [3.0, 3.0]], [[1.0, 1.0], [1.0, 1.0]])
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
    ("1,2\n1,2\n", [], "data.csv: line 1 must name the columns, got 1,2"),
    ("a\n1\n1.5\n", [], "data.csv: line 3: a must be a whole number from 0 up, or missing, got 1.5"),
    ("a\ninf\n", [], "data.csv: line 2: a must be finite, or NaN or None where missing, got inf"),
    ("a,b\n1,2\n", ["--column", "a", "b"], "data.csv: observations must have shape (T,), got (1, 2)"),
    ("a,state\n1,2\n", ["--column", "a"], "data.csv: rename the columns that the output needs: state"),
    (b"a\n" + b"1\n" * 5000 + b"\xff\n", [], "data.csv: line 5002 must be in UTF-8, got the byte 0xff"),
    ('a\n1\n"1\n', [], "data.csv: line 3 must be CSV: "),
    ("a\n1\n2" + "0" * 200_000, [], "data.csv: line 3 must be CSV: field larger than field limit"),
    ("a\n1\n", ["--output", "no/such/folder.csv"], "no/such/folder.csv: No such file or directory"),
    ("a\n1\n", ["--plot", "picture.docx"], "Format 'docx' is not supported"),
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


def test_a_closed_pipe_in_process(monkeypatch, tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        assert cli.main(["smooth", str(EARTHQUAKES), "--model", str(EARTHQUAKES_MODEL), "--column", "count"]) == 0


@pytest.mark.parametrize("stream", ["stdin", "stdout"])
def test_closed_streams(stream, monkeypatch, capsys):
    monkeypatch.setattr(sys, stream, None)
    data = "-" if stream == "stdin" else str(EARTHQUAKES)
    assert cli.main(["smooth", data, "--model", str(EARTHQUAKES_MODEL), "--column", "count"]) == 2
    assert f"standard {stream[3:]}put must be open, got a closed stream" in capsys.readouterr().err


def test_output_is_utf8_whatever_the_locale():
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [*COMMAND, "viterbi", "-", "--model", str(EARTHQUAKES_MODEL), "--column", "n"],
        input="n,name\n13,Mährën\n".encode(),
        capture_output=True,
        env=environment,
        check=True,
    )
    assert done.stdout.decode("utf-8") == "n,name,state\n13,Mährën,0\n"


def test_output_into_a_string():
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert cli.main(["smooth", str(EARTHQUAKES), "--model", str(EARTHQUAKES_MODEL), "--column", "count"]) == 0
    assert out.getvalue().startswith("year,count,p_0,p_1,p_2\n1900,13,")


def test_no_words_at_all():
    done = run()
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_without_matplotlib(monkeypatch, quakes):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    status, columns, err = quakes("count\n13\n", "--plot", "picture.png")
    assert (status, columns) == (2, {})
    assert err == "hmmfilter: error: plots need matplotlib: pip install 'hmmfilter[plot]'\n"


SAME = [
    EARTHQUAKES.read_text(),
    'note,count\n"a, b",13\n"two\nlines",\nü, 20 \n,nan\n',
    b"\xef\xbb\xbfcount,x\r\n13,\r\n\r\n20,\r\n",
    "x,count\r1,13\r2,20\r",
    "count\n\n13\n\n\n40",
    "who,count\nb,13\na,40\nb,\n,20\na,30\nb,14\n",
]


@pytest.mark.parametrize("text", SAME, ids=["earthquakes", "quotes", "CRLF", "CR", "blank lines", "sequences"])
@pytest.mark.parametrize("output", [[], ["--output"]], ids=["standard output", "file"])
def test_a_row_gets_the_same_text_alone_as_in_the_whole(arriving, tmp_path, capsys, text, output):
    data, alone, whole = tmp_path / "data.csv", tmp_path / "alone.csv", tmp_path / "whole.csv"
    data.write_bytes(text if isinstance(text, bytes) else text.encode())
    words = ["--column", "count", *(["--sequence", "who"] if "who" in str(text) else [])]
    assert cli.main(["filter", str(data), "--model", str(EARTHQUAKES_MODEL), "--output", str(whole), *words]) == 0
    _, summary = capsys.readouterr()
    status, out, err = arriving(text, *words, *output, *([alone] if output else []))
    assert (status, err) == (0, summary)
    assert (alone.read_bytes().decode() if output else out) == whole.read_bytes().decode()


def test_a_vector_gets_the_same_text_alone_as_in_the_whole(arriving, tmp_path, capsys):
    x = np.random.default_rng(1).normal(1.0, 2.0, (40, 2)).tolist()
    x[7], x[20][1] = ["", ""], ""
    data = tmp_path / "data.csv"
    data.write_text("x,y\n" + "".join(f"{a},{b}\n" for a, b in x))
    emission = hf.emissions.Gaussian([[0.0, 0.0], [3.0, 3.0], [0.0, 4.0]], [[[2.0, 0.7], [0.7, 1.1]]] * 3)
    model = tmp_path / "model.json"
    hf.HMM("stationary", np.full((3, 3), 0.1) + 0.7 * np.eye(3), emission).to_json(model)
    words = ["--model", str(model), "--column", "x,y"]
    assert cli.main(["filter", str(data), *words]) == 0
    whole = capsys.readouterr()
    assert arriving(data.read_text(), "--column", "x,y", model=model) == (0, *whole)


def test_each_answer_is_out_before_the_next_row_is_read(arriving, tmp_path):
    output, n_seen = tmp_path / "output.csv", []

    def lines():
        for line in ["count\n", "13\n", "20\n", "\n"]:
            yield line
            n_seen.append(output.read_text().count("\n"))

    assert arriving(lines(), "--output", output)[0] == 0
    assert n_seen == [1, 2, 3, 4]


REFUSED_ON_ARRIVAL = [
    ("count\n13\n20\nx\n40\n", 2, "line 4: count must be a number or empty, got 'x'"),
    ("count\n13\n1.5\n", 1, "line 3: count must be a whole number from 0 up, or missing, got 1.5"),
    ("count,x\n13,\n20\n", 1, "line 3 must have 2 cells as the header does, got 1"),
    ('note,count\n"two\nlines",13\n,x\n', 1, "line 4: count must be a number or empty, got 'x'"),
    ('count\n13\n"1\n', 1, "line 3 must be CSV: unexpected end of data"),
    (b"count\n13\n\xff\n", 1, "line 3 must be in UTF-8, got the byte 0xff"),
    (b"count,x\n13,\xe4\n", 0, "line 2 must be in UTF-8, got the byte 0xe4"),
    ("count\n", 0, "a header line and at least one row are required, got 1 lines"),
]


@pytest.mark.parametrize(
    ("text", "n_rows", "message"), REFUSED_ON_ARRIVAL, ids=[message[:24] for *_, message in REFUSED_ON_ARRIVAL]
)
def test_rows_before_a_refused_one_are_written(arriving, text, n_rows, message):
    status, out, err = arriving(text, "--column", "count")
    assert status == 2
    assert err.startswith("hmmfilter: error: standard input: ")
    assert message in err
    assert err.count("\n") == 1
    assert len(list(csv.reader(io.StringIO(out)))) == 1 + n_rows


def test_impossible_evidence_on_arrival(arriving, tmp_path):
    hf.HMM([1.0], [[1.0]], hf.emissions.Bernoulli([1.0])).to_json(tmp_path / "model.json")
    status, out, err = arriving("x\n1\n\n0\n1\n", model=tmp_path / "model.json")
    assert status == 2
    assert out.count("\n") == 3
    assert "standard input: line 4: the evidence is impossible from step 2 on: no path " in err


def test_nothing_is_written_where_the_words_or_the_header_are_at_fault(arriving):
    for text, words, message in [
        ("", [], "a header line and at least one row are required, got 0 lines"),
        ("year,count\n", ["--column", "c"], "no column 'c'; columns: year, count"),
        ("year,count\n", ["--sequence", "c"], "no column 'c'; columns: year, count"),
        ("p_0,p_1\n", [], "rename the columns that the output needs: p_0, p_1"),
    ]:
        assert arriving(text, *words) == (2, "", f"hmmfilter: error: standard input: {message}\n")


def test_the_first_row_tells_which_column_is_numeric(arriving):
    status, out, _ = arriving("name,count\na,13\n2,20\n")
    assert status == 0
    assert out.splitlines()[2].startswith("2,20,")
    for text, found in [("name,note\na,b\n", "none"), ("year,count\n1900,13\n", "year, count")]:
        status, _, err = arriving(text)
        assert status == 2
        assert err.endswith(f"name the observations with --column; numeric columns: {found}\n")
    assert "line 1 must name the columns, got 1,2" in arriving("1,2\n1,2\n")[2]


def test_an_empty_cell_in_the_first_row_may_be_of_a_numeric_column(arriving):
    assert arriving("count\n\n13\n")[2].startswith("2 observations (1 missing), ")
    assert arriving("year,count\n1900,\n")[2].endswith("numeric columns: year, count\n")


def test_a_picture_needs_all_rows_first(arriving, tmp_path):
    plot = tmp_path / "plot.png"
    status, out, err = arriving("count,name\n13,\n20,a\n", "--plot", plot)
    assert status == 0
    assert out.startswith("count,name,p_0,p_1,p_2,log_increment\n13,,")
    assert err.startswith("2 observations, 3 states, ")
    assert plot.stat().st_size > 1000


def interrupted(*lines):
    yield from lines
    raise KeyboardInterrupt


def test_an_interrupt_ends_with_the_summary(arriving):
    status, out, err = arriving(interrupted("count\n", "13\n", "\n"))
    assert status == 130
    assert out.count("\n") == 3
    expected = hf.HMM.from_json(EARTHQUAKES_MODEL).log_likelihood([13])
    assert err == f"2 observations (1 missing), 3 states, log-likelihood {expected:.4f}\n"


@pytest.mark.parametrize("task", ["filter", "smooth"])
def test_an_interrupt_before_the_first_line_ends_quietly(arriving, task):
    assert arriving(interrupted(), task=task) == (130, "", "")


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
            assert [int(columns["state"][t]) for t in rows] == alone.path.tolist()
        else:
            assert np.array_equal(floats(columns["p_2"])[rows], alone.probabilities[:, 2])
    if task == "filter":
        assert abs(floats(columns["log_increment"]).sum() - log_likelihood) < 1e-9
    joint = f", log-joint {log_joint:.4f}" if task == "viterbi" else ""
    expected = f"6 observations (1 missing), 3 sequences, 3 states, log-likelihood {log_likelihood:.4f}{joint}\n"
    assert err == expected


def test_the_column_of_ids_is_not_observed(quakes):
    status, columns, _ = quakes("count,id\n13,1\n20,2\n", "--sequence", "id")
    assert (status, list(columns["state"])) == (0, ["0", "1"])
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
    assert "data.csv: line 3: log_likelihoods[1, 0] must be -inf or finite" in quakes(text, model=model)[2]
    assert "standard input: line 3: rows[0, 0] must be -inf or finite" in arriving(text, model=model)[2]
