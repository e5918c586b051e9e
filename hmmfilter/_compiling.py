"""How kernels are compiled, and where their machine code is kept.

Numba keeps it on disk, beside the package or where `NUMBA_CACHE_DIR` says, for the processes to come. A cache costs
time where it fails, and never a result: without a place to write to, code is compiled in memory, which is said once; a
file that is damaged is forgotten and written anew.
"""

from __future__ import annotations

import functools
import hashlib
import pickle
import warnings
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba import types
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.serialize import dumps
from numba.extending import overload

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(kernel: Kernel) -> Kernel:
    """Compile at the first call, cache on disk, release the GIL; no fastmath, which would delete the −inf guards.

    Kernels allocate nothing, so no references are counted: counting cost more than a short sequence does, and threads
    had to wait for each other's counts.
    """
    return compiled_as(kernel, _nrt=False)


def inlined(kernel: Kernel) -> Kernel:
    """The same for what is called at every step: as part of its caller, which saves the copies of its arguments."""
    return compiled_as(kernel, _nrt=False, forceinline=True)


def allocating(kernel: Kernel) -> Kernel:
    """The same for the few that allocate: none of them is a recursion's, nor called by one."""
    return compiled_as(kernel)


def compiled_as(kernel: Kernel, **options: bool) -> Kernel:
    """What all kernels have in common: nobody calls one from C, so no machine code is made for that."""
    return cast(Kernel, kept_on_disk(numba.njit(nogil=True, no_cfunc_wrapper=True, **options)(kernel)))


def kept_on_disk(dispatcher: Any) -> Any:
    """Let a dispatcher of Numba's keep what it compiles; a function that Numba was told not to compile stays alone."""
    if hasattr(dispatcher, "py_func"):
        try:
            dispatcher._cache = SafeCache(dispatcher.py_func)
        except (RuntimeError, OSError):  # Numba's own words are of the first function that it met
            warn_once("there is no directory to keep it in that can be written to")
    return dispatcher


class SealedCode(CompileResultCacheImpl):
    """Machine code as bytes, with a digest that tells whether they are what was written: damaged code would crash."""

    def reduce(self, compile_result: Any) -> tuple[bytes, bytes]:
        """Put machine code into bytes."""
        code = dumps(super().reduce(compile_result))
        return hashlib.sha256(code).digest(), code

    def rebuild(self, target_context: Any, sealed: tuple[bytes, bytes]) -> Any:
        """Take machine code from bytes, as Numba does: who can write to the cache can run code. None if damaged."""
        digest, code = sealed
        if hashlib.sha256(code).digest() != digest:
            return None
        return super().rebuild(target_context, pickle.loads(code))


class SafeCache(FunctionCache):
    """Numba's cache of one function, which no call fails for."""

    _impl_class = SealedCode

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """Find machine code, or None; what is damaged, and raises anything at all, is forgotten."""
        try:
            return super().load_overload(signature, target_context)
        except Exception:
            self.flush()
            return None

    def save_overload(self, signature: Any, compile_result: Any) -> None:
        """Keep machine code, if that can be."""
        try:
            super().save_overload(signature, compile_result)
        except Exception as error:
            warn_once(f"it cannot be written to {self.cache_path} ({getattr(error, 'strerror', None) or error})")

    def flush(self) -> None:
        """Forget all machine code of this function, if that can be."""
        try:
            super().flush()
        except OSError as error:
            warn_once(f"it cannot be written to {self.cache_path} ({error.strerror})")


@functools.cache
def warn_once(reason: str) -> None:
    """Say why each process has to compile again, and what helps."""
    warnings.warn(
        f"machine code is not kept, as {reason}: each process compiles it again, which takes seconds. "
        "Set NUMBA_CACHE_DIR to a directory that can be written to, and that nobody else can write to",
        RuntimeWarning,
        stacklevel=2,
    )


def offer_inside_compiled_code(public: Callable[..., Any], kernels: Callable[[], tuple[Any, Any]]) -> None:
    """Let users call a public function of one vector from their own compiled code, where it becomes a kernel.

    The kernel, and the one that makes float32 of what it returns, are asked for when somebody does.
    """

    @overload(public, strict=False)  # strictly, Numba would want the annotations to agree, too
    def choose(x: Any) -> Callable[..., Any] | None:  # pragma: no cover, since only the compiler calls it
        if not isinstance(x, types.Array) or x.ndim != 1 or x.dtype == types.float16:
            return None
        kernel, to_float32 = kernels()
        if x.dtype == types.float32:
            return lambda x: to_float32(kernel(x.astype(np.float64)))
        return lambda x: kernel(x.astype(np.float64))
