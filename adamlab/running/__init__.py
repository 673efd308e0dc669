"""Execution of runs: one run, many runs at once, and runs that take one gradient at a time from the caller.

The modules that users import from:

* `adamlab.running.minimize`: ``minimize``, one run of an optimizer on an objective, and its ``Result``;
* `adamlab.running.many`: ``minimize_many``, many runs in compiled loops on all cores;
* `adamlab.running.start`: ``start`` and ``Run``, an optimizer that is given its gradients one at a time.

The modules behind them:

* `adamlab.running.backends`: the stepper of a backend, by the backend's name;
* `adamlab.running.stepping`: the protocol of steppers, and what all steppers use;
* `adamlab.running.python_stepper`: the stepper of the python backend;
* `adamlab.running.numpy_stepper`: the stepper of the numpy backend;
* `adamlab.running.numba_steppers`: the steppers of the numba backend;
* `adamlab.running.batches`: configurations grouped into batches that share one compiled loop;
* `adamlab.running.checks`: checks of optimizer, objective, schedule and start before the first step;
* `adamlab.running.trace`: the steps that a trace keeps, and its rows.
"""
