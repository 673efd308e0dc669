"""Gradient noise: one file per kind of noise.

The folder is the registry. A new kind is two new files and no edit: ``adamlab/noises/<name>.py``, called a leaf, and
``conf/noise/<name>.yaml`` with its values. A leaf defines one class, decorated with
`adamlab.rules.symbols.parameters`, that has its numbers as fields and one method:

``noisy(self, g, u, v)``
    Return one coordinate ``g`` of the gradient with noise, from two numbers ``u`` and ``v`` that are uniform in [0, 1)
    and new at each step and coordinate.

The method is compiled on every backend, so it is written with ``math``. Its random numbers come from a stream of the
run's seed and the objective's name (`adamlab.problems.philox`), so every optimizer has the same noise.
"""
