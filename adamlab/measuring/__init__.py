"""Measurements of speed, and of agreement with other libraries.

* `adamlab.measuring.timing`: interleaved samples of several implementations, their medians and bootstrap intervals.
* `adamlab.measuring.floor`: the least time that a step of an optimizer can take on this machine.
* `adamlab.measuring.conformance`: how far the trajectories of another library's method are from ours.

``experiments/cost.py`` uses the first two, ``experiments/conformance.py`` the third.
"""
