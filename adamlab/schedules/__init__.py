"""Learning-rate schedules: one file per schedule.

The folder is the registry. A new schedule is two new files and no edit: ``adamlab/schedules/<name>.py``, called a leaf,
and ``conf/schedule/<name>.yaml`` with its values. A leaf defines one class, decorated with
`adamlab.rules.symbols.parameters`, that has its numbers as fields and one method:

``factor(self, t, n_steps)``
    Return the factor of the learning rate at step ``t`` = 1, ..., ``n_steps``, in float64.

The method is compiled into the loop of the numba backend, so it is written with ``math``. The factor multiplies the
``lr`` of every optimizer, however the method uses its ``lr``.
"""
