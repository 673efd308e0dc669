"""Objectives: one file per objective, with its value and its gradient.

The folder is the registry. A new objective is two new files and no edit: ``adamlab/objectives/<name>.py``, called a
leaf, and ``conf/objective/<name>.yaml`` with its values. The contract of a leaf follows; the tests check every leaf
they find. (``custom`` is the exception: it takes a user's functions.)

A leaf defines one class, decorated with `adamlab.rules.symbols.parameters`. The name of the class is that of the file.

**Required**

fields
    ``dim``, ``x0`` (the start, repeated to fill ``dim``) and ``dtype``, and the objective's own parameters.

``separable``
    Whether f is a sum over coordinates. If so, ``value`` and ``gradient`` are written for one coordinate (and so hold
    for an array of them), and the lab sums the values.

``value(self, x, *data)`` and ``gradient(self, x, *data)``
    f and its gradient at ``x``; ``data`` are the arrays that the method ``data`` returns.

``published``
    A pair of a point and the value there, known by hand or from the source, for the parameters in the leaf's YAML.
    Only an objective with random data (a field ``seed``) may do without.

Both functions run on arrays and inside compiled loops. Therefore they

* are written with NumPy's operations;
* read no fields of ``self`` but the objective's own parameters, because nothing else is passed to compiled code;
* leave their arrays unchanged;
* have literals such as ``2.0``, not ``2``, in arithmetic, because beside a float32 array Numba takes a whole number for
  float64.

Sums in ``value`` are taken by `adamlab.rules.reduction.total`, and ``gradient`` keeps the dtype of ``x``.

**Optional**

``data(self) -> tuple``
    The arrays that the functions take, per coordinate where the objective is separable. Random parts come from
    `adamlab.problems.random_streams` and a field ``seed``, which selects the instance of the problem and is not the
    seed of the run.

``minimisers(self)`` and ``minimum(self)``
    The points of least value, float64 of shape (k, dim), or (k, 1) where all coordinates are alike; and that value. For
    parameters with which they are not known: no row, and nan.

``start(self)``
    An array of length ``dim`` that is multiplied by ``x0``.

``shape``
    Rows and columns, if ``x`` stands for a matrix. The functions take and return it flat all the same.

``box``
    The interval that every coordinate is kept in.

``sampled_gradient(self, x, t, draw, *data)``
    The gradient that step ``t`` is taken with; ``value`` and ``gradient`` are then the expectation. ``draws`` says what
    ``draw`` holds: ``"uniform"`` numbers in [0, 1), ``"normal"`` numbers, or None for nothing. There is one number per
    coordinate where the objective is separable, else there are ``n_draws(self)``.
"""
