"""Numbers below the smallest normal one, for each operation on which a processor takes tens of times as long."""

import sys

SMALLEST_NORMAL = sys.float_info.min
# How many steps a running number may stay subnormal.
FLUSH_EVERY = 64


def flushed(t: int, carry: tuple[float, ...]) -> tuple[float, ...]:
    """Running numbers before step ``t``, float64; every `FLUSH_EVERY` steps with 0 for those that are subnormal.

    0.9**t is one from step 6,724 on, and would stay one for good. One minus it is 1 either way.
    """
    return tuple(0.0 if abs(x) < SMALLEST_NORMAL else x for x in carry) if t % FLUSH_EVERY == 0 else carry
