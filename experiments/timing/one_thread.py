"""Import this before NumPy or any peer: one thread for each of their thread pools, which they read when imported."""

import os

# The last is JAX's, whose own flags leave its pool as large as the machine.
THREADS = dict.fromkeys(
    ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PJRT_NPROC"), "1"
)
os.environ.update(THREADS)
