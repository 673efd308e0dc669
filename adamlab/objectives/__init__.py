"""One leaf per objective: its value and gradient. The folder is the registry.

A leaf is a class made by `adamlab.rules.symbols.parameters` with the fields ``dim``, ``x0`` (the start, repeated to fill
``dim``) and ``dtype``, its own parameters, and

* ``separable``: whether f is a sum over coordinates. If so, ``value`` and ``gradient`` are written for one
  coordinate (and so hold for an array of them), and the lab sums the values;
* ``value(self, x, *data)`` and ``gradient(self, x, *data)``: in NumPy's terms; they read parameters only. Sums in
  ``value`` are `adamlab.rules.reduction.total`'s, and ``gradient`` keeps the dtype of ``x``;
* ``published``: a point and the value there, by hand or from the source, with the numbers of the leaf's YAML.

Where there is need, it also has

* ``data(self)``: the arrays that the functions take, per coordinate where the objective is separable. What is random
  about them comes from `adamlab.problems.random_streams` and a field ``seed``: the instance of the problem, not the run's seed;
* ``minimisers(self)`` and ``minimum(self)``, if known: the points of least value, float64 of shape (k, dim), or (k, 1)
  where all coordinates are alike, and that value. For parameters with which they are not known, no row, and nan;
* ``start(self)``: an array of length ``dim`` that is multiplied by ``x0``;
* ``shape``: rows and columns, if ``x`` stands for a matrix. The functions get and give it laid flat all the same;
* ``box``: the interval that every coordinate is kept in;
* ``sampled_gradient(self, x, t, draw, *data)``: what step number ``t`` is taken with, ``value`` and ``gradient`` being
  the expectation. ``draws`` says what ``draw`` holds (``uniform`` numbers in [0, 1), ``normal`` ones, or None for
  nothing): one number a coordinate where the objective is separable, else ``n_draws(self)`` of them.
"""
