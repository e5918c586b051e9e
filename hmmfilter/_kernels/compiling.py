"""The decorators of kernels, which do nothing in this wing: its rooms are plain Python.

`hmmfilter._compiled` has the very same files under another name, where the decorators let Numba compile.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

IS_PLAIN = not __name__.startswith("hmmfilter._compiled.") or os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def left_alone(kernel: Kernel) -> Kernel:
    """As it is."""
    return kernel


compiled = inlined = apart = allocating = left_alone
if not IS_PLAIN:
    from .machine import allocating, apart, compiled, inlined

__all__ = ["IS_PLAIN", "allocating", "apart", "compiled", "inlined"]
