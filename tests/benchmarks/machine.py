"""The processor, and how wide the vectors are that compiled code and NumPy work with on it."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
from numba.core import config, cpu

AVX512, AVX2 = "avx512", "avx2"
BITS = {AVX512: 512, AVX2: 256}
FEATURE = "avx512f"  # that all processors with vectors of 512 bits have
FLAGS = Path("/proc/cpuinfo")


def _of_processor(field: str) -> str:
    """What Linux says of the first processor, or nothing elsewhere."""
    lines = FLAGS.read_text(encoding="utf-8").splitlines() if FLAGS.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(field)), "")


def processor() -> str:
    return _of_processor("model name") or platform.processor() or platform.machine()


def _features() -> list[str]:
    """What the compiler may use beyond what it knows of a processor by its name."""
    named = config.CPU_FEATURES
    features = cpu.codegen.get_host_cpu_features() if named is None else named
    return [feature[1:] for feature in features.split(",") if feature.startswith("+")]


def kind() -> str:
    """A word for all processors whose vectors are as wide; results are kept by it."""
    if FEATURE in _features():
        return AVX512
    return AVX2 if platform.machine().lower() in ("x86_64", "amd64") else platform.machine()


def has_hidden_vectors() -> bool:
    """Whether the processor could do more than it is asked for."""
    return kind() == AVX2 and FEATURE in _of_processor("flags").split()


def dispatch() -> list[str]:
    """The instruction sets, from narrow to wide, that NumPy has code for and has found."""
    extensions = np.show_config(mode="dicts")["SIMD Extensions"]
    return [*extensions["baseline"], *extensions["found"]]


def label() -> str:
    """One line, for beside each table."""
    bits = f"vectors of {BITS[kind()]} bits" if kind() in BITS else f"vectors as {kind()} has them"
    hidden = " (AVX-512 hidden)" if has_hidden_vectors() else ""
    return f"{processor()}, {bits}{hidden}; NumPy's dispatch: {' '.join(dispatch())}"


def results() -> str:
    """The name of the page of such processors."""
    return f"results-{kind()}.md"


def picture() -> str:
    """The name of their picture."""
    return f"speed-{kind()}.png"


def without_avx512() -> dict[str, str]:
    """An environment in which nothing finds AVX-512: not Numba, NumPy, OpenBLAS nor XLA."""
    return {
        "NUMBA_CPU_NAME": "haswell",
        "NUMBA_CPU_FEATURES": "",  # without which Numba adds all that it finds to a processor that is named
        "NPY_DISABLE_CPU_FEATURES": " ".join(name for name in dispatch() if name.startswith(("AVX512", "X86_V4"))),
        "OPENBLAS_CORETYPE": "Haswell",
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_max_isa=AVX2",
    }


def restart_as_avx2(arguments: Sequence[str]) -> NoReturn:
    """Begin again, as libraries look at the processor when they are imported."""
    command = [sys.executable, "-m", "tests.benchmarks", *arguments]
    os.execve(sys.executable, command, {**os.environ, **without_avx512()})
