"""What users may call from their own compiled code. No kernel is imported until somebody does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload


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
