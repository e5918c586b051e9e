"""All benchmarks, one thread each. NumPy and JAX read the number of threads when they are imported."""

import os

ONE_THREAD = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"),
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}

if __name__ == "__main__":
    os.environ.update(ONE_THREAD)
    from tests.benchmarks import suite

    suite.main()
