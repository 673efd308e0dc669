"""One leaf per kind of gradient noise. The folder is the registry.

A leaf is a class made by `adamlab.rules.symbols.parameters` with its numbers as fields and ``noisy(self, g, u, v)``: one
coordinate of the gradient with noise, from two numbers uniform in [0, 1) that are new at each step and coordinate. It
is compiled on every backend, so it is written with `math`. The numbers come from a stream of the run's seed and the
objective's name (`adamlab.problems.philox`): every optimizer meets the same noise.
"""
