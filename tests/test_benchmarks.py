"""The benchmarks run, and say what they measured; what that is decides nothing here."""

import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from tests.benchmarks import (
    floor,
    learners,
    learning,
    limits,
    lse,
    machine,
    many,
    readme,
    report,
    routes,
    separated,
    speed,
    suite,
)
from tests.benchmarks.peers import FILTER, OURS, SMOOTH, VITERBI, ours, right_ones
from tests.benchmarks.problems import benign
from tests.conftest import needs_compiled
from tests.files import ROOT

SECTIONS = (
    "Targets",
    "Speed",
    "What a step is made of",
    "Separated states",
    "Adverse inputs",
    "Many sequences",
    "Sequences and streams",
    "Densities",
    "The rest of the posterior",
    "Structures",
    "Learning",
    "Memory",
    "Start",
    "A small call",
    "Where libraries are wrong",
)


def test_the_log_sum_exp_tables(capsys):
    lse.main(["--quick"])
    printed = capsys.readouterr().out
    assert "times SciPy's" in printed
    assert "| equal, weights 0.1, n = 1000 |" in printed


@needs_compiled
def test_the_table_of_paths_by_listed_moves(capsys):
    routes.main(["--quick"])
    printed = capsys.readouterr().out
    assert "| Banded, 21 | 50 | " in printed
    assert printed.count(" times)") >= 9


def test_a_library_that_disagrees_is_named():
    problem = benign(20, 3)
    for task, call in ours(problem).items():
        expected = call()
        speed.check_agreement(problem, task, "a library", expected, call())
        wrong = expected[0], (expected[1] + 1) % 3
        with pytest.raises(speed.DisagreementError, match=f"a library disagrees with us: {task}, 20 steps, 3 states"):
            speed.check_agreement(problem, task, "a library", expected, wrong)


def test_who_is_wrong_is_not_compared_with():
    def refuses():
        raise ValueError

    problem = benign(20, 3)
    calls = ours(problem)
    log_likelihood, probabilities = calls[FILTER]()
    libraries = {
        OURS: calls,
        "right": {FILTER: calls[FILTER]},
        "wrong": {FILTER: lambda: (log_likelihood, probabilities + 1e-6)},
        "not a number": {FILTER: lambda: (log_likelihood, probabilities * np.nan)},
        "refuses": {FILTER: refuses},
        "has none": {},
    }
    assert list(right_ones(problem, FILTER, libraries)) == [OURS, "right"]


@pytest.mark.parametrize("distance", separated.DISTANCES)
def test_separated_states_are_normal(distance):
    problem = separated.gaussian(200, 3, distance)
    log_likelihoods = problem.log_likelihoods
    observations = (log_likelihoods[:, 1] - log_likelihoods[:, 0]) / distance + distance / 2
    expected = stats.norm(distance * np.arange(3)).logpdf(observations[:, None])
    assert np.allclose(log_likelihoods, expected, rtol=1e-12, atol=1e-12)
    assert np.allclose(problem.transition.sum(axis=1), 1, rtol=0, atol=1e-15)
    assert np.allclose(problem.transition.diagonal(), separated.STAYS)


@pytest.mark.parametrize("n_steps", [500, 1_000_000])
def test_ragged_lengths_are_of_so_many_steps(n_steps):
    lengths = many.ragged_lengths(n_steps)
    assert lengths.sum() == n_steps
    assert lengths.min() >= 1
    assert len(set(lengths)) > 3


@needs_compiled
@pytest.mark.parametrize("n_states", [16, 64])
def test_the_packed_products(n_states):
    problem = benign(7, n_states)
    by_name = {**limits.calls(problem, FILTER), **limits.calls(problem, VITERBI)}
    products, scores = problem.initial, problem.tables[0]
    for _ in range(7):
        products, scores = products @ problem.transition, (scores[:, None] + problem.tables[1]).max(axis=0)
    assert np.allclose(by_name[limits.PRODUCT](), products, rtol=1e-13, atol=0)
    assert np.allclose(by_name[limits.BY_BLAS](), products, rtol=1e-13, atol=0)
    assert np.array_equal(by_name[limits.MAX_PLUS](), scores)


@needs_compiled
@pytest.mark.parametrize("n_states", [2, 16])
def test_the_bare_recursion_is_a_filter(n_states):
    problem = benign(5, n_states)
    likelihoods, rows, totals = np.exp(problem.log_likelihoods), np.empty((5, n_states)), np.empty(5)
    floor.recursion(n_states)(problem.initial, problem.transition, likelihoods, rows)
    expected = [problem.initial]
    for likelihood in likelihoods:
        expected.append(expected[-1] @ problem.transition * likelihood)
    assert np.allclose(rows, expected[1:], rtol=1e-13, atol=0)
    floor.normalising(n_states)(rows, totals)
    assert np.allclose(totals, np.sum(expected[1:], axis=1), rtol=1e-13, atol=0)
    assert np.allclose(rows, [row / row.sum() for row in expected[1:]], rtol=1e-13, atol=0)


@pytest.mark.parametrize("make", [learning.counts(2), learning.symbols(3)])
def test_who_learns_something_else_is_not_compared_with(make):
    task = make(300)
    ours = learners.ours(task)()
    assert learners.agree(ours, learners.ours(task)())
    for field, value in ours._asdict().items():
        assert not learners.agree(ours, ours._replace(**{field: value * (1 + 1e-4)}))
    pytest.importorskip("hmmlearn")
    assert all(learners.agree(ours, learners.hmmlearn(task, how)()) for how in ("log", "scaling"))


def of_speeds(name, speeds):
    return report.Section(name, "a body", [report.Target("a target", 1.0, 2.0, at_least=True)], speeds)


def test_sections_are_kept(tmp_path):
    sections = {"speed": of_speeds("Speed", {FILTER: {2: {OURS: 1.0}}}), "small-call": of_speeds("A small call", {})}
    report.write_sections(sections, tmp_path / "results.json")
    assert report.read_sections(tmp_path / "results.json") == sections
    assert report.read_sections(tmp_path / "nothing.json") == {}


def kept_as(path, speeds, targets=()):
    report.write_sections({"speed": report.Section("Speed", "a body", list(targets), speeds)}, path)
    return path


def test_the_readme_shows_the_worst(tmp_path):
    here = {FILTER: {2: {OURS: 10.0, "dynamax": 30.0, "hmmlearn, log": 50.0, "np.exp": 1.0}}, VITERBI: {4: {OURS: 2.0}}}
    there = {FILTER: {2: {OURS: 20.0, "dynamax": 80.0}}, SMOOTH: {64: {OURS: 3000.0, "dynamax": 3300.0}}}
    faster, slower = (
        [report.Target("a, K = 2: faster", reached, 2, at_least=True), report.Target("b, K = 2: over", over, 2, False)]
        for reached, over in ((3.33, 1.0), (1.23, 123.4))
    )
    pages = [kept_as(tmp_path / "results-x.json", here, faster), kept_as(tmp_path / "results-y.json", there, slower)]
    table = readme.table(pages).splitlines()
    assert table[0] == "| K | filter | smooth | Viterbi |"
    assert table[2] == "| 2 | 20 (3.0 ×) | – | – |"
    assert table[3] == "| 4 | – | – | – |"
    assert table[5] == "| 64 | – | 3,000 (1.1 ×) | – |"
    assert readme.by_states(pages, "a", (2,), "faster") == "1.2 ×"
    assert readme.by_states(pages, "b", (2, 2), "over") == "123 / 123 ×"


def test_the_readme_speaks_of_learning_that_was_measured(tmp_path):
    def target(case, reached, end="faster than the fastest peer", at_least=True):
        return report.Target(f"{learners.ITERATION}, {case}: {end}", reached, 2, at_least)

    cases = {"normal, K = 2": 4.0, "normal, K = 4": 3.0, "normal, variances, K = 4": 7.0, "normal, full, K = 4": 6.0}
    cases |= {"Poisson, K = 2": 9.0, "categorical, K = 2": 10.0, "normal, 20 sd apart, K = 2": 2.0}
    over = target("normal, K = 2", 1.25, "over smooth", at_least=False)
    page = kept_as(tmp_path / "results-x.json", {}, [over, *(target(*case) for case in cases.items())])
    (line,) = readme.learning([page])
    for said in ("numbers 3 ×", "variances 7 ×", "covariances 6 ×", "symbols 9 ×", "apart 2 ×", "up to 1.2 ×"):
        assert said in line
    assert readme.learning([kept_as(tmp_path / "results-y.json", {})]) == []


def test_what_the_readme_and_the_guide_say_is_what_was_measured():
    assert readme.table(readme.pages()) in (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.lines(readme.pages()) in (ROOT / "examples" / "guide.md").read_text(encoding="utf-8")


LOOK = """
import numba
import numpy as np
from tests.benchmarks import machine

@numba.njit(fastmath=True)
def total(x):
    total = 0.0
    for entry in x:
        total += entry
    return total

total(np.ones(3))
print(machine.kind(), machine.has_hidden_vectors(), "zmm" in total.inspect_asm(total.signatures[0]))
print(machine.label())
"""


@needs_compiled
@pytest.mark.skipif(machine.kind() != machine.AVX512, reason="there is nothing to hide")
def test_wider_vectors_can_be_hidden():
    environment = {**os.environ, **machine.without_avx512()}
    command = [sys.executable, "-W", "error", "-c", LOOK]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    said, label = done.stdout.splitlines()
    assert said == "avx2 True False"
    assert "256 bits (AVX-512 hidden)" in label
    assert "AVX512" not in label.split("dispatch")[1]


def test_a_label_names_the_processor():
    assert machine.processor() in machine.label()
    assert all(name in machine.label() for name in machine.dispatch())
    assert dataclasses.asdict(of_speeds("Speed", {}))["machine"] == machine.label()


@needs_compiled
def test_the_suite(tmp_path):
    """In a process of its own, as it sets the number of threads; with the other libraries or without."""
    command = [sys.executable, "-m", "tests.benchmarks", "--quick", "--output", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "| filter, K = 4: over np.exp | ≤ 8 × |" in done.stdout
    results = tmp_path / machine.results()
    page = results.read_text(encoding="utf-8")
    for title in SECTIONS:
        assert f"\n## {title}\n" in page
    assert page.count(f"*{machine.label()}.*") == len(SECTIONS) - 1
    assert (tmp_path / machine.picture()).stat().st_size > 10_000
    suite.main(["--quick", "--output", str(tmp_path), "--only", "small-call"])
    renewed = results.read_text(encoding="utf-8")
    before, after = (text.split("\n## A small call\n")[0].split("\n## Speed\n")[1] for text in (page, renewed))
    assert before == after
