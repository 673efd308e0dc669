"""Building blocks of the leaves (optimizers, objectives, noises, schedules), and their look-up by name.

`adamlab.rules.defaults`
    Leaves by name, with the numbers of their source from ``conf/``.
`adamlab.rules.guarantees`
    Theoretical guarantees about the steps of an optimizer.
`adamlab.rules.methods`
    Properties that an optimizer's leaf declares: what its rule acts on, its state, and where the state starts.
`adamlab.rules.parameters`
    Names and values of a leaf's own numeric parameters.
`adamlab.rules.polar_express`
    Polynomials that bring the singular values of a matrix close to 1.
`adamlab.rules.reduction`
    Sums in one fixed order, the same on every machine, backend and number of threads.
`adamlab.rules.registry`
    The class of a leaf by its name, and messages for names that are not known.
`adamlab.rules.stopping`
    Conditions under which a run ends before it has taken all its steps.
`adamlab.rules.symbols`
    Names, mathematical signs and allowed ranges of hyperparameters.
`adamlab.rules.underflow`
    Replacement of subnormal numbers, on which processors are slow.

The package is the first of ``rules``, ``records``, ``problems``, the leaves, ``compiler``, ``running`` and
``measuring``. Each of them imports only from itself and from those before it.
"""
