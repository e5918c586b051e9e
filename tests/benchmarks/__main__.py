"""All benchmarks, one thread each. NumPy and JAX read the number of threads when they are imported."""

import os

ONE_THREAD = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"),
    "JAX_PLATFORMS": "cpu",
}
ONE_THREAD_OF_XLA = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

if __name__ == "__main__":
    os.environ.update(ONE_THREAD)
    os.environ["XLA_FLAGS"] = f"{ONE_THREAD_OF_XLA} {os.environ.get('XLA_FLAGS', '')}"
    from tests.benchmarks import suite

    suite.main()
