"""Executors, which execute the runs of a sweep: one module each, named like its launcher. The folder is the registry.

A module has a class ``Executor``. It is made with the launcher's settings, and raises
`adamlab.rules.symbols.ConfigurationError` if these are not allowed or a package that it needs is not installed. It
has two methods:

* ``execute(work, destination)`` executes the runs of ``work``, a sequence of `experiments.sweeping.families.Piece`,
  in any order, and yields each `experiments.sweeping.results.PieceResult` when it is ready;
* ``plan(work, calibration)`` returns a phrase that says how the runs would be executed and begins with how long that
  takes.
"""
