"""Who runs a kernel: Python itself while there is little to do, and machine code from then on, to the same bits.

To compile a kernel takes seconds, to load it from the cache some tenths of one; Python has a hundred rows done in
milliseconds, but takes hundreds of times as long as machine code. Nobody knows what is to come, so kernels are run as
one rents until one buys: as long as what Python has taken, and would take now, is less than what the compiler takes.
Whoever needs little has it at once, and nobody waits for much more than twice as long as the better way takes.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from hmmfilter._kernels import fused
from hmmfilter._work import WORK

BUDGET = 3.0  # seconds that Python may take before a kernel is compiled: what that takes
LOADING = 1 / 8  # of it where machine code is kept, and has only to be loaded
SIMPLE = 1 / 8  # of either for a kernel that is no recursion: one whose name does not begin with run_
LAST = 1 / 10  # of what a kernel may take by itself once all of them together have taken the budget
STATE = 5  # the argument of `run_update` that a stream keeps
COMPILING = threading.Lock()  # of who compiles on purpose
IS_LOADED = threading.Event()  # the compiled wing, with all its rooms
VECTOR_LIBRARIES = {"linux": "libsvml.so", "darwin": "libsvml.dylib", "win32": "svml_dispmd"}


class Kernels:
    """The kernels that the rest of the package calls, each an attribute, whoever runs it.

    Parameters
    ----------
    budget : float
        Seconds; `BUDGET`, if it is to be spent well; with none, machine code runs from the first call on.
    """

    def __init__(self, budget: float) -> None:
        self.budget, self.spent, self.spent_on = budget, 0.0, dict[str, float]()
        for room, works in WORK.items():
            for name, work in works.items():
                setattr(self, name, self._at_first(room, name, work))

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Callable[..., Any]: ...

    @contextlib.contextmanager
    def compiled_at_once(self) -> Iterator[None]:
        """Run machine code alone for some time, and go on as before then."""
        with COMPILING:
            before, self.__dict__ = self.__dict__, vars(Kernels(0.0))
            try:
                yield
            finally:
                self.__dict__ = before

    def _at_first(self, room: str, name: str, work: Callable[..., float]) -> Callable[..., Any]:
        """A kernel as it is called until it is compiled; then machine code takes its place."""

        @cache
        def plain() -> Callable[..., Any]:
            kernel = kernel_of("_kernels", room, name)
            return at_once(kernel) if name == "run_update" else kernel

        @cache
        def is_kept() -> bool:
            from hmmfilter._kernels import places

            return places.is_kept(name)

        def run(*arguments: Any) -> Any:
            seconds = 1e-6 * work(*arguments)
            if self._has(LOADING, name, seconds) or (self._has(1.0, name, seconds) and not is_kept()):
                self._spend(name, seconds)  # before, so that other threads know of it
                began = time.perf_counter()
                with np.errstate(all="ignore"):
                    answer = plain()(*arguments)
                self._spend(name, time.perf_counter() - began - seconds)
                return answer
            load_compiled_wing()
            compiled = kernel_of("_compiled", room, name)
            setattr(self, name, compiled)
            return compiled(*arguments)

        return run

    def _has(self, share: float, name: str, seconds: float) -> bool:
        """Whether so many seconds are left for a kernel in a share of the budget."""
        budget = share * self.budget
        own = budget if name.startswith("run_") else SIMPLE * budget
        left = own if self.spent + seconds < budget else LAST * own
        return self.spent_on.get(name, 0.0) + seconds < left

    def _spend(self, name: str, seconds: float) -> None:
        """Count what a kernel took; one thread may lose what another adds, as all of this is an estimate."""
        self.spent += seconds
        self.spent_on[name] = self.spent_on.get(name, 0.0) + seconds


def kernel_of(wing: str, room: str, name: str) -> Callable[..., Any]:
    """A kernel, plain or compiled."""
    kernel: Callable[..., Any] = getattr(import_module(f"hmmfilter.{wing}.{room}"), name)
    return kernel


def load_compiled_wing() -> None:
    """Import Numba and all rooms, once.

    In a thread of its own, as an interrupt reaches the main thread only: Numba cannot be imported again where that has
    stopped halfway. All rooms together, as an update of the package in between would mix what does not belong together.
    """
    if not IS_LOADED.is_set():
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as executor:
            executor.submit(import_compiled_wing).result()


def import_compiled_wing() -> None:
    """The rooms one after the other, after their package: it is not all there before it has been imported itself."""
    for name in ("hmmfilter._compiled", *(f"hmmfilter._compiled.{room}" for room in WORK)):
        import_module(name)
    IS_LOADED.set()


def at_once(run_update: Callable[..., float]) -> Callable[..., float]:
    """Change the state after all has been computed: a signal may come between any two operations of Python's."""

    def run(*arguments: Any) -> float:
        state = arguments[STATE]
        after = state.copy()
        log_likelihood = run_update(*arguments[:STATE], after, *arguments[STATE + 1 :])
        state[:] = after
        return log_likelihood

    return run


def budget() -> float:
    """What there is to spend: all that is asked where nothing is to be compiled, and nothing where bits could differ.

    That is where a product cannot be added with one rounding, or Numba finds the exponentials of Intel's library.
    """
    if is_set("NUMBA_DISABLE_JIT"):
        return math.inf
    return 0.0 if fused.fma is fused.absent or has_vector_library() else BUDGET


def is_set(variable: str) -> bool:
    """Whether the environment asks for something of Numba."""
    return os.environ.get(variable, "0") not in ("", "0")


def has_vector_library() -> bool:
    """Whether Numba will find the library whose exponentials differ in the last digit; it is loaded in the same way."""
    if is_set("NUMBA_DISABLE_INTEL_SVML") or sys.platform not in VECTOR_LIBRARIES:
        return False
    try:
        ctypes.CDLL(VECTOR_LIBRARIES[sys.platform])
    except OSError:
        return False
    return True


kernels = Kernels(budget())
