"""Run many configurations at once; defined in `adamlab.running.many`."""

from adamlab.running.many import minimize_many

__all__ = ["minimize_many"]
