"""One leaf per learning-rate schedule. The folder is the registry.

A leaf is a class made by `adamlab.rules.symbols.parameters` with its numbers as fields and ``factor(self, t, n_steps)``: what
the learning rate is multiplied by at step ``t`` = 1, ..., ``n_steps``, in float64. It is compiled into the numba
backend's loop, so it is written with `math`. It applies to the ``lr`` of every optimizer, whatever that does with it.
"""
