"""Compilation of optimizers and objectives into loops by Numba, and storage of the compiled loops on disk.

A *leaf* is a class of `adamlab.optimizers`, `adamlab.objectives`, `adamlab.noises` or `adamlab.schedules`. A *kernel*
is a compiled function that is called from Python. Its *parts* are functions that are compiled only to be inlined into
it.

What is compiled, and when
--------------------------
A builder, such as `adamlab.compiler.run_kernels.advance_kernel`, makes a kernel from classes of leaves when a run
first needs it; the kernel is kept for the rest of the process. Numba compiles it, or loads it from disk, at its first
call with new argument types. All numbers are arguments: hyperparameters, parameters of the problem, seed, dim and
tolerances. A sweep over them needs one kernel. Compiled in are the classes, the dtype, the objective's box, whether
loss and gradient are tested after each step, and the values that a user's function reads if it is compiled whole.

Which call needs which kernel, with the beginning of the kernel's file name in parentheses:

* `adamlab.minimize` with the numba backend and a rule that acts on coordinates: `run_kernels.advance_kernel`
  (``advance``, or ``watch`` if loss or gradient are tested after each step) takes the steps.
  `run_kernels.measure_kernel` (``measure``) computes loss, gradient length and distance to the nearest minimiser: at
  each point of a trace, at the end, and at the start if loss or gradient are tested. A user's functions are called
  there instead.
* The same with several threads on a large separable objective, if loss and gradient are not tested:
  `run_kernels.span_kernel` (``step``), by which each thread takes a share of a step.
* `adamlab.start`, and gradients that have to be called from Python: `run_kernels.span_kernel` takes one step with the
  given gradient.
* A rule that acts on vectors: `vector_run_kernels.advance_kernel_of_vector` (``advance``, ``watch``), and
  `vector_run_kernels.step_kernel_of_vector` (``step``) for one step with a given gradient.
* `adamlab.minimize_many` and sweeps (`adamlab.running.many.run_batch`), for two or more runs of a rule that acts on
  coordinates on the same objective, which must not be a user's: `many_run_kernels.lanes_kernel` (``lanes``,
  ``lanes-watching``) for a separable objective in not too many dimensions, else `many_run_kernels.one_by_one_kernel`
  (``each``, ``each-watching``). Other runs go through `adamlab.minimize` one by one.
* Noise, and random numbers of sampled objectives, for gradients that are called from Python, on any backend: the
  functions that `adamlab.compiler.random_numbers.add_noise` and `random_numbers.draws` compile.
* The floor of a step: the loops that `adamlab.measuring.floor` compiles (``floor``).

A user's gradient is compiled for one coordinate if it is elementwise (`adamlab.compiler.elementwise_gradients`);
otherwise it is compiled whole if theta has one axis. It is called from Python if Numba cannot compile it, if it reads
values that might change unnoticed, or if loss or gradient are tested after each step, because a user's value function
is never compiled. Rules that act on matrices are never compiled.

On disk a kernel is the file ``kernels/VERSION/NAME-HASH.kernel`` in the folder of
`adamlab.compiler.disk_cache.cache_root`:

* ``VERSION`` is the `adamlab.records.fingerprint.fingerprint` of `adamlab.compiler.run_kernels`, of the module in
  which the kernel is built, of the modules of the leaves or of a user's function, and of all that these import from
  their own package or folder. It covers the text of these files, comments included. For the loops of the floor, it is
  that of their module.
* ``NAME`` is the kind of kernel, the classes of optimizer and schedule, and the name of the problem's code.
* ``HASH`` is over the argument types, the processor and the versions of Numba and Python.

Folders that have not been used for ``KEPT_DAYS`` days are deleted when a new one is made. These are not kept on disk:

* kernels with a leaf or a user's function that is in no file (typed into a prompt or a notebook) or in ``__main__``;
* kernels with a lambda or a nested function that is compiled whole, or with a user's function that calls a jitted
  function;
* the functions that `adamlab.compiler.random_numbers` compiles for calls from Python;
* parts by themselves.

A kernel with a user's elementwise gradient is kept wherever the gradient was written, because a hash of its
operations is part of ``NAME``.

How a kernel is put together
----------------------------
`adamlab.compiler.run_kernels.advance_kernel` is the pattern; the others differ in what they loop over::

    while t < until and stopped == GOES_ON:
        t += 1
        c, carry = of_step(h, s, t, n_steps, carry)
        fill(env, t, theta, data, draws, gradient)
        for each block of coordinates:                        # sweep
            for each coordinate i of the block:
                g = slope(env, t, i, theta[i], row)
                theta[i], *state[i] = update(c, g, theta[i], *state[i])
                theta[i] = clip(theta[i])
        step_sq = sum_of_sums(...)
        stopped = step_ends(step_sq, ...), or else point_ends(loss, gradient_sq, ...)

* ``of_step`` is the optimizer's ``coefficients``, with its ``lr`` multiplied by the schedule's ``factor``, in float64
  (`run_kernels.coefficients_of_step`). Every ``FLUSH_EVERY`` steps subnormal numbers in ``carry`` are set to zero.
* ``fill`` is the gradient of an objective that is not separable: the leaf's ``gradient`` or ``sampled_gradient``, or
  a user's function (`objective_parts.fill_gradient`). For a separable objective it does nothing.
* ``slope`` is one coordinate of the gradient: computed by a separable leaf or a user's elementwise function, or taken
  from the array that ``fill`` has computed or the caller has given; then noise is added to it
  (`objective_parts.slope`, `random_numbers.noisy_coordinate`).
* ``update`` is the optimizer's ``update``, and ``clip`` moves theta into the objective's box (`objective_parts.clip`).
* The loop over blocks, with the sum of the squared movement, is `step_over_blocks.sweep_over_blocks`. It uses a
  second form of ``update`` without divisions where there is one (`exact_division.without_division`).
* ``step_ends`` and ``point_ends`` are `adamlab.rules.stopping.after_step` and `adamlab.rules.stopping.at_point`. Loss
  and gradient at the reported point come from `objective_parts.measure_at`.

What the problem contributes is described by an `objective_code.ObjectiveCode`, which `objective_code.code_of` makes.
Functions written for NumPy are rewritten and compiled by `numpy_semantics.in_numba` and `numpy_semantics.compile_part`.

The modules in reading order, from the kernel down to its parts, then the other kernels, then what surrounds a kernel:

* `adamlab.compiler.run_kernels`: kernels for one run of a rule that acts on coordinates.
* `adamlab.compiler.step_over_blocks`: one step over all coordinates, block by block.
* `adamlab.compiler.objective_code`: what of a problem is compiled, and what its kernels are called.
* `adamlab.compiler.objective_parts`: the parts of a kernel that come from the problem.
* `adamlab.compiler.elementwise_gradients`: a user's elementwise gradient, written down for one coordinate.
* `adamlab.compiler.parameters`: numbers of a leaf as a named tuple.
* `adamlab.compiler.random_numbers`: noise and draws.
* `adamlab.compiler.numpy_semantics`: NumPy's semantics in compiled code, and the functions that compile parts.
* `adamlab.compiler.inlining`: compilation of a part without optimising it by itself.
* `adamlab.compiler.array_access`: loads, stores and sums that LLVM can vectorise.
* `adamlab.compiler.exact_division`: multiplications that give the bits of a division.
* `adamlab.compiler.exp_tanh`: exp and tanh that can be vectorised.
* `adamlab.compiler.vector_run_kernels`: kernels for one run of a rule that acts on vectors.
* `adamlab.compiler.many_run_kernels`: kernels for many runs at once.
* `adamlab.compiler.disk_cache`: kernels on disk.
* `adamlab.compiler.compile_time`: the time spent on compilation, which is not part of a run's time.
* `adamlab.compiler.alignment`: arrays aligned for the loops.

Private and undocumented API
----------------------------
``requirements.lock`` pins the versions of Numba and llvmlite. `numba.njit` with its documented options and, in
`numba.extending`, ``intrinsic`` and ``overload`` are public. What else is used of the two libraries is listed here by
file, with what fails if a new version changes it. Benchmarks are those of ``benchmarks/suite``; ``make bench``
compares this commit with the main branch by them.

`inlining`
    Subclasses ``numba.core.codegen.JITCodeLibrary``: it overrides ``_optimize_final_module``,
    ``_finalize_final_module``, ``get_pointer_to_function`` and ``codegen``, and uses ``_codegen``, ``_finalized``,
    ``_ensure_finalized`` and ``_finalize_dynamic_globals``. Sets ``state.library`` in a ``pipeline_class`` made of
    ``CompilerBase`` and ``DefaultPassBuilder`` (``numba.core.compiler``). Assigns a subclass of
    ``numba.core.registry.CPUDispatcher`` as the class of a dispatcher. Options ``no_cpython_wrapper`` and
    ``no_cfunc_wrapper``. If one of these names is gone, the import or the first compilation fails, and with it every
    test of the numba backend, such as those of ``tests/test_bits.py``. If Numba no longer calls an overridden method,
    or ignores ``state.library``, kernels compute the same but take longer to compile. No test fails then; the
    benchmark ``programs.Compile.time_first_run`` shows it.
`numpy_semantics`, `run_kernels`, `many_run_kernels`
    Options ``_nrt`` (reference counting) and ``forceinline``, and the rule that a function inherits them from the
    caller that it is compiled for. An unknown option is a KeyError at the first compilation (``tests/test_bits.py``).
    An option that is ignored makes steps slower (benchmarks ``steps.Numba.time_steps`` and
    ``many.Many.time_run_batch``).
`array_access`, `exact_division`, `exp_tanh`, `numpy_semantics`
    Bodies of intrinsics: ``numba.core.cgutils`` (`array_access` only), methods of the lowering context
    (``make_array``, ``make_tuple``, ``cast``, ``get_data_type``, ``get_constant``, ``get_dummy_value``), and typed
    pointers of llvmlite's IR builder. A change is an error at the first compilation: ``tests/test_bits.py``,
    ``tests/test_exact_division.py``, ``tests/test_exp_tanh.py``.
`array_access`
    The ``alias.scope`` and ``noalias`` metadata of loads and stores, and ``alignstack`` among llvmlite's function
    attributes, which it writes only beside another attribute. If they no longer have an effect, results are the same
    but steps are slower. No test fails then; the benchmark ``steps.Numba.time_steps`` shows it, and for the metadata
    also ``instructions.Instructions.track_per_parameter``.
`elementwise_gradients`
    ``numba.core.compiler.run_frontend``, and classes and fields of ``numba.core.ir``. If an operation is represented
    differently, gradients with it no longer count as elementwise and are compiled whole or called, with the same
    result to rounding. A renamed class or field is an AttributeError. ``tests/test_elementwise_gradients.py`` fails
    in both cases.
`objective_code`
    ``numba.core.dispatcher.Dispatcher``, to recognise jitted functions that a user's gradient calls. If it is gone,
    the import fails, and every test of the numba backend. If it no longer is the class of jitted functions, such
    gradients are called from Python; no test has one.
`disk_cache`
    ``_Cache`` and ``CompileResultCacheImpl`` of ``numba.core.caching`` (``reduce``, ``rebuild``, ``check_cachable``),
    ``numba.core.serialize.dumps``, the dispatcher's ``_cache`` and ``targetctx``, ``magic_tuple`` of the code
    generator, ``refresh`` of the target context. Replaces the dispatcher's ``compile``. If Numba no longer uses the
    cache, each process compiles anew; if it no longer calls ``compile``, processes that start together all compile.
    Both fail in ``tests/test_kernels.py``. The version of Numba is part of the file name, so it never reads a file of
    another version.
`compile_time`
    Replaces the dispatcher's ``compile``. If Numba no longer calls it, compilation counts in the ``seconds`` of a
    run. No test measures that, but the tests of `disk_cache` depend on the same replacement.

`parameters`, `random_numbers`, `step_over_blocks`, `vector_run_kernels` and `alignment` use none. Outside this
package only `adamlab.measuring.floor` imports Numba, and uses its public API; ``tests/test_house.py`` allows no other
module of adamlab to.
"""
