"""Compilation of parts: functions that are only inlined into kernels and never called from Python.

For each jitted function that another one calls, Numba by default optimises the function's LLVM module, generates
machine code and a wrapper for Python, and then inlines and optimises the function once more in its caller. That takes
two thirds of a kernel's compile time. A part is only lowered to LLVM code; it is optimised, and turned into machine
code, together with the kernel that it is linked into.
"""

from collections.abc import Callable
from typing import Any

import numba
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.registry import CPUDispatcher


class _PartLibrary(JITCodeLibrary):  # type: ignore[misc]  # Numba carries no types
    """LLVM code to be linked into other code; its module is not optimised and not turned into machine code."""

    def _optimize_final_module(self) -> None:
        """Do nothing: the part is optimised with the kernel."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:  # noqa: ARG002 -- Numba's signature
        """Return 0, the null pointer: a part has no machine code."""
        self._ensure_finalized()
        return 0

    @property
    def codegen(self) -> Any:
        """Return the code generator, with a ``set_env`` that does nothing."""
        return _WithoutEnvironment(self._codegen)


class _WithoutEnvironment:
    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)

    def set_env(self, env_name: str, env: Any) -> None:
        """Do nothing: a part has no address in memory at which an environment could be set."""


class _PartCompiler(CompilerBase):  # type: ignore[misc]
    def define_pipelines(self) -> list[Any]:
        state = self.state
        state.library = _PartLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        return [DefaultPassBuilder.define_nopython_pipeline(state)]


# Options of `numba.njit` that make a function a part; also the ``jit_options`` of `numba.extending.overload`.
AS_PART: dict[str, Any] = {"pipeline_class": _PartCompiler, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


class _Part(CPUDispatcher):  # type: ignore[misc]
    """A dispatcher that refuses calls from Python, because a part has no machine code."""

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise TypeError(f"{self.__name__}: must be called by compiled code; it is part of a kernel")


def part(function: Callable[..., Any], **options: Any) -> Any:
    """Compile a function for other compiled code to call.

    Parameters
    ----------
    function : callable
        The function, in Python that Numba can compile.
    **options
        Options of `numba.njit`.

    Returns
    -------
    numba dispatcher
        The part; a call from Python raises TypeError.
    """
    compiled = numba.njit(**options, **AS_PART)(function)
    compiled.__class__ = _Part
    return compiled
