"""One library for each kernel that Python calls: what kernels call is inside, and compiled nowhere else."""

import importlib.util
import subprocess
import sys

import numba
import numpy as np
import pytest
from numba.core.registry import CPUDispatcher

from hmmfilter._kernels import machine
from tests.conftest import needs_compiled


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))


@machine.apart
def triple(x):
    return 3 * x


def more_than_triple(x):
    return triple(x) + 1


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
def test_what_is_apart_is_needed_and_not_taken_in(decorator, is_apart):
    caller, step, _ = kernels_with(decorator)
    caller(3)
    (library,) = (result.library for result in caller.overloads.values())
    (types,) = step.helper.overloads
    assert library.needs == ([(__name__, step.__name__, types)] if is_apart else [])
    assert not any("step" in function.name for function in library.get_defined_functions())


def test_what_is_needed_is_there_before_what_needs_it_is_read():
    first, again = machine.compiled(more_than_triple), machine.compiled(more_than_triple)
    assert (first(3), again(3)) == (10, 10)
    assert [sum(kernel.stats.cache_hits.values()) for kernel in (first, again)] == [0, 1]


def test_what_is_apart_serves_all_callers():
    caller, step, _ = kernels_with(machine.apart)

    @machine.compiled
    def another(x):
        return step(x, 1) + caller(x)

    assert (caller(3), another(3)) == (2.0, 6.0)
    assert len(step.helper.overloads) == 1


@needs_compiled
def test_what_numba_brings_is_taken_in_too():
    @machine.allocating
    def zeros(n):
        return np.zeros(n)

    @machine.allocating
    def last(n):
        return zeros(n)[-1] + len(np.zeros_like(zeros(n)))

    assert last(4) == 4.0


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


def test_another_numba_compiles_kernels_as_any_function(monkeypatch):
    monkeypatch.setitem(sys.modules, "hmmfilter._kernels.linking", None)
    spec = importlib.util.find_spec("hmmfilter._kernels.machine")
    of_another = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(of_another)
    assert of_another.entry is numba.njit
    assert of_another.apart(lambda x: x + 1)(3) == 4


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
