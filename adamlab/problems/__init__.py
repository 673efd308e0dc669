"""Problems that optimizers are run on: leaves or users' functions, with their data and random numbers.

`adamlab.problems.autodiff`
    Exact gradients of a user's value function by JAX or PyTorch.
`adamlab.problems.digits`
    Handwritten digits, the data of the learning problems.
`adamlab.problems.functions`
    Checks of an objective that is given as Python functions.
`adamlab.problems.networks`
    Loss and gradient of softmax regression and of networks with one hidden layer.
`adamlab.problems.philox`
    Random numbers that are a function of the stream, the step and the coordinate that use them.
`adamlab.problems.problem`
    The problem of a run: an objective, noise on its gradient, and a seed.
`adamlab.problems.random_matrices`
    Random matrices with given eigenvalues.
`adamlab.problems.random_streams`
    A separate stream of random numbers for each seed and name.
`adamlab.problems.torch_functions`
    PyTorch functions as functions of NumPy arrays, and their gradients by autograd.

The package imports from `adamlab.rules` only.
"""
