"""Who runs a kernel: Python at first, then machine code, and nobody sees which."""

import inspect
import subprocess
import sys
import threading

import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter import _tiers
from hmmfilter._kernels import chain, fused, places
from hmmfilter._tiers import Kernels, kernels
from hmmfilter._work import WORK
from tests import cases
from tests.conftest import needs_compiled
from tests.routines import ROUTINES

STEPS = {1: 12, 2: 12, 3: 12, 5: 8, 8: 8, 9: 4, 16: 4, 20: 4}  # of a case with so many states
ROOM_OF = {name: room for room, works in WORK.items() for name in works}


def bits(answers):
    """As bytes, where a NaN is a NaN."""
    return [np.where(np.isnan(answer), np.nan, answer).tobytes() for answer in map(np.asarray, answers)]


@pytest.fixture
def by(monkeypatch):
    """Lets other kernels take the place of those that all rooms call."""
    return lambda others: monkeypatch.setattr(kernels, "__dict__", vars(others))


class Switching(Kernels):
    """Kernels that are compiled in the middle of whatever is done: each at its third call."""

    def _has(self, share, name, seconds):
        return self.spent_on.get(name, 0.0) < 2

    def _spend(self, name, seconds):
        super()._spend(name, 1.0)


@needs_compiled
@pytest.mark.parametrize("n_states", STEPS)
@pytest.mark.parametrize("family", cases.FAMILIES, ids=lambda family: family.__name__)
def test_python_and_machine_code_have_the_same_bits(family, n_states, by):
    case = cases.draw(family, 0, STEPS[n_states], n_states)
    found = []
    for others in (Kernels(0.0), Kernels(np.inf), Switching(1.0)):
        by(others)
        found.append({name: bits(routine(case)) for name, routine in ROUTINES.items()})
    by_machine_code, by_python, by_both = found
    assert [name for name in ROUTINES if by_python[name] != by_machine_code[name]] == []
    assert [name for name in ROUTINES if by_both[name] != by_machine_code[name]] == []


@pytest.mark.parametrize("n_threads", [2, 5])
def test_any_thread_may_come_upon_the_switch(n_threads, by, small_pieces):
    case = cases.draw(cases.mixed, 0, 60, 3)
    sequences = {"lengths": [20, 10, 30], "impossible": "mark"}
    by(Kernels(np.inf))
    expected = bits([hf.smooth(*case, **sequences).log_probabilities])
    by(Switching(1.0))
    assert bits([hf.smooth(*case, **sequences, workers=n_threads).log_probabilities]) == expected


# Who runs it


@pytest.fixture
def hired(monkeypatch):
    """Kernels that tell who was called, under a clock that goes on by what Python is said to take for a call."""
    called, clock, kept = [], [0.0], set()

    class Hired(Kernels):
        def __init__(self, budget=_tiers.BUDGET):
            super().__init__(budget)
            self.called, self.kept, self.seconds = called, kept, 0.0

    def kernel_of(wing, room, name):
        assert ROOM_OF[name] == room

        def call(*arguments):
            called.append(wing)
            clock[0] += others.seconds if wing == "_kernels" else 0.0
            return arguments

        return call

    monkeypatch.setattr(_tiers, "kernel_of", kernel_of)
    monkeypatch.setattr(_tiers.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(places, "is_kept", kept.__contains__)
    others = Hired()
    return others


PYTHON, MACHINE = "_kernels", "_compiled"
ROW = np.zeros(3)  # of `run_update`, some tenths of a millisecond


def updates(hired, n, seconds):
    hired.seconds = seconds
    for _ in range(n):
        hired.run_update(ROW, False, 0, None, 0, np.zeros(3), 0)
    return hired.called[-n:]


def test_python_runs_what_is_small_until_it_has_taken_what_the_compiler_takes(hired):
    assert updates(hired, 29, 0.1) == 29 * [PYTHON]
    assert updates(hired, 5, 0.1) == [PYTHON] + 4 * [MACHINE]


def test_compiled_kernels_are_called_without_a_detour(hired):
    updates(hired, 1, 10.0)
    before = hired.run_update
    updates(hired, 1, 10.0)
    assert hired.run_update is not before
    assert hired.run_update(1, 2) == (1, 2)  # not even its arguments are looked at
    assert before is not hired.run_update
    assert hired.called == [PYTHON, MACHINE, MACHINE]


def test_machine_code_that_is_kept_is_loaded_sooner(hired):
    hired.kept.add("run_update")
    assert updates(hired, 5, 0.1) == 4 * [PYTHON] + [MACHINE]


def test_where_others_have_taken_all_a_little_is_left_for_each(hired):
    updates(hired, 31, 0.1)
    hired.seconds = 0.1
    for _ in range(5):
        hired.run_prediction(ROW, 0, None, 0, 1, 0)
    assert hired.called[-5:] == 3 * [PYTHON] + 2 * [MACHINE]


def test_simple_kernels_are_compiled_sooner(hired):
    hired.seconds = 0.1
    for _ in range(5):
        hired.has_logs(ROW)
    assert hired.called == 4 * [PYTHON] + [MACHINE]


def table_of(n_rows, n_states=3):
    """What a kernel is given of a chain."""
    sizes = ((1, n_states), (1, n_states, n_states), (0,), (n_rows, n_states), (2,))
    return tuple(map(np.empty, sizes))


def test_a_large_table_is_machine_codes_from_its_first_piece_on(hired):
    hired.run_forward(table_of(10**6), 0, 0, 64)
    hired.run_viterbi(table_of(10**6), 0, 0, 64)
    hired.are_chain(*table_of(10**6)[:2], table_of(10**6)[3], 1.0)
    assert hired.called == 3 * [MACHINE]


def test_what_python_begins_it_ends(hired):
    """The estimate is of all rows at first, and then of those that are left."""
    hired.seconds = 0.2
    for begin in range(0, 100_000, 10_000):
        hired.run_viterbi(table_of(100_000), 0, begin, begin + 10_000)
    assert hired.called == 10 * [PYTHON]


def test_a_budget_of_nothing_is_machine_codes_alone(hired, by):
    hired.__init__(0.0)
    assert updates(hired, 1, 0.0) == [MACHINE]
    assert hired.has_logs(np.empty(0)) is not None
    assert hired.called == 2 * [MACHINE]


@pytest.mark.parametrize("off", ["", "0"])
def test_the_budget(off, monkeypatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", off)
    monkeypatch.setattr(_tiers, "has_vector_library", lambda: False)
    assert _tiers.budget() == _tiers.BUDGET
    monkeypatch.setattr(_tiers, "has_vector_library", lambda: True)
    assert _tiers.budget() == 0.0
    monkeypatch.setattr(_tiers, "has_vector_library", lambda: False)
    monkeypatch.setattr(fused, "fma", fused.absent)
    assert _tiers.budget() == 0.0
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    assert _tiers.budget() == np.inf


def test_the_vector_library_is_looked_for_as_numba_does(monkeypatch):
    asked = []
    monkeypatch.setattr(_tiers.ctypes, "CDLL", asked.append)
    for variable, platform, found in [("0", "linux", True), ("1", "linux", False), ("0", "elsewhere", False)]:
        monkeypatch.setenv("NUMBA_DISABLE_INTEL_SVML", variable)
        monkeypatch.setattr(sys, "platform", platform)
        assert _tiers.has_vector_library() == found
    assert asked == ["libsvml.so"]

    def find_none(name):
        raise OSError(name)

    monkeypatch.setenv("NUMBA_DISABLE_INTEL_SVML", "")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(_tiers.ctypes, "CDLL", find_none)
    assert not _tiers.has_vector_library()


# What runs by Python


def test_every_kernel_is_called_and_its_work_estimated(by):
    """By the routines of the tests, which so leave none out."""
    seconds = {}

    class Noting(Kernels):
        def _has(self, share, name, estimate):
            seconds[name] = estimate
            return True

    by(Noting(1.0))
    for family in (cases.gaps, cases.rarer):
        case = cases.draw(family, 0, 12, 3)
        for routine in ROUTINES.values():
            routine(case)
    assert sorted(seconds) == sorted(ROOM_OF)
    assert all(0 < estimate < 0.1 for estimate in seconds.values()), seconds


@pytest.mark.parametrize("name", ROOM_OF)
def test_work_is_estimated_by_arguments_of_these_names(name):
    asked_for = inspect.signature(WORK[ROOM_OF[name]][name]).parameters.values()
    named = [each.name for each in asked_for if each.kind is each.POSITIONAL_OR_KEYWORD]
    kernel = _tiers.kernel_of("_kernels", ROOM_OF[name], name)
    assert named == list(inspect.signature(kernel).parameters)[: len(named)]


def test_no_numba_for_what_is_small():
    code = (
        "import sys, math\n"
        "from tests import cases\n"
        "from tests.routines import ROUTINES\n"
        "from hmmfilter._tiers import kernels\n"
        "kernels.budget = math.inf  # however long this machine takes\n"
        "case = cases.draw(cases.mixed, 0, 10, 3)\n"
        "densities = ROUTINES.pop('densities')  # whose constants may be SciPy's\n"
        "for routine in ROUTINES.values():\n"
        "    routine(case)\n"
        "print(*{'scipy'} & set(sys.modules))\n"
        "densities(case)\n"
        "print(*{'numba', 'llvmlite'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


class InterruptionError(Exception):
    """A signal's handler raised it."""


def interrupted(deed, when):
    """Do something until so many lines of kernels have been run; whether it came to its end."""
    n_lines = 0

    def trace(frame, event, _):
        nonlocal n_lines
        if "_kernels" not in frame.f_code.co_filename:
            return trace if event == "call" else None
        n_lines += 1
        if n_lines == when:
            raise InterruptionError
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        deed()
    except InterruptionError:
        return False
    finally:
        sys.settrace(before)
    return True


@pytest.mark.parametrize("family", [cases.ordinary, cases.rarer])
def test_an_interrupted_update_leaves_a_stream_as_it_was(family, by):
    """Python may be interrupted between any two lines, machine code is not."""
    by(Kernels(np.inf))
    log_initial, log_transition, rows = cases.draw(family, 0, 4, 2)
    stream, undisturbed = (hf.OnlineFilter(log_initial, log_transition) for _ in range(2))
    for row in rows:
        when, before = 1, stream.snapshot()
        while not interrupted(lambda row=row: stream.update(row), when):
            assert stream.snapshot() == before
            when += 29
        undisturbed.update(row)
        assert when > 29
        assert stream.snapshot() == undisturbed.snapshot()


def test_a_slot_says_what_it_holds_when_all_of_it_is_there(by):
    by(Kernels(np.inf))
    log_transition = np.log([[[0.5, 0.5], [0.5, 0.5]], [[0.9, 0.1], [0.2, 0.8]]])
    when, (slot,) = 1, chain.slots_for_chains(1, 2)
    kernels.hold_chain(log_transition, 0, False, slot)
    before = slot.copy()
    kernels.hold_chain(log_transition, 1, False, slot)
    after, slot[:] = slot.copy(), before
    while not interrupted(lambda: kernels.hold_chain(log_transition, 1, False, slot), when):
        assert slot[chain.HELD] == 0.0 or any(np.array_equal(slot, whole) for whole in (before, after))
        slot[:], when = before, when + 1
    assert slot[chain.HELD] == 2.0
    held, when, before = chain.held_chain(slot, 2), 1, slot.copy()
    chain.widen_chain(held)
    after, slot[:] = slot.copy(), before
    while not interrupted(lambda: chain.widen_chain(held), when):
        assert slot[chain.WIDENED] == 0.0 or np.array_equal(slot, after)
        slot[:], when = before, when + 1
    assert np.array_equal(slot, after)


def test_an_interrupted_block_leaves_a_stream_as_it_was(by):
    by(Kernels(np.inf))
    log_initial, log_transition, rows = cases.draw(cases.rarer, 0, 4, 2)
    stream, undisturbed = (hf.OnlineFilter(log_initial, log_transition) for _ in range(2))
    when, before = 1, stream.snapshot()
    while not interrupted(lambda: stream.update_block(rows), when):
        assert stream.snapshot() == before
        when += 97
    undisturbed.update_block(rows)
    assert stream.snapshot() == undisturbed.snapshot()


INTERRUPTED = """
import signal, sys, threading
from hmmfilter import _tiers

def interrupt(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGINT, interrupt)
threading.Timer({seconds}, signal.raise_signal, [signal.SIGINT]).start()
try:
    _tiers.load_compiled_wing()
except KeyboardInterrupt:
    pass
_tiers.load_compiled_wing()
import numba
print(numba.core.config.DISABLE_JIT in (0, 1), "hmmfilter._compiled.forward" in sys.modules)
"""


@needs_compiled
@pytest.mark.skipif(sys.platform == "win32", reason="a signal that is raised reaches the thread that raises it")
@pytest.mark.parametrize("seconds", [0.05, 0.2])
def test_an_interrupt_while_numba_is_imported_leaves_it_whole(seconds):
    code = INTERRUPTED.format(seconds=seconds)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.endswith("True True\n"), done.stderr


def test_the_compiled_wing_is_loaded_once_by_whoever_comes_first(monkeypatch):
    loaded = []
    monkeypatch.setattr(_tiers, "IS_LOADED", threading.Event())
    monkeypatch.setattr(_tiers, "import_module", loaded.append)
    _tiers.load_compiled_wing()
    _tiers.load_compiled_wing()
    assert loaded == ["hmmfilter._compiled", *(f"hmmfilter._compiled.{room}" for room in WORK)]


def test_who_compiles_on_purpose_waits_for_who_does():
    ours, budgets = _tiers.Kernels(1.0), []

    def compile_too():
        with ours.compiled_at_once():
            budgets.append(ours.budget)

    with ours.compiled_at_once():
        other = threading.Thread(target=compile_too)
        other.start()
        other.join(0.05)
        assert budgets == []
    other.join(60)
    assert budgets == [0.0]
    assert ours.budget == 1.0


def test_rows_without_entries_and_steps_of_one_state_take_time_too():
    assert WORK["lse"]["run_split_sums"](np.empty((10**6, 0))) > 1e6
    assert WORK["naive"]["run_naive_viterbi"](None, None, np.empty((10**6, 1)), None, None) > 3e6
