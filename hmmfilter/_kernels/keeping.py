"""How machine code goes to disk and comes back, for the processes to come.

A cache costs time where it fails, and never a result: without a place to write to, code is compiled in memory, which
is said once; what is damaged is forgotten, and written anew.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

from hmmfilter._notices import announce

from .places import file_name, place_that_takes_more, places, read, write

SETTINGS = ("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "BOUNDSCHECK", "USING_SVML")  # of Numba's, which change the code


class Kept:
    """The machine code of one kernel, as Numba's dispatchers ask for it and give it away."""

    def __init__(self, kernel: Callable[..., Any], role: str = "") -> None:
        self._kernel, self._role = kernel, role

    @property
    def cache_path(self) -> str | None:
        """Where it is, first of all."""
        return next(iter(places()), None)

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """Find machine code, or None. It is unpickled, as Numba does: who can write to the cache can run code."""
        try:
            from numba.core.compiler import CompileResult

            target_context.refresh()
            code = read(self._file(signature, target_context))
            if code is None:
                if not self._role:
                    announce(self._kernel.__name__, str(signature), place_that_takes_more)
                return None
            needs, parts = pickle.loads(code)
            for room, kernel, types in needs:
                getattr(import_module(room), kernel).helper.compile(types)
            found = CompileResult._rebuild(target_context, *parts)
            return found if found.signature.args == tuple(signature) else None  # named tuples may be namesakes
        except Exception:
            return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep machine code, if that can be."""
        try:
            from numba.core.serialize import dumps

            content = dumps((getattr(compiled.library, "needs", []), compiled._reduce()))
            refusal = write(self._file(signature, compiled.target_context), content)
        except Exception as error:
            refusal = f"Numba does not give it away ({error!r})"
        if refusal:
            warn_once(refusal)

    def flush(self) -> None:
        """Nothing is out of date."""

    def _file(self, signature: Any, target_context: Any) -> str:
        """The name of the file: types, processor and settings, and the versions that are at work."""
        import llvmlite
        import numba

        settings = [getattr(numba.config, name, None) for name in SETTINGS]
        processor = target_context.codegen().magic_tuple()
        kernel = (self._kernel.__module__.rpartition(".")[2], self._kernel.__qualname__)
        key = (kernel, str(signature), processor, settings, numba.__version__, llvmlite.__version__)
        return file_name(f"{self._role}{self._kernel.__name__}", repr(key))


said: set[str] = set()  # what has been, also where warnings are errors and the call that was told of it has failed


def warn_once(reason: str) -> None:
    """Say why each process has to compile again, and what helps."""
    if reason in said:
        return
    said.add(reason)
    warnings.warn(
        f"machine code is not kept, as {reason}: each process compiles it again, which takes seconds. "
        "Set NUMBA_CACHE_DIR to a directory that can be written to, and that nobody else can write to",
        RuntimeWarning,
        stacklevel=2,
    )
