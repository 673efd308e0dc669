"""Replacement by 0 of subnormal numbers, which are below the smallest normal number.

On subnormal numbers a processor takes tens of times as long for each operation.
"""

import sys

SMALLEST_NORMAL = sys.float_info.min
# Greatest number of steps that a running number may stay subnormal.
FLUSH_EVERY = 64


def flushed(t: int, carry: tuple[float, ...]) -> tuple[float, ...]:
    """Return the running numbers before step ``t``, with subnormal ones set to 0 every `FLUSH_EVERY` steps.

    Parameters
    ----------
    t : int
        Number of the step.
    carry : tuple of float
        The running numbers, float64.

    Returns
    -------
    tuple of float
        The running numbers to use at step ``t``.

    Notes
    -----
    The product 0.9**t is subnormal from step 6,724 on, and would stay subnormal in all later steps. Setting it to 0
    does not change 1 - 0.9**t, which is 1 in either case.
    """
    return tuple(0.0 if abs(x) < SMALLEST_NORMAL else x for x in carry) if t % FLUSH_EVERY == 0 else carry
