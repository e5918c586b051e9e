"""How Numba compiles kernels: what the decorators of `compiling` do in the compiled wing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

from .keeping import Kept

try:
    from .linking import entry
except (ImportError, AttributeError):  # it leans on parts of Numba that are not promised to stay
    entry = numba.njit

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(kernel: Kernel) -> Kernel:
    """Compile at the first call, keep it on disk, release the GIL; no fastmath, which would delete the −inf guards.

    Kernels allocate nothing, so no references are counted: counting cost more than a short sequence does, and threads
    had to wait for each other's counts.
    """
    return compiled_as(kernel, _nrt=False)


def inlined(kernel: Kernel) -> Kernel:
    """The same for what is called at every step: as part of its caller, which saves the copies of its arguments."""
    return compiled_as(kernel, _nrt=False, forceinline=True)


def apart(kernel: Kernel) -> Kernel:
    """The same for large loops: never part of a caller, where the compiler would find less to do with either."""
    cast(Any, kernel).is_apart = True
    return compiled(kernel)


def allocating(kernel: Kernel) -> Kernel:
    """The same for the few that allocate: none of them is a recursion's, nor called by one."""
    return compiled_as(kernel)


def compiled_as(kernel: Kernel, **options: bool) -> Kernel:
    """What all kernels have in common: nobody calls one from C, so no machine code is made for that."""
    dispatcher = entry(kernel, nogil=True, no_cfunc_wrapper=True, **options)
    dispatcher._cache = Kept(kernel)
    return cast(Kernel, dispatcher)
