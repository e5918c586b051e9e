"""`hmmfilter fit`: a table in, a model out."""

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter import cli
from tests.cli.commands import run
from tests.files import EARTHQUAKES, earthquakes


@pytest.fixture
def fit(tmp_path, capsys):
    """Run the command on a CSV text; return the exit status, the model if there is one, and what is said."""

    def command(text, *arguments):
        data, model = tmp_path / "data.csv", tmp_path / "model.json"
        data.write_text(text, encoding="utf-8")
        status = cli.main(["fit", str(data), "--output", str(model), *map(str, arguments)])
        return status, hf.HMM.from_json(model) if model.exists() else None, *capsys.readouterr()

    return command


def column(*names_and_values):
    name, *values = names_and_values
    return "\n".join([name, *map(str, values)]) + "\n"


COUNTS = [1, 0, 2, 9, 7, 11, 8, 0, 1, 1, 0, 2, 10, 8]


def test_the_earthquakes_in_a_real_process(tmp_path):
    model, picture = tmp_path / "model.json", tmp_path / "fit.png"
    done = run(
        "fit", EARTHQUAKES, "--column", "count", "--emission", "poisson", "--states", 2, "--initial", "stationary",
        "--restarts", 1, "--output", model, "--plot", picture
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Fitted: 2 states, Poisson emission, 107 observations, 4 parameters\n")
    assert "log-likelihood -342.3183" in done.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    found = hf.HMM.from_json(model)
    assert found.emission.rate == pytest.approx([15.47227699, 26.12543851], abs=1e-3)
    assert found.log_likelihood(earthquakes()[1]) == pytest.approx(-342.31826679, abs=1e-7)


def test_a_range_of_states_is_selected_from(fit):
    words = ("--emission", "poisson", "--states", "1-3", "--restarts", 1)
    status, model, out, err = fit(column("count", *COUNTS), *words)
    assert (status, err) == (0, "")
    selected = hf.select("poisson", range(1, 4), COUNTS, restarts=1)
    assert model == selected.best.model
    selected.best.standard_errors()
    assert out == f"{selected}\n\n{selected.best}\n"
    assert "  standard errors in parentheses\n" in out
    _, by_aic, _, _ = fit(column("count", *COUNTS), *words, "--criterion", "aic")
    assert by_aic == hf.select("poisson", range(1, 4), COUNTS, criterion="aic", restarts=1).best.model


def test_standard_errors_that_take_long_are_left_out(fit):
    data = column("count", *(t * t % 31 for t in range(60)))
    words = ("--emission", "poisson", "--restarts", 0, "--states")
    assert "standard errors" in fit(data, *words, 2)[2]
    assert "standard errors" not in fit(data, *words, 7)[2]


def test_rows_of_a_sequence_may_stand_anywhere(fit):
    rows = [f"{'ab'[t % 2]},{count}" for t, count in enumerate(COUNTS)]
    words = ("--emission", "poisson", "--states", 2, "--restarts", 2, "--seed", 3, "--sequence", "id")
    status, model, _, _ = fit(column("id,count", *rows), *words)
    assert status == 0
    sequences = [COUNTS[::2], COUNTS[1::2]]
    assert model == hf.guess("poisson", 2, sequences, rng=3).fit(sequences, restarts=2, rng=3).model


def test_symbols_are_what_the_cells_say(fit):
    words = ("--column", "face", "--emission", "categorical", "--states", 2, "--restarts", 0)
    _, model, _, _ = fit(column("face,note", *(f"{face}," for face in [1, 6, 6, "", 2, 6, 1, 3])), *words)
    assert model.emission.symbols == (1, 2, 3, 6)
    _, model, _, _ = fit(column("face,note", *(f"{face}," for face in ["wet", " dry", "wet", "NA", "wet"])), *words)
    assert model.emission.symbols == ("dry", "wet")


def test_vectors_vary_as_they_are_said_to(fit):
    rng = np.random.default_rng(0)
    table = rng.normal(size=(60, 2)) + np.repeat([[0.0, 0.0], [6.0, 6.0]], 30, axis=0)
    rows = [f"{x!r},{y!r}" for x, y in table.tolist()]
    words = ("--column", "x,y", "--emission", "gaussian", "--states", 2, "--restarts", 0)
    _, model, _, _ = fit(column("x,y", *rows), *words)
    assert model.emission.kind == "variances"
    _, model, _, _ = fit(column("x,y", *rows), *words, "--covariance", "full")
    assert model == hf.guess("gaussian", 2, table, covariance="full").fit(table, rng=0).model


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        (column("count", 1, -2), (), "data.csv: line 3: count must be a whole number from 0 up, or missing, got -2.0"),
        (column("count", 1, "x"), ("--column", "count"), "data.csv: line 3: count must be a number or empty, got 'x'"),
        (
            column("count", 1, 2),
            ("--states", "3-1"),
            "argument --states: must be a number from 1 up, or a range as 1-5",
        ),
        (
            column("count", 1, 2),
            ("--states", "two"),
            "argument --states: must be a number from 1 up, or a range as 1-5",
        ),
        (column("count", 1, 2), ("--seed", "-1"), "argument --seed: must be a whole number from 0 up, got '-1'"),
        (column("count", 1, 2), ("--plot", "fit.doc"), "--plot: fit.doc must end in one of"),
        (column("a,b", "x,y"), ("--emission", "categorical"), "--column must name one column of symbols, got 0"),
    ],
)
def test_refusals(fit, text, words, message):
    status, model, out, err = fit(text, "--emission", "poisson", "--states", 2, *words)
    assert (status, model, out) == (2, None, "")
    assert err.startswith("hmmfilter: error: ")
    assert message in err
    assert err.count("data.csv") <= 1


def test_data_after_a_list_of_columns(tmp_path):
    data = tmp_path / "data.csv"
    data.write_text(column("count", *COUNTS))
    words = ["--emission", "poisson", "--states", "1", "--output", str(tmp_path / "m.json"), "--column", "count"]
    assert cli.main(["fit", *words, str(data)]) == 0


def test_a_picture_that_cannot_be_written_costs_no_model(fit, tmp_path):
    words = ("--emission", "poisson", "--states", 1, "--restarts", 0, "--plot", tmp_path / "no folder" / "fit.png")
    status, model, out, err = fit(column("count", *COUNTS), *words)
    assert status == 2
    assert model is not None
    assert out.startswith("Fitted: ")
    assert "the model is written, but not the picture: " in err
