"""What lies beside observations: columns of covariates, of times and of an index; channels; emissions of one's own."""

import json

import numpy as np
import pandas as pd
import pytest

import hmmfilter as hf
from hmmfilter import cli
from tests.cli.commands import floats, table

TOLERANCE = 1e-15  # of the digits of a text, which read back to the same double
TWO = np.array([[0.9, 0.1], [0.2, 0.8]])
COUNTS = [0, 2, 7, 4, 1, 9, 8, 0]
TIMES = [
    "2026-01-01",
    "2026-01-02",
    "2026-01-02T12:00",
    "2026-01-05",
    "2026-01-06",
    "2026-02-01",
    "2026-02-02",
    "2026-02-03",
]
COVARIATE = [0.5, -1.0, 2.0, 0.0, 1.5, -0.5, 0.25, 3.0]
KIND = ["work", "work", "rest", "work", "rest", "work", "work", "rest"]
PERSON = ["a", "b", "a", "a", "b", "b", "a", "b"]
DATA = {"when": TIMES, "distance": COVARIATE, "kind": KIND, "person": PERSON, "count": COUNTS}
POISSON = hf.emissions.Poisson([1.0, 5.0])
LOGITS = np.zeros((2, 2, 2))
LOGITS[0, 1], LOGITS[1, 0] = [-1.0, 0.5], [-2.0, -1.0]
BY = {
    "time": hf.HMM([0.5, 0.5], hf.transitions.Rates([[0, 0.1], [0.3, 0]], unit="D"), POISSON),
    "index": hf.HMM([0.5, 0.5], hf.transitions.Indexed([TWO, TWO[::-1]], names=["rest", "work"]), POISSON),
    "covariate": hf.HMM([0.5, 0.5], hf.transitions.Logistic(LOGITS, covariates=["distance"]), POISSON),
    "regression": hf.HMM(
        [0.5, 0.5], TWO, hf.emissions.Regression([[0.0, 1.0], [5.0, -1.0]], [1.0, 2.0], covariates=["distance"])
    ),
    "past": hf.HMM([0.5, 0.5], TWO, hf.emissions.Autoregressive([[0.0, 0.9], [5.0, -0.1]], [1.0, 2.0])),
    "end": hf.HMM([0.5, 0.5], TWO, POISSON, final=[0.1, 0.4]),
}
WORDS = {
    "time": ("--time", "when"),
    "index": ("--index", "kind"),
    "covariate": ("--covariate", "distance"),
    "regression": ("--covariate", "distance"),
    "past": (),
    "end": (),
}
GIVEN = {
    "time": {"times": np.array(TIMES, dtype="M8[ns]")},
    "index": {"transition_index": np.array(KIND)},
    "covariate": {"covariates": np.array(COVARIATE)},
    "regression": {"covariates": np.array(COVARIATE)},
    "past": {},
    "end": {},
}


def text(columns):
    rows = zip(*columns.values(), strict=True)
    return "\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n"


@pytest.fixture
def command(tmp_path, capsys):
    """Run the command on columns with a model; return the exit status, the columns that come out, and what is said."""

    def run(task, model, columns, *words):
        data, path = tmp_path / "data.csv", tmp_path / "model.json"
        data.write_text(columns if isinstance(columns, str) else text(columns), encoding="utf-8")
        if isinstance(model, hf.HMM):
            model.to_json(path)
        status = cli.main([task, str(data), "--model", str(path), *map(str, words)])
        out, err = capsys.readouterr()
        return status, table(out), err

    return run


def by_person(values):
    order = np.argsort(PERSON, kind="stable")
    return np.asarray(values)[order], [4, 4], np.argsort(order)


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("task", ["filter", "smooth", "viterbi"])
def test_what_the_model_says(command, by, task):
    model = BY[by]
    status, out, err = command(task, model, DATA, "--column", "count", "--sequence", "person", *WORDS[by])
    assert status == 0, err
    counts, lengths, places = by_person(COUNTS)
    given = {name: by_person(values)[0] for name, values in GIVEN[by].items()}
    if "covariates" in given:
        given = {"covariates": pd.DataFrame({"distance": given["covariates"]})}
    if by == "index":
        given = {"transition_index": given["transition_index"].tolist()}
    answer = getattr(model, task)(counts, lengths=lengths, **given)
    if task == "viterbi":
        assert list(map(int, out["state"])) == answer.path[places].tolist()
        return
    got = np.column_stack([floats(out["p_0"]), floats(out["p_1"])])
    np.testing.assert_allclose(got, answer.probabilities[places], rtol=0, atol=TOLERANCE)
    assert f"log-likelihood {answer.log_likelihood.sum():.4f}" in err


def test_streams_remember_what_lies_beside(command, tmp_path):
    words = ("--column", "count", "--time", "when", "--state", tmp_path / "state.json")
    halves = [{name: values[part] for name, values in DATA.items()} for part in (slice(0, 3), slice(3, 8))]
    rows = [command("filter", BY["time"], half, *words)[1]["p_0"] for half in halves]
    whole = command("filter", BY["time"], DATA, "--column", "count", "--time", "when")[1]["p_0"]
    assert (*rows[0], *rows[1]) == whole


@pytest.mark.parametrize(
    ("by", "words", "message"),
    [
        ("time", (), "--time must name a column, which Rates of the model depends on, got none"),
        ("end", ("--time", "when"), "--time must be left out: neither Dense nor Poisson of the model depends on it"),
        ("time", ("--time", "never"), "no column 'never'"),
        ("time", ("--time", "kind"), "line 2: kind must be a number or a date, as 2026-01-31 or 2026-01-31T08:30:00"),
        ("covariate", ("--covariate", "kind"), "line 2: kind must be a number or empty, got 'work'"),
        ("index", ("--index", "person"), "transition_index"),
    ],
)
def test_what_is_missing_is_said_in_the_words_of_the_command(command, by, words, message):
    status, _, err = command("smooth", BY[by], DATA, "--column", "count", *words)
    assert status == 2
    assert message in err
    assert err.count("\n") == 1


def test_a_row_at_fault_is_taken_as_missing(command):
    counts = [*COUNTS[:2], "many", *COUNTS[3:]]
    words = ("--column", "count", "--time", "when", "--on-error", "missing")
    status, out, err = command("smooth", BY["time"], DATA | {"count": counts}, *words)
    assert status == 0
    assert "count must be a number or empty, got 'many': taken as missing" in err
    answer = BY["time"].smooth([*COUNTS[:2], None, *COUNTS[3:]], **GIVEN["time"])
    np.testing.assert_allclose(floats(out["p_0"]), answer.probabilities[:, 0], rtol=0, atol=TOLERANCE)


def test_times_may_have_offsets_and_be_numbers(command):
    model = hf.HMM([0.5, 0.5], hf.transitions.Rates([[0, 0.1], [0.3, 0]]), POISSON)
    columns = {"when": [0, 0.5, 2], "count": [0, 2, 7]}
    out = command("smooth", model, columns, "--column", "count", "--time", "when")[1]
    expected = model.smooth([0, 2, 7], times=[0, 0.5, 2]).probabilities[:, 0]
    np.testing.assert_allclose(floats(out["p_0"]), expected, rtol=0, atol=TOLERANCE)
    columns["when"] = ["2026-01-01T00:00:00Z", "2026-01-01T14:00:00+02:00", "2026-01-03"]
    out = command("smooth", BY["time"], columns, "--column", "count", "--time", "when")[1]
    times = np.array(["2026-01-01", "2026-01-01T12", "2026-01-03"], dtype="M8[ns]")
    expected = BY["time"].smooth([0, 2, 7], times=times).probabilities[:, 0]
    np.testing.assert_allclose(floats(out["p_0"]), expected, rtol=0, atol=TOLERANCE)
    columns["when"][2] = "NaT"
    assert (
        "line 4: when must be a number or a date"
        in command("smooth", BY["time"], columns, "--column", "count", "--time", "when")[2]
    )


def test_channels_come_by_columns_also_as_words(command):
    sky = hf.emissions.Categorical([[0.8, 0.2], [0.3, 0.7]], symbols=["wet", "dry"])
    model = hf.HMM([0.5, 0.5], TWO, hf.emissions.Product([POISSON, sky], columns=["count", "sky"]))
    columns = {"sky": ["wet", "dry", "", "dry"], "day": [1, 2, 3, 4], "count": [0, "", 7, 4]}
    rows = [(0, "wet"), (None, "dry"), (7, None), (4, "dry")]
    for words in ((), ("--column", "count", "sky")):
        status, out, err = command("smooth", model, columns, *words)
        assert status == 0, err
        expected = model.smooth(rows).probabilities[:, 0]
        np.testing.assert_allclose(floats(out["p_0"]), expected, rtol=0, atol=TOLERANCE)
    columns["sky"][1] = "foggy"
    assert "sky" in command("smooth", model, columns)[2]


def test_an_emission_of_ones_own_is_registered_by_a_module(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "waiting_of_ours.py").write_text(
        "import numpy as np\n"
        "import hmmfilter as hf\n"
        "class Waiting:\n"
        "    def __init__(self, mean):\n"
        "        self.mean = np.asarray(mean, dtype=float)\n"
        "        self.n_states = len(self.mean)\n"
        "    def log_likelihoods(self, x):\n"
        "        return -np.asarray(x)[:, None] / self.mean - np.log(self.mean)\n"
        "    def sample(self, states, rng):\n"
        "        return rng.exponential(self.mean[states])\n"
        "    def to_dict(self):\n"
        "        return {'mean': self.mean.tolist()}\n"
        "    @classmethod\n"
        "    def from_dict(cls, document):\n"
        "        return cls(document['mean'])\n"
        "hf.emissions.register('waiting_of_ours', Waiting)\n"
    )
    document = {
        "format": "hmmfilter model, version 3",
        "initial": [0.5, 0.5],
        "transition": TWO.tolist(),
        "emission": {"type": "waiting_of_ours", "mean": [1.0, 8.0]},
    }
    (tmp_path / "model.json").write_text(json.dumps(document))
    columns = {"wait": [0.3, 1.2, 9.0]}
    status, _, err = command("smooth", None, columns)
    assert (status, "waiting_of_ours" in err) == (2, True)
    status, out, err = command("smooth", None, columns, "--import", "waiting_of_ours")
    assert status == 0, err
    expected = hf.HMM([0.5, 0.5], TWO, hf.emissions.Exponential([1.0, 8.0])).smooth(columns["wait"]).probabilities
    np.testing.assert_allclose(floats(out["p_0"]), expected[:, 0], atol=1e-14)
    assert "No module named" in command("smooth", None, columns, "--import", "no_such_module")[2]


def test_a_picture_of_them(command, tmp_path):
    picture = tmp_path / "picture.png"
    status, _, err = command("smooth", BY["time"], DATA, "--column", "count", "--time", "when", "--plot", picture)
    assert status == 0, err
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def fit(tmp_path, capsys):
    """Run ``hmmfilter fit`` on columns; return the exit status, the model if there is one, and what is said."""

    def run(columns, *words):
        data, model = tmp_path / "data.csv", tmp_path / "model.json"
        data.write_text(text(columns), encoding="utf-8")
        status = cli.main(["fit", str(data), "--output", str(model), "--restarts", "0", *map(str, words)])
        return status, hf.HMM.from_json(model) if model.exists() else None, *capsys.readouterr()

    return run


def test_fits_of_chains_by_what_lies_beside(fit):
    words = ("--column", "count", "--emission", "poisson", "--states", 2)
    for by, kind in (("time", "Rates"), ("index", "Indexed"), ("covariate", "Logistic")):
        status, model, out, err = fit(DATA, *words, *WORDS[by])
        assert status == 0, err
        assert type(model.chain).__name__ == kind
        assert out.startswith(f"Fitted: 2 states, {kind}")
    assert fit(DATA, *words, *WORDS["index"])[1].chain.names == ("rest", "work")
    numbered = DATA | {"kind": [0, 1, 1, 0, 1, 0, 0, 1]}
    assert fit(numbered, *words, *WORDS["index"])[1].chain.names is None
    status, _, _, err = fit(DATA, *words[:-1], "1-2", *WORDS["time"])
    assert (status, "--states must be one number" in err) == (2, True)
    assert fit(DATA, *words[:-1], 1, *WORDS["time"])[1].n_states == 1
    assert fit(DATA, *words[:-1], 1, *WORDS["index"])[1].chain.matrices.tolist() == [[[1.0]], [[1.0]]]


def test_fits_of_channels_and_of_what_looks_back(fit):
    status, model, _, err = fit(
        DATA, "--column", "count", "kind", "--emission", "poisson", "categorical", "--states", 2
    )
    assert status == 0, err
    assert [type(channel).__name__ for channel in model.emission.channels] == ["Poisson", "Categorical"]
    assert model.emission.columns == ("count", "kind")
    regression = fit(DATA, "--column", "count", "--emission", "regression", "--states", 1, "--covariate", "distance")[1]
    slope, level = np.polyfit(COVARIATE, COUNTS, 1)
    np.testing.assert_allclose(regression.emission.coefficients, [[level, slope]], rtol=1e-9)
    back = fit(DATA, "--column", "count", "--emission", "autoregressive", "--states", 1, "--order", 1)[1]
    slope, level = np.polyfit(COUNTS[:-1], COUNTS[1:], 1)
    np.testing.assert_allclose(back.emission.coefficients, [[level, slope]], rtol=1e-9)
    status, _, _, err = fit(DATA, "--column", "count", "--emission", "poisson", "gamma", "--states", 2)
    assert (status, "--column must name a column for each of 2 emissions, got 1" in err) == (2, True)
