"""Set the thread pools of NumPy and all peers to one thread; imported first, because they read it when imported."""

import os

# ``PJRT_NPROC`` is for JAX, whose own flags leave its thread pool as large as the number of cores.
THREADS = dict.fromkeys(
    ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PJRT_NPROC"), "1"
)
os.environ.update(THREADS)
