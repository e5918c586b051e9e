"""One library for each kernel that Python calls: what kernels call is inside, and compiled nowhere else."""

import subprocess
import sys

import pytest
from numba.core.registry import CPUDispatcher

from hmmfilter._kernels import machine
from tests.conftest import needs_compiled


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))


def kernels_with(decorator):
    """A kernel that calls two others, twice and with a constant, and these two."""

    @decorator
    def step(x, y):
        return x + y

    @machine.compiled
    def ratio(x, y):
        return x / y

    @machine.compiled
    def caller(x):
        return ratio(step(step(x, 2), x), step(x, 1))

    return caller, step, ratio


@pytest.mark.parametrize("decorator", [machine.compiled, machine.apart, machine.inlined, machine.allocating])
def test_helpers_are_lowered_once_and_compiled_only_where_python_calls_them(decorator):
    caller, step, _ = kernels_with(decorator)
    assert caller(3) == 2.0
    assert (len(step.helper.overloads), len(step.overloads)) == (1, 0)
    assert step(3, 4) == 7
    assert (len(step.helper.overloads), len(step.overloads)) == (1, 1)


@pytest.mark.parametrize(("decorator", "is_apart"), [(machine.compiled, False), (machine.apart, True)])
def test_what_is_apart_stays_a_function_of_its_own(decorator, is_apart):
    caller, _, _ = kernels_with(decorator)
    caller(3)
    functions = caller.overloads[caller.signatures[0]].library.get_defined_functions()
    assert any("step" in function.name for function in functions) == is_apart


def test_an_error_of_a_helper_comes_through():
    caller, _, _ = kernels_with(machine.compiled)
    with pytest.raises(ZeroDivisionError):
        caller(-1)
    again, _, _ = kernels_with(machine.compiled)
    with pytest.raises(ZeroDivisionError):
        again(-1)
    assert sum(again.stats.cache_hits.values()) == 1


def test_users_compiled_code_may_call_kernels():
    caller, step, _ = kernels_with(machine.compiled)
    user = CPUDispatcher(lambda x: caller(x) + step(x, 1), targetoptions={"nopython": True})
    assert user(3) == 6.0
    again = CPUDispatcher(lambda x: caller(x) - step(x, 1), targetoptions={"nopython": True})
    assert again(3) == -2.0


@needs_compiled
def test_without_parts_of_numba_kernels_are_compiled_as_any_function():
    code = (
        "import sys; sys.modules['hmmfilter._compiled.linking'] = None\n"
        "from hmmfilter._compiled.numbers import plus, two_sum\n"
        "from hmmfilter._compiled.coded import coded\n"
        "print(type(plus).__name__, plus(1.0, 0.0, 2.0**-60), two_sum(1.0, 2.0**-60), coded(0.5, -3.0))"
    )
    start = [sys.executable, "-W", "error", "-c", code]
    assert subprocess.run(start, check=True, capture_output=True, text=True).stdout == (
        f"CPUDispatcher (1.0, {2.0**-60}) (1.0, {2.0**-60}) 0.0625\n"
    )
