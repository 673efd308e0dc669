"""One leaf per objective: its value and gradient. The folder is the registry.

A leaf is a class made by `adamlab.symbols.parameters` with the fields ``dim``, ``x0`` (the start) and ``dtype``,
its own parameters, and

* ``separable``: whether f is a sum over coordinates. If so, ``value`` and ``gradient`` are written for one
  coordinate (and so hold for an array of them), and the lab sums the values;
* ``value(self, x, *data)`` and ``gradient(self, x, *data)``: in NumPy's terms; they read parameters only;
* ``data(self)``, if they need arrays: those arrays, per coordinate where the objective is separable.
"""
