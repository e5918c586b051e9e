"""How kernels are compiled, and what users' own compiled code finds of them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hmmfilter
from hmmfilter import lse
from hmmfilter._kernels import machine
from hmmfilter.lse import offers
from tests.conftest import needs_compiled


def twice(x):
    return 2 * x


@pytest.mark.parametrize("decorator", [machine.compiled, machine.apart, machine.inlined, machine.allocating])
def test_decorators_make_kernels(decorator, tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert decorator(twice)(3) == 6


@pytest.fixture
def locked_down(tmp_path):
    """A copy of the package that nothing can be written beside, and an environment without any place to write to."""
    package = tmp_path / "hmmfilter"
    shutil.copytree(Path(hmmfilter.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in [package, *(path for path in package.rglob("*") if path.is_dir())]:
        (folder / "__pycache__").write_text("a file, so that it is no directory")
    nowhere = str(package / "__pycache__" / "home")
    places = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"), nowhere)
    return {**os.environ, **places, "PYTHONPATH": str(tmp_path)}


def run(arguments, environment=None, typed=""):
    """What a new process says, with no folder of this one on its path but those that the environment names."""
    place = None if environment is None else environment["PYTHONPATH"]
    options = {"capture_output": True, "text": True}
    return subprocess.run([sys.executable, *arguments], check=True, env=environment, cwd=place, input=typed, **options)


@needs_compiled
def test_the_command_where_nothing_can_be_written(locked_down, tmp_path):
    model = hmmfilter.HMM([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], hmmfilter.emissions.Bernoulli([0.1, 0.9]))
    model.to_json(tmp_path / "model")
    code = "from hmmfilter._tiers import kernels; kernels.budget = 0; from hmmfilter.cli import main; main()"
    quickly = {**locked_down, "NUMBA_OPT": "0"}
    done = run(["-c", code, "filter", "-", "--model", "model"], quickly, "x\n1\n1\n")
    header, *rows = done.stdout.splitlines()
    assert header == "x,p_0,p_1,log_increment"
    probabilities = [list(map(float, row.split(",")[1:3])) for row in rows]
    np.testing.assert_allclose(probabilities, model.filter([1, 1]).probabilities, rtol=1e-12)
    assert "Traceback" not in done.stderr
    assert done.stderr.count("Set NUMBA_CACHE_DIR to a directory") == 1
    assert locked_down["PYTHONPATH"] in done.stderr


def test_numbas_other_users_wait_for_nothing():
    """What Numba calls in each process, before it compiles anything, imports no kernels."""
    code = (
        "import sys, numba, hmmfilter.lse\n"
        "hmmfilter.lse._register_with_numba()\n"
        "assert numba.njit(lambda x: x + 1)(1) == 2\n"
        "print('hmmfilter._compiled' in sys.modules)"
    )
    assert run(["-c", code]).stdout == "False\n"


@needs_compiled
@pytest.mark.parametrize("first", ["import numba, hmmfilter as hf", "import hmmfilter as hf, numba"])
def test_users_compiled_code_finds_kernels_in_any_order_of_imports(first):
    code = f"{first}; import numpy as np; print(numba.njit(lambda x: hf.lse.softmax(x))(np.zeros(2)))"
    assert run(["-W", "error", "-c", code]).stdout == "[0.5 0.5]\n"


@needs_compiled
def test_users_compiled_code_that_is_kept_has_all_that_it_calls(tmp_path):
    """Kernels that are apart would be missing in the next process."""
    (tmp_path / "own.py").write_text(
        "import numba, numpy as np, hmmfilter.lse as lse\n"
        "@numba.njit(cache=True)\n"
        "def both(x):\n    return lse.logsumexp(x) + lse.softmax(x)[0] + lse.softmax(x.astype(np.float32))[0]\n"
    )
    code = (
        "import sys, numpy as np; sys.path.append(sys.argv[1]); import own\n"
        "print(own.both(np.zeros(2)), sum(own.both.stats.cache_hits.values()))"
    )
    answers = [run(["-c", code, str(tmp_path)]).stdout.split() for _ in range(2)]
    assert answers == [[str(np.log(2.0) + 1.0), hits] for hits in "01"]


def test_softmax_and_logsumexp_name_their_kernels():
    x = np.array([0.0, -40.0, 1.5])
    for public, kernels in ((lse.logsumexp, offers.kernels_of_logsumexp), (lse.softmax, offers.kernels_of_softmax)):
        kernel, _ = kernels()
        assert np.array_equal(kernel(x), public(x))
