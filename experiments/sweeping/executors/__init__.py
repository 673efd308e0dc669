"""Who does the runs of a sweep: one module each, named as the launcher is; the folder is the registry.

A module has the class ``Executor``, made of the launcher's settings (and refused in one sentence if these, or what is
installed, are not as they should be). Its ``execute(work, destination)`` does the runs of ``work``
(`experiments.sweeping.families.Piece`) in any order and yields `experiments.sweeping.results.PieceResult` as they come; ``plan(work, calibration)`` says
how it would go about them, in a phrase that begins with how long it takes.
"""
