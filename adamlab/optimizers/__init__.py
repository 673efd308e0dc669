"""One leaf per method: the paper's lines and their hyperparameters. The folder is the registry.

A leaf is a class made by `adamlab.symbols.parameters`: fields without defaults (values live in ``conf/``) and

* ``coefficients(self, t, *carry) -> (c, carry)``: what step ``t`` (1, 2, ...) has in common for every
  coordinate, in float64; ``carry`` is what it hands to the next step, and its defaults are where that starts;
* ``update(c, g, theta, *state) -> (theta, *state)``: the method on one coordinate. No literal number, no power
  of ``t``, no branch: the same lines run on a number, on an array, and inside a compiled loop. The state has
  its parameters' names and starts at zero.
"""
