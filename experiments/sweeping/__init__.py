"""From a command line to records: what the Hydra programs share.

1. Hydra parses the command line, and composes a single run. With ``-m``, the sweeper and the launcher in
   ``hydra_plugins/`` pass the overrides to `command`, which makes an axis of each (`axes`). Another sweeper, such as
   Optuna's, passes the overrides of each job, and every job is composed.
2. `composition` has Hydra compose as few configurations as possible; plain values are written into copies of them.
3. `sweep` checks the configurations and builds the objects of the runs (`configuration`). Runs that differ in numbers
   only form one family (`families`), so they can share a compiled loop. An invalid configuration is refused here,
   before any run.
4. `remaining` leaves out the runs that are recorded already.
5. An executor (`executors`) executes the rest: on this machine in small pieces (`portions`), or on a cluster in chunks
   (`chunks`, `dispatch`), which the workers divide into small pieces in the same way. The library executes each of
   these as one batch.
6. The results are written as rows of the study's Parquet files, by the program or by the worker, and are counted and
   reported (`progress`, `report`).

``experiments/converge.py`` does all of this. ``cost.py`` and ``conformance.py`` share the first two steps, and take the
resolved configuration of every job from the sweep (``Sweep.trees``). One or many runs are represented by these classes,
in the order in which data flows:

=================  ===========================  ========================================================================
Class              Module                       Purpose
=================  ===========================  ========================================================================
``Axis``           `axes`                       One override and its values, not composed yet. Made by ``axes_of``; used
                                                by `composition` and, to print it, by `dry_run`.
``Composition``    `composition`                A resolved configuration as nested dictionaries, in which values can be
                                                replaced. Usually made once for each choice of files; used by ``Sweep``.
                                                Unlike a ``Configuration`` it is not checked, and it stands for many
                                                runs.
``Sweep``          `sweep`                      All jobs of a command line: compositions, the axes to be written into
                                                them, and the executor's name. Made by ``Command``; the programs take
                                                resolved configurations (``trees``) or ``families`` from it.
``Configuration``  `configuration`              One run, checked, with its objects built. Made by ``configured``; used
                                                by ``Family`` and by ``cost.py``.
``Family``         `families`                   One ``Configuration``, and numbers of which each combination is a run.
                                                Made by ``Sweep``; used by `remaining`. So a million runs do not need a
                                                ``Configuration`` each.
``Piece``          `families`                   Some runs of a ``Family``, by their numbers in it. Made by `remaining`;
                                                divided by `chunks` and ``Portions``; executed by its method
                                                ``perform``.
``Destination``    `results`                    Where the runs of a study are recorded, with which provenance. Made by
                                                ``converge.py`` for each study; used by writers and ``Chunk``.
``Chunk``          `chunks`                     Pieces and their ``Destination``: all that a worker on another machine
                                                needs. Made by `dispatch`; the worker executes and records it. Unlike a
                                                ``Piece`` it may hold runs of several families.
``Portions``       `portions`                   Iterator over a ``Piece`` in smaller pieces. Made and used by the local
                                                executor. The sizes of these follow from times measured on the way;
                                                those of chunks are estimated beforehand.
``Batch``          ``adamlab.running.batches``  The runs of a piece as the library executes them: arrays of numbers
                                                and seeds. Made by ``batch_of``; used by ``run_batch``. Unlike a
                                                ``Piece`` it has no swept keys, identities or study.
``BatchResult``    ``adamlab.running.many``     Outcomes, final points and traces of some runs of a ``Batch``, by
                                                position. Made by ``run_batch``; used by ``Piece.perform``, which adds
                                                identities and configurations.
``PieceResult``    `results`                    The records of some runs, counts by status, and failures. Made by the
                                                executors; used by the writer, ``Progress`` and ``Report``. Unlike a
                                                ``BatchResult`` it may lack rows, if a worker has written them already.
``SweepResult``    `results`                    Number of failed runs; for small sweeps also the records. Made by
                                                ``Report``, ``cost.py`` and ``conformance.py``; used by ``Command`` for
                                                the exit code, and for the loss that a sweeper such as Optuna needs.
=================  ===========================  ========================================================================

The modules:

===================  ==================================================================================================
``axes``             overrides as axes; resolvers for long lists of values
``calibration``      estimates how long runs take by executing a few of them
``chunks``           the runs that are sent to another machine together
``command``          the command-line interface of the Hydra programs: exit codes, error messages, jobs
``composition``      composes the configurations of a sweep with few compositions by Hydra
``configuration``    checks a composed configuration and builds the run that it describes
``dispatch``         sends chunks to a cluster, and sends again what is lost
``dry_run``          prints what a sweep would execute, and how long it would take
``executors``        executes runs: on this machine (``local``), or on a cluster (``ray``, ``slurm``)
``families``         runs that differ in numbers only, and pieces of them that are executed together
``portions``         divides a piece into portions that take about the same time
``progress``         shows how many runs are done: a bar, or lines at intervals
``remaining``        finds the runs that are not recorded yet
``report``           prints results, counts by status and failures
``results``          results of pieces and sweeps, and the place where records go
``sweep``            turns compositions into families of runs
``trusted_code``     refuses configurations that would run code other than that of adamlab and Hydra
===================  ==================================================================================================
"""
