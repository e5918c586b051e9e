"""Where machine code is kept, and what becomes of calls where it cannot be."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba.core import config
from numba.core.registry import CPUDispatcher

import hmmfilter
from hmmfilter import _compiling, lse
from hmmfilter.lse import offers
from tests.conftest import needs_compiled

NOT_KEPT = "machine code is not kept, as {}: each process compiles it again"


def twice(x):
    return 2 * x


@pytest.fixture
def new_process(tmp_path, monkeypatch):
    """Makes dispatchers that know nothing yet, as in a process that has just begun, with a cache of their own."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))

    _compiling.warn_once.cache_clear()
    yield lambda: _compiling.kept_on_disk(CPUDispatcher(twice, targetoptions={"nopython": True}))
    _compiling.warn_once.cache_clear()


def was_found(dispatcher):
    return sum(dispatcher.stats.cache_hits.values()) > 0


def files(tmp_path, ending):
    return list((tmp_path / "cache").rglob(f"*{ending}"))


def test_machine_code_is_found_by_the_next_process(new_process):
    first, second = new_process(), new_process()
    assert first(3) == second(3) == 6
    assert not was_found(first)
    assert was_found(second)


def cut(content):
    return content[: len(content) // 2]


def turn_a_bit(content):
    """In the middle, where a file of machine code has nothing else."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", [cut, turn_a_bit, lambda _: b"", lambda content: bytes(len(content))])
def test_a_damaged_file_is_written_anew(new_process, tmp_path, ending, damage):
    new_process()(3)
    (file,) = files(tmp_path, ending)
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    after = new_process()
    assert after(3) == 6
    assert (ending, was_found(after)) in {("nbc", False), ("nbi", False), ("nbi", True)}  # the index has names, too
    last = new_process()
    assert last(3) == 6
    assert was_found(last)


def test_what_cannot_be_mended_is_compiled_in_memory(new_process, tmp_path):
    new_process()(3)
    (index,) = files(tmp_path, "nbi")
    index.unlink()
    index.mkdir()
    reason = f"it cannot be written to {index.parent} (Is a directory)"
    with pytest.warns(RuntimeWarning) as caught:
        assert new_process()(3) == 6
    assert [str(each.message).startswith(NOT_KEPT.format(reason)) for each in caught] == [True]


def test_a_full_disk_stops_no_call(new_process, monkeypatch):
    def fill(*_):
        raise OSError(28, "No space left on device")

    dispatcher = new_process()
    monkeypatch.setattr(dispatcher._cache._cache_file, "_save_data", fill)
    with pytest.warns(RuntimeWarning, match="No space left on device") as caught:
        assert (dispatcher(3), dispatcher(3.5)) == (6, 7.0)
    assert len(caught) == 1


def test_a_place_that_is_gone_stops_no_call(new_process, tmp_path):
    dispatcher = new_process()
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").write_text("no directory")
    with pytest.warns(RuntimeWarning, match="Not a directory"):
        assert dispatcher(3) == 6


def test_without_a_place_one_warning_says_how_to_give_one(new_process, monkeypatch):
    def find_none(*_):
        raise RuntimeError("cannot cache function 'twice': no locator available for file 'here'")

    monkeypatch.setattr(_compiling.SealedCode, "__init__", find_none)
    with pytest.warns(RuntimeWarning) as caught:
        dispatcher = [new_process() for _ in range(3)][-1]
    assert [str(each.message) for each in caught] == [
        "machine code is not kept, as there is no directory to keep it in that can be written to: each process "
        "compiles it again, which takes seconds. Set NUMBA_CACHE_DIR to a directory that can be written to, and that "
        "nobody else can write to"
    ]
    assert dispatcher(3) == 6


def test_what_numba_left_alone_stays_alone():
    assert _compiling.kept_on_disk(twice) is twice


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
    code = "from hmmfilter.cli import main; main()"
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


def test_softmax_and_logsumexp_name_their_kernels():
    x = np.array([0.0, -40.0, 1.5])
    for public, kernels in ((lse.logsumexp, offers.kernels_of_logsumexp), (lse.softmax, offers.kernels_of_softmax)):
        kernel, _ = kernels()
        assert np.array_equal(kernel(x), public(x))
