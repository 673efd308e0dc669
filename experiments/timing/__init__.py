"""What `experiments.cost` and `experiments.conformance` need besides the sweep: peers, threads, many runs at once.

=================  ================================================================================================
``many_runs``      many runs in one call, as one case to be timed
``one_thread``     sets the thread pools of NumPy and the peers to one thread; imported before them
``peers``          the peers in ``benchmarks/peers`` by name, their versions, and which of them can run here
=================  ================================================================================================
"""
