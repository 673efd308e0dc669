"""How Numba compiles a function that is only ever part of a kernel: to be inlined, not to be called from Python.

By itself Numba optimises each function that another one calls, makes machine code of it and an entry for Python, and
then inlines and optimises it once more in its caller: two thirds of the time that a kernel takes to compile. A part is
left as it comes; what becomes of it is settled in the kernel.
"""

from collections.abc import Callable
from typing import Any

import numba
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.registry import CPUDispatcher


class _PartLibrary(JITCodeLibrary):  # type: ignore[misc]  # Numba carries no types
    """Code to be linked into other code, neither optimised nor made executable."""

    def _optimize_final_module(self) -> None:
        """Left to the kernel."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:  # noqa: ARG002 -- Numba's signature
        """There is no machine code."""
        self._ensure_finalized()
        return 0

    @property
    def codegen(self) -> Any:
        """The code generator, for which there is nothing to set at run time, as for code that is loaded from disk."""
        return _WithoutEnvironment(self._codegen)


class _WithoutEnvironment:
    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)

    def set_env(self, env_name: str, env: Any) -> None:
        """The code is not in memory."""


class _PartCompiler(CompilerBase):  # type: ignore[misc]
    def define_pipelines(self) -> list[Any]:
        state = self.state
        state.library = _PartLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        return [DefaultPassBuilder.define_nopython_pipeline(state)]


# For the ``jit_options`` of `numba.extending.overload`.
AS_PART: dict[str, Any] = {"pipeline_class": _PartCompiler, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


class _Part(CPUDispatcher):  # type: ignore[misc]
    """A part, which has no code that Python could call."""

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise TypeError(f"{self.__name__}: must be called by compiled code; it is part of a kernel")


def part(function: Callable[..., Any], **options: Any) -> Any:
    """Compile ``function``, with options of `numba.njit`, for other compiled code to call."""
    compiled = numba.njit(**options, **AS_PART)(function)
    compiled.__class__ = _Part
    return compiled
