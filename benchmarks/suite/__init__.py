"""The airspeed velocity suite: what is tracked across commits.

asv runs it in forks of one process that has imported it, so kernels are compiled when a module is imported and no
sample contains the compiler. Two things follow, which `tests/test_benchmarks.py` holds: an import may not *use* Polars
(a fork of a process with Polars' threads hangs), and what does comes to use it in the fork. A timing benchmark has no
``setup``, because asv would then take one call for a sample: its state comes from a cached function, or one call lasts
long enough. The benchmarks are those of the working tree and the package is that of the commit: what a commit lacks is
skipped (`suite.commit`). Parameters are written out, and none is derived from the package.

A time is that of one call. Where it has parameters such as ``dim=128 steps=5000``, a call does that much. It is
processor time, of one thread: on a machine that others use too, the time on the wall is mostly theirs.
"""

import os

# Thread pools read these when they are imported, which is after this package.
os.environ.update(
    dict.fromkeys(
        ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1"
    )
)
