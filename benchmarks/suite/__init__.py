"""The suite of airspeed velocity (asv): the benchmarks that are tracked across commits.

asv runs each benchmark in a fork of one process that has imported the suite. Kernels are therefore compiled when a
module is imported, and no sample contains compile time. This has two consequences, which ``tests/test_benchmarks.py``
checks. First, an import must not *use* Polars, because a fork of a process with Polars' threads hangs; benchmarks that
need Polars first use it in the fork. Second, a timing benchmark has no ``setup``, because asv would then make only one
call per sample; its state comes from a cached function, or one call lasts long enough.

The benchmarks come from the working tree and the package from the commit. A benchmark whose subject the commit lacks is
skipped (`suite.commit`). All parameters are written out; none is derived from the package.

A time is that of one call. Parameters such as ``dim=128 steps=5000`` say how much work a call does. Times are processor
time of one thread, because on a machine that runs other work too, elapsed time mostly measures the other work.
"""

import os

# Thread pools read these variables when they are imported, which happens after this package.
os.environ.update(
    dict.fromkeys(
        ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1"
    )
)
