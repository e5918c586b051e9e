"""The benchmarks run; what they measure decides nothing here."""

import subprocess
import sys

import pytest

from tests.benchmarks import lse, speed
from tests.benchmarks.peers import ours
from tests.benchmarks.problems import benign
from tests.conftest import needs_compiled
from tests.files import ROOT


def test_the_log_sum_exp_tables(capsys):
    lse.main(["--quick"])
    printed = capsys.readouterr().out
    assert "times SciPy's" in printed
    assert "| equal, weights 0.1, n = 1000 |" in printed


def test_a_library_that_disagrees_is_named():
    problem = benign(20, 3)
    for task, call in ours(problem).items():
        expected = call()
        speed.check_agreement(problem, task, "a library", expected, call())
        wrong = expected[0], (expected[1] + 1) % 3
        with pytest.raises(speed.DisagreementError, match=f"a library disagrees with us: {task}, 20 steps, 3 states"):
            speed.check_agreement(problem, task, "a library", expected, wrong)


@needs_compiled
def test_the_suite(tmp_path):
    """In a process of its own, as it sets the number of threads; with the other libraries or without."""
    command = [sys.executable, "-m", "tests.benchmarks", "--quick", "--output", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "| filter, K = 4: over np.exp | ≤ 8 × |" in done.stdout
    page = (tmp_path / "results.md").read_text(encoding="utf-8")
    for title in (
        "Targets",
        "Speed",
        "Adverse inputs",
        "Sequences and streams",
        "The rest of the posterior",
        "Memory",
        "Start",
        "A small call",
        "Where libraries are wrong",
    ):
        assert f"\n## {title}\n" in page
    assert (tmp_path / "speed.png").stat().st_size > 10_000
