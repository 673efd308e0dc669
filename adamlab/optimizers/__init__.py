"""Optimizers: one file per method, with its update rule and its hyperparameters.

The folder is the registry. A new method is two new files and no edit: ``adamlab/optimizers/<name>.py`` (or
``vector/<name>.py``, ``matrix/<name>.py``), called a leaf, and ``conf/optimizer/<name>.yaml`` with its values. A
different algorithm is a different leaf, never a flag. The contract of a leaf follows; the tests check every leaf they
find.

A leaf defines one class, decorated with `adamlab.rules.symbols.parameters`. The name of the class is that of the file,
as authors spell it (``AMSGradPaper`` in ``amsgrad_paper.py``), and its docstring names the source after ``Source:``.
A leaf imports from `adamlab.rules` only, never from another leaf.

**Required**

fields
    The hyperparameters, each annotated with its sign and range, such as ``lr: LearningRate`` or
    ``gamma: Annotated[float, Number("γ", "(0, inf)")]``. ``lr`` is one of them, because schedules multiply it. Fields
    have no defaults: values are kept in ``conf/`` only, so that every record holds every number.

``coefficients(self, t, *carry) -> (c, carry)``
    The scalars of step ``t`` (1, 2, ...), which all coordinates share, as a named tuple ``c``. They are computed in
    float64 whatever the dtype of the parameters, and converted to that dtype afterwards. ``carry`` is the tuple of
    numbers passed on to the next step, such as running powers of beta1; the defaults of its parameters are their
    values at step 1. Literals in its arithmetic are whole numbers (``1 - self.beta1``), because a test also computes
    elementwise rules with 50-digit decimals.

``update(c, g, theta, *state) -> (theta, *state)``
    A static method: the rule of the method for one coordinate, where ``g`` is the gradient. The names of its
    parameters after ``theta`` are the names of the state. It uses ``+ - * /``, comparisons, and ``sqrt``, ``abs``,
    ``sign``, ``minimum``, ``maximum``, ``where`` and ``arctan2`` of NumPy.

The same lines of ``update`` run on a number, on an array and inside a compiled loop, and give the same bits. Therefore
it has

* no literal number: in a compiled float32 loop a float literal is float64. Constants are entries of ``c``;
* no power of ``t``: running products in ``coefficients`` replace it, since a power would cost more than the rest of the
  step;
* no branch, no loop and no allocation. ``np.where`` replaces a branch.

**Optional**

``first_state(self, theta) -> tuple``
    The state before step 1, from the start ``theta``. Without it all state is zero.

``reports = "<state>"``
    The name of the state that is the method's answer, such as an average. Gradients are taken at theta all the same.

``guarantees = Guarantees(...)``
    What theory proves about the steps (`adamlab.rules.guarantees.Guarantees`); the tests check it.

``acts_on = "vector"`` or ``acts_on = "matrix"``
    For methods that are not elementwise, as follows.

A method that needs a sum over the vector is in the folder ``vector``, with ``acts_on = "vector"``. Its ``update`` takes
whole arrays of one axis, and obeys the same laws. It takes sums by `adamlab.rules.reduction.total` and
`adamlab.rules.reduction.squared_length`, which are float64, and converts what it computes from them to the dtype of the
parameters by ``theta.dtype.type(...)``.

A method that needs a matrix is in the folder ``matrix``, with ``acts_on = "matrix"``. Its ``update`` takes arrays of
two axes and may use all of NumPy, which runs it on every backend. A vector is passed as one column, or in the
``shape`` of its objective if that has one.
"""
