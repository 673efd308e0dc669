"""One leaf per method: the paper's lines and their hyperparameters. The folder is the registry.

A leaf is a class made by `adamlab.rules.symbols.parameters`: fields without defaults (values live in ``conf/``) and

* ``coefficients(self, t, *carry) -> (c, carry)``: what step ``t`` (1, 2, ...) has in common for every
  coordinate, in float64; ``carry`` is what it hands to the next step, and its defaults are where that starts;
* ``update(c, g, theta, *state) -> (theta, *state)``: the method on one coordinate. No literal number, no power
  of ``t``, no branch: the same lines run on a number, on an array, and inside a compiled loop. The state has
  its parameters' names;

and, where the paper says so,

* ``first_state(self, theta) -> tuple``: the state before step 1, from the start; without it all state is zero;
* ``reports = "<state>"``: the state that is the method's answer, such as an average; gradients are taken at theta;
* ``guarantees``: what theory says of its steps (`adamlab.rules.guarantees`), for the tests to ask.

A method that needs a sum over the vector lies in ``vector``, with ``acts_on = "vector"``: its ``update`` takes whole
arrays of one axis. Its sums are `adamlab.rules.reduction`'s, which are float64; what comes of them goes back to the dtype of
the parameters by ``theta.dtype.type(...)``. A method that needs a matrix lies in ``matrix``, with
``acts_on = "matrix"``: its ``update`` takes arrays of two axes, and a vector comes as one column.
"""
