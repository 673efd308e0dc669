"""Run an optimizer on an objective; defined in the modules of `adamlab.running`."""

from adamlab.running.many import minimize_many
from adamlab.running.minimize import Result, minimize
from adamlab.running.start import Run, start

__all__ = ["Result", "Run", "minimize", "minimize_many", "start"]
