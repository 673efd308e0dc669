"""The letters: what each is called, how papers write it, and which values it may take.

A leaf names its parameters with these annotations and is decorated with :func:`parameters`; the range
check below is the only one in the lab. A leaf that needs a letter of its own writes
``Annotated[float, Number("γ", "(0, inf)")]`` in place.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from numbers import Integral, Real
from typing import Annotated, Any, Protocol, TypeVar, cast, dataclass_transform, get_type_hints

import numpy as np
from numpy.typing import NDArray


class ConfigurationError(ValueError):
    """A value, name or file of the user's that the lab refuses, said in one sentence."""


class Symbol(Protocol):
    """What may stand for a parameter: its sign on paper, and the check that refuses the rest."""

    @property
    def sign(self) -> str:
        """As papers write it."""

    def check(self, owner: str, name: str, value: object) -> Any:
        """``value`` as it is stored, or `ConfigurationError`: ``owner`` and ``name`` say whose it is."""


@dataclass(frozen=True)
class Number:
    """A real or whole number from an interval written as in mathematics, such as ``[0, 1)`` or ``[1, 2^63)``."""

    sign: str
    allowed: str
    whole: bool = False

    def check(self, owner: str, name: str, value: object) -> Any:
        """Return ``value`` as a float (an int if ``whole``), or raise `ConfigurationError`."""
        kind = "a whole number" if self.whole else "a number"
        if isinstance(value, bool) or not isinstance(value, Real):
            raise ConfigurationError(f"{owner}: {name} must be {kind} in {self.allowed}; it is {value!r}")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not self._contains(number):
            raise ConfigurationError(f"{owner}: {name} must lie in {self.allowed}; it is {_plain(value)}")
        if not self.whole:
            return number
        if not number.is_integer():
            raise ConfigurationError(f"{owner}: {name} must be {kind} in {self.allowed}; it is {_plain(value)}")
        return int(cast(Any, value))

    def check_all(self, owner: str, name: str, values: NDArray[np.float64]) -> None:
        """`check` of an array of numbers: refuses the first that is out of range."""
        fits = self._contains(values) & (not self.whole or values == np.floor(values))
        if not np.all(fits):
            self.check(owner, name, values[~fits].flat[0].item())

    def _contains(self, number: Any) -> Any:
        low, high = (_bound(end) for end in self.allowed[1:-1].split(","))
        above = low <= number if self.allowed[0] == "[" else low < number
        below = number <= high if self.allowed[-1] == "]" else number < high
        return above & below


@dataclass(frozen=True)
class Family:
    """A whole number of the form that ``member``, which increases, gives for 1, 2, 3 ...; ``form`` says it in words."""

    sign: str
    form: str
    member: Callable[[int], int]

    def check(self, owner: str, name: str, value: object) -> int:
        """Return ``value`` as an int if it is of the form, or raise `ConfigurationError` with those nearest to it."""
        number = int(Number(self.sign, "[1, 2^63)", whole=True).check(owner, name, value))
        h = 1 + bisect_left(range(1, number + 1), number, key=self.member)
        if self.member(h) == number:
            return number
        nearest = " or ".join(str(self.member(k)) for k in (h - 1, h) if k)
        raise ConfigurationError(f"{owner}: {name} must be {self.form}, such as {nearest}; it is {number}")


@dataclass(frozen=True)
class Choice:
    """One of a few names."""

    sign: str
    allowed: tuple[str, ...]

    def check(self, owner: str, name: str, value: object) -> str:
        """Return ``value`` if it is one of the names, or raise `ConfigurationError`."""
        if value not in self.allowed:
            raise ConfigurationError(f"{owner}: {name} must be one of {', '.join(self.allowed)}; it is {value!r}")
        return str(value)


@dataclass(frozen=True)
class Pattern:
    """One finite number for every coordinate, or several that are repeated until ``dim`` is filled."""

    sign: str

    def check(self, owner: str, name: str, value: object) -> tuple[float, ...]:
        """Return the numbers as a tuple of floats, or raise `ConfigurationError`."""
        several = isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)
        numbers = tuple(value) if several else (value,)  # type: ignore[arg-type]
        if not numbers:
            raise ConfigurationError(f"{owner}: {name} must hold at least one number; it is empty")
        one = Number(self.sign, "(-inf, inf)")
        return tuple(one.check(owner, name, number) for number in numbers)


@dataclass(frozen=True)
class FunctionName:
    """A function in a module, written ``module:function``, or ``none`` where that is allowed."""

    or_none: bool = False
    sign: str = ""

    def check(self, owner: str, name: str, value: object) -> str:
        """Return ``value`` if it is written so, or raise `ConfigurationError`."""
        if self.or_none and value in (None, "none"):
            return "none"
        module, colon, function = str(value).partition(":")
        parts = [*module.split("."), function]
        if not (isinstance(value, str) and colon and all(part.isidentifier() for part in parts)):
            allowed = "module:function, such as my_module:f" + (", or none" if self.or_none else "")
            raise ConfigurationError(f"{owner}: {name} must be {allowed}; it is {value!r}")
        return value


def _bound(text: str) -> float:
    """The end of an interval as it is written: a number, or a power such as 2^63."""
    base, _, exponent = text.partition("^")
    return math.pow(float(base), float(exponent or 1))


def _plain(value: Real) -> str:
    """The number as one writes it, whatever type of number it is."""
    return repr(int(cast(Any, value)) if isinstance(value, Integral) else float(value))


LearningRate = Annotated[float, Number("α", "(0, inf)")]
Beta1 = Annotated[float, Number("β₁", "[0, 1)")]
Beta2 = Annotated[float, Number("β₂", "[0, 1)")]
Epsilon = Annotated[float, Number("ε", "[0, inf)")]
Momentum = Annotated[float, Number("μ", "[0, 1)")]
WeightDecay = Annotated[float, Number("λ", "[0, inf)")]

Dim = Annotated[int, Number("d", "[1, 2^63)", whole=True)]
PlaneDim = Annotated[int, Number("d", "[2, 2]", whole=True)]
Start = Annotated[float | Sequence[float], Pattern("θ₀")]
DType = Annotated[str, Choice("", ("float64", "float32"))]
Condition = Annotated[float, Number("κ", "[1, inf)")]
NoiseScale = Annotated[float, Number("σ", "[0, inf)")]
FinalShare = Annotated[float, Number("", "[0, 1]")]
Warmup = Annotated[int, Number("", "[0, 2^63)", whole=True)]
Batch = Annotated[int, Number("B", "[1, 2^31)", whole=True)]

N_STEPS = Number("T", "[1, 2^63)", whole=True)
TOLERANCE = Number("tol", "[0, inf)")
LOSS_TARGET = Number("", "[-inf, inf)")
SEED = Number("seed", "[0, 2^63)", whole=True)
BACKEND = Choice("", ("python", "numpy", "numba"))

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def parameters(cls: type[T]) -> type[T]:
    """Make a class of annotated fields a frozen, keyword-only dataclass that refuses values out of range.

    Numbers are stored as floats (whole numbers as ints), so that a record of them has one type. Raises
    `ConfigurationError` on construction, for example ``Adam: beta1 must lie in [0, 1); it is 1.5``. A rule that
    several fields must keep together stands in the class's own ``__post_init__``, which sees the numbers as stored;
    ``checks_together`` says whether there is one.
    """
    cls.checks_together = "__post_init__" in cls.__dict__  # type: ignore[attr-defined]
    together = cls.__dict__.get("__post_init__", lambda _: None)

    def check(self: T) -> None:
        for name, symbol in symbols(cast(Any, cls)).items():
            object.__setattr__(self, name, symbol.check(cls.__name__, name, getattr(self, name)))
        together(self)

    cls.__post_init__ = check  # type: ignore[attr-defined]
    return dataclass(frozen=True, kw_only=True)(cls)


@cache
def symbols(cls: Any) -> dict[str, Symbol]:
    """The symbol of each field of a class made by `parameters`, in order."""
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name].__metadata__[0] for field in fields(cls)}
