"""The lesson on underflow: its numbers are those of the recursions, of theory and of mpmath, and so are its lies."""

import io
import itertools
import math
import sys

import matplotlib.pyplot as plt
import mpmath
import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter import cli, naive, plotting, underflow
from hmmfilter.plotting.descents import TALL_SIZE
from tests import oracle
from tests.files import EARTHQUAKES, EARTHQUAKES_MODEL, earthquakes

REPAIRS = ("scaled", "+ 1e-15", "exp-dot-log")
LOG_10 = math.log(10)


@pytest.fixture(scope="module")
def rolled():
    return underflow.roll(500, seed=7)


@pytest.fixture(scope="module")
def told(rolled):
    return underflow.tell(rolled, "500 rolls")


@pytest.fixture(scope="module")
def trapped():
    """Each trap, and its answers: the exact one, and those of the repairs."""
    return [(trap, trap.answers()) for trap in underflow.traps()]


@pytest.fixture
def hmmfilter(capsys):
    def command(*words):
        status = cli.main(["underflow", *map(str, words)])
        return status, *capsys.readouterr()

    return command


def table_under(text, first_word):
    """The cells of the table whose heading begins with a word."""
    lines = iter(text.splitlines())
    next(line for line in lines if line.split()[:1] == [first_word])
    return [line.split() for line in itertools.takewhile(bool, lines)]


def test_the_numbers_of_the_casino(rolled, told):
    """Each row of the first table, from the recursions as anybody would call them."""
    casino = underflow.casino()
    likelihoods = np.exp(casino.emission.log_likelihoods(casino.simulate(500, rng=7)[1]))
    tables = casino.initial, casino.transition, likelihoods
    single, double = (naive.forward_filter(*tables, dtype=dtype) for dtype in (np.float32, np.float64))
    scaled, exact = naive.scaled_forward_filter(*tables), casino.filter(casino.simulate(500, rng=7)[1])
    log10 = np.cumsum(exact.log_increments) / LOG_10
    rows = table_under(told, "step")
    steps = [int(row[0]) for row in rows]
    for run in (single, double):
        assert {run.first_subnormal, run.first_zero - 1, run.first_zero} <= set(steps)
    assert (steps[0], steps[-1]) == (0, 499)
    for t, row in zip(steps, rows, strict=True):
        assert row[3:5] == [f"{log10[t]:.2f}"] * 2
        for n, run in ((1, single), (2, double)):
            is_dead = t >= run.first_zero
            assert (row[n] == "-inf") == (row[n + 4] == "0/0") == is_dead
            if not is_dead:
                assert float(row[n]) == pytest.approx(math.log10(run.alpha[t].sum(dtype=float)), abs=0.0051)
                assert row[n + 4] == f"{run.probabilities[t, 1]:.4f}"
        assert row[7:9] == [f"{run.probabilities[t, 1]:.4f}" for run in (scaled, exact)]


def test_the_deaths_and_their_prediction(rolled, told):
    mean = rolled.exact.log_increments.mean()
    for name, run in (("float32", rolled.single), ("float64", rolled.double)):
        row = table_under(told, "way")[name == "float64"]
        kind = np.finfo(name)
        first, smallest = (math.log(float(floor)) / mean for floor in (kind.tiny, kind.smallest_subnormal))
        deaths = ["step", str(run.first_subnormal), "after", f"{first:.0f}"]
        deaths += ["step", str(run.first_zero), "after", f"{smallest:.0f}"]
        assert row == [name, *deaths, "dead"]
        assert abs(run.first_subnormal - first) < 10
        assert abs(run.first_zero - smallest) < 10
    log_likelihood = f"{rolled.exact.log_likelihood:.4f}"
    assert [row[-3:] for row in table_under(told, "way")[2:]] == [["never", "never", log_likelihood]] * 2
    assert f"where the mean is {mean:.4f} here" in told


@pytest.mark.parametrize(("way", "most"), [("float32", 7), ("float64", 15)])
def test_digits_go(rolled, way, most):
    run = rolled.single if way == "float32" else rolled.double
    digits = rolled.right_digits()[way]
    begin, end = run.first_subnormal, run.first_zero
    assert digits[:begin].min() > most - 1.5
    assert digits.max() < most + 1.3
    thirds = np.array_split(digits[begin:end], 3)
    assert thirds[0].max() > thirds[1].max() > thirds[2].max()
    assert digits[end - 1] < 1
    assert (digits[end:] == 0).all()


def test_the_same_text_in_lines_that_fit(told):
    assert underflow.tell(underflow.roll(500, seed=7), "500 rolls") == told
    assert underflow.tell(underflow.roll(500, seed=8), "500 rolls") != told
    assert max(map(len, told.splitlines())) <= 100
    assert not [line for line in told.splitlines() if line != line.rstrip()]


def test_the_traps_are_what_mpmath_says(trapped):
    for trap, answers in trapped:
        exact = oracle.recursions(trap.log_initial, trap.log_transition, trap.log_likelihoods)
        with mpmath.workdps(oracle.DIGITS):
            truth = float(mpmath.fsum(map(mpmath.log, exact.increments))), float(exact.filtered[-1][trap.state])
        assert answers[0] == pytest.approx(truth, rel=1e-12), trap.name


def test_each_repair_lies(trapped):
    """Finite, a probability where one was asked for, and far from the truth."""
    for n, repair in enumerate(REPAIRS, start=1):
        lies = {"log-likelihood": 0, "probability": 0}
        for _, answers in trapped:
            (truth, true_probability), (said, probability) = answers[0], answers[n]
            if math.isfinite(said):
                assert said <= 0
                assert 0 <= probability <= 1
                lies["log-likelihood"] += abs(said - truth) > 0.1
                lies["probability"] += abs(probability - true_probability) > 0.2
        assert min(lies.values()) >= 1, repair


# Of each trap, what is wrong in the log-likelihood and in the probability: scaled, + 1e-15, exp-dot-log; "-" is dead.
WRONG = {
    "30 heads, then 30 tails": (".x.", ".x."),
    "400 heads, then 420 tails": ("xxx", "x.x"),
    "800 nats for one, then for the other": ("-xx", "-xx"),
    "744 nats behind, then the only one": ("xxx", ".x."),
    "a move of 1e-300 that pays off": (".x.", "..."),
    "two moves of 1e-200, one by one": ("xxx", "x.x"),
}


def test_which_repair_lies_where(trapped):
    def verdict(said, truth):
        return "-" if not math.isfinite(said) else "x" if abs(said - truth) > 0.1 else "."

    assert [trap.name for trap, _ in trapped] == list(WRONG)
    for trap, (truth, *others) in trapped:
        for n, expected in enumerate(WRONG[trap.name]):
            assert "".join(verdict(said[n], truth[n]) for said in others) == expected, trap.name


def test_what_is_wrong_has_a_star(trapped, told):
    table = told[told.index("asked") :].splitlines()
    lines = [line for line in table if " log p " in line or " p(h_T) " in line]
    assert len(lines) == 2 * len(trapped)
    for n, (trap, answers) in enumerate(trapped):
        assert table[table.index(lines[2 * n]) - 1] == trap.setting
        for line, number, name, decimals in (
            (lines[2 * n], 0, trap.name, 2),
            (lines[2 * n + 1], 1, trap.question, 4),
        ):
            assert line.startswith(name)
            truth, *others = (answer[number] for answer in answers)
            cells = line.split("p(h_T)" if number else "log p")[1].replace(" *", "*").split()
            assert cells[0] == f"{truth:.{decimals}f}"
            for cell, said in zip(cells[1:], others, strict=True):
                is_right = math.isfinite(said) and abs(said - truth) <= 1e-6 * max(1.0, abs(truth))
                shown = f"{said:.{decimals}f}" if math.isfinite(said) else "dead"
                assert cell == (shown if is_right else f"{shown}*")


def test_the_command(hmmfilter, told):
    status, out, err = hmmfilter()
    assert (status, err) == (0, "")
    assert out.startswith("500 rolls in a casino that cheats now and then")
    assert out[out.index("One recursion") :] == told[told.index("One recursion") :]
    assert max(map(len, out.splitlines())) <= 100
    status, out, _ = hmmfilter("--rolls", 1, "--seed", 3)
    assert status == 0
    assert out.startswith("1 roll in a casino")
    assert [row[0] for row in table_under(out, "step")] == ["0"]


def test_a_sequence_of_ones_own(hmmfilter, monkeypatch):
    words = ["--data", EARTHQUAKES, "--model", EARTHQUAKES_MODEL, "--column", "count"]
    status, out, err = hmmfilter(*words)
    assert (status, err) == (0, "")
    assert out.startswith(f"107 observations of {EARTHQUAKES}, and the model of {EARTHQUAKES_MODEL}.\n")
    ways = underflow.compare(hf.HMM.from_json(EARTHQUAKES_MODEL), earthquakes()[1])
    single, double, *_ = table_under(out, "way")
    assert [single[2], single[6], single[-1]] == [str(ways.single.first_subnormal), str(ways.single.first_zero), "dead"]
    assert double == ["float64", "never", "after", "230", "never", "after", "242", "-329.4604"]
    assert {row[8] for row in table_under(out, "step")} <= {f"{p:.4f}" for p in ways.exact.probabilities[:, 2]}
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(EARTHQUAKES.read_bytes())))
    words[1] = "-"
    assert hmmfilter(*words)[1].split("\n", 1)[1] == out.split("\n", 1)[1]


def test_what_grows_ends_in_inf_and_nan(hmmfilter, tmp_path):
    """Densities above 1 grow past the largest number, and α does not shrink."""
    hf.HMM([1.0], [[1.0]], hf.emissions.Gaussian([0.0], [1e-300]), ["$only$"]).to_json(tmp_path / "model.json")
    data, plot = tmp_path / "data.csv", tmp_path / "plot.png"
    data.write_text("x\n" + "0\n" * 4)
    status, out, err = hmmfilter("--data", data, "--model", tmp_path / "model.json", "--plot", plot)
    assert (status, err) == (0, "")
    rows = table_under(out, "step")
    assert [row[1] for row in rows] == ["inf"] * 4
    assert [row[2] for row in rows] == ["149.60", "299.20", "inf", "inf"]
    assert [row[6] for row in rows] == ["1.0000", "1.0000", "NaN", "NaN"]
    assert table_under(out, "way")[1] == ["float64", "never", "never", "never", "never", "dead"]
    assert plot.stat().st_size > 1000


def test_densities_beyond_a_double_are_refused():
    sharp = hf.HMM([1.0], [[1.0]], hf.emissions.Gaussian([[0.0] * 3], [1e-220 * np.eye(3)]))
    with pytest.raises(ValueError, match=r"must be below 709\.78 for a comparison in linear space, got 75"):
        underflow.compare(sharp, np.zeros((2, 3)))


REFUSED = [
    (["--model", EARTHQUAKES_MODEL], "--model needs --data"),
    (["--column", "count"], "--column needs --data"),
    (
        ["--data", EARTHQUAKES, "--model", EARTHQUAKES_MODEL, "--rolls", "9"],
        "--rolls is the casino's, and does not go with --data",
    ),
    (["--data", EARTHQUAKES], f"--data needs --model, got {EARTHQUAKES} alone"),
    (["--rolls", "0"], "rolls must be at least 1, got 0"),
    (["--seed", "-1"], "rng must be a numpy.random.Generator, a seed from 0 up, or None, got -1"),
    (["--data", EARTHQUAKES, "--model", "none.json"], "none.json: No such file or directory"),
    (["--data", EARTHQUAKES, "--model", EARTHQUAKES_MODEL],
     f"{EARTHQUAKES}: name the observations with --column; numeric columns: year, count"),
    (["--rolls", "9", "--plot", "picture.docx"], "--plot: picture.docx must end in one of ."),
]  # fmt: skip


@pytest.mark.parametrize(("words", "message"), REFUSED, ids=range(len(REFUSED)))
def test_bad_input_gets_one_clear_line(hmmfilter, words, message):
    status, out, err = hmmfilter(*words)
    assert (status, out) == (2, "")
    assert err.startswith(f"hmmfilter: error: {message}")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "emission", "message"),
    [
        ("x\n1\n0\n", hf.emissions.Bernoulli([1.0]), "line 3: the evidence is impossible from step 1 on: no path "),
        ("x\n1\nz\n", hf.emissions.Bernoulli([1.0]), "line 3: x must be a number or empty, got 'z'"),
    ],
    ids=["impossible", "no number"],
)
def test_a_refused_row_is_named_by_its_line(hmmfilter, tmp_path, text, emission, message):
    hf.HMM([1.0], [[1.0]], emission).to_json(tmp_path / "model.json")
    (tmp_path / "data.csv").write_text(text)
    status, _, err = hmmfilter("--data", tmp_path / "data.csv", "--model", tmp_path / "model.json", "--column", "x")
    assert status == 2
    assert f"data.csv: {message}" in err


def test_the_picture_is_of_the_numbers(rolled):
    figure, ax = plt.subplots(figsize=TALL_SIZE)
    logs = rolled.log10_likelihoods()
    plotting.draw_descents(logs, ax)
    exact, single, double, scaled = (line.get_ydata() for line in ax.lines)
    np.testing.assert_array_equal(exact, logs["log space"])
    np.testing.assert_array_equal(single, logs["float32"][: rolled.single.first_zero])
    np.testing.assert_array_equal(double, logs["float64"][: rolled.double.first_zero])
    np.testing.assert_array_equal(scaled, logs["scaled"])
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["log space", "float32: dead from step 57 on", "float64: dead from step 425 on", "scaled"]
    words = " ".join(text.get_text() for text in ax.texts)
    for number in ("1.2e-38", "1.4e-45", "2.2e-308", "4.9e-324"):
        assert number in words
    figure.canvas.draw()
    assert ax.get_legend().get_window_extent().x1 <= figure.bbox.width


def test_what_lies_far_below_is_not_drawn():
    _, ax = plt.subplots()
    falling = -10.0 * np.arange(1.0, 101.0)
    plotting.draw_descents({"dead": np.full(100, -np.inf), "exact": falling}, ax)
    exact, dead = ax.lines
    np.testing.assert_array_equal(exact.get_ydata(), falling[:50])
    assert (len(dead.get_ydata()), dead.get_label()) == (0, "dead: dead from step 0 on")


@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
def test_saved_pictures(hmmfilter, kind, tmp_path):
    assert hmmfilter("--rolls", 60, "--plot", tmp_path / f"picture.{kind}")[0] == 0
    assert (tmp_path / f"picture.{kind}").stat().st_size > 1000
    assert plt.get_fignums() == []
