"""Names, mathematical signs and allowed ranges of hyperparameters.

A leaf annotates its fields with the types defined here and is decorated with `parameters`. The check of ranges below
is the only one in adamlab. A leaf that needs a parameter of its own writes its annotation in place, such as
``Annotated[float, Number("γ", "(0, inf)")]``.
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
    """Error for a value, name or file that is not accepted; its message says why in one sentence."""


class Symbol(Protocol):
    """Protocol of a parameter's annotation: its mathematical sign, and the check of its values."""

    @property
    def sign(self) -> str:
        """Mathematical sign of the parameter in papers, such as ``α``."""

    def check(self, owner: str, name: str, value: object) -> Any:
        """Return ``value`` in the form in which it is stored.

        Parameters
        ----------
        owner : str
            The class or function that the parameter belongs to, for the message.
        name : str
            The parameter's name, for the message.
        value : object
            The value to check.

        Returns
        -------
        object
            The value, converted to the parameter's type.

        Raises
        ------
        ConfigurationError
            If the value is not allowed.
        """


@dataclass(frozen=True)
class Number:
    """A real or whole number from an interval.

    Attributes
    ----------
    sign : str
        Mathematical sign of the parameter in papers, such as ``α``.
    allowed : str
        The interval in mathematical notation, such as ``[0, 1)`` or ``[1, 2^63)``.
    whole : bool
        Whether the number must be whole.
    """

    sign: str
    allowed: str
    whole: bool = False

    def check(self, owner: str, name: str, value: object) -> Any:
        """Return ``value`` as a float (an int if ``whole``), or raise `ConfigurationError`; see `Symbol.check`."""
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
        """Check an array of numbers.

        Parameters
        ----------
        owner : str
            The class or function that the parameter belongs to, for the message.
        name : str
            The parameter's name, for the message.
        values : ndarray of float64
            The values to check.

        Raises
        ------
        ConfigurationError
            For the first value that is not allowed.
        """
        fits = self._contains(values) & (not self.whole or values == np.floor(values))
        if not np.all(fits):
            self.check(owner, name, values[~fits].flat[0].item())

    def _contains(self, number: Any) -> Any:
        """Return whether a number, or each number of an array, lies in the interval."""
        low, high = (_bound(end) for end in self.allowed[1:-1].split(","))
        above = low <= number if self.allowed[0] == "[" else low < number
        below = number <= high if self.allowed[-1] == "]" else number < high
        return above & below


@dataclass(frozen=True)
class Family:
    """A whole number from an increasing sequence, such as the possible numbers of parameters of a network.

    Attributes
    ----------
    sign : str
        Mathematical sign of the parameter in papers, such as ``α``.
    form : str
        A description of the numbers in words, for the message.
    member : callable
        A function that returns the allowed numbers for 1, 2, 3, ... and increases.
    """

    sign: str
    form: str
    member: Callable[[int], int]

    def check(self, owner: str, name: str, value: object) -> int:
        """Return ``value`` as an int, or raise `ConfigurationError` naming the nearest numbers; see `Symbol.check`."""
        number = int(Number(self.sign, "[1, 2^63)", whole=True).check(owner, name, value))
        h = 1 + bisect_left(range(1, number + 1), number, key=self.member)
        if self.member(h) == number:
            return number
        nearest = " or ".join(str(self.member(k)) for k in (h - 1, h) if k)
        raise ConfigurationError(f"{owner}: {name} must be {self.form}, such as {nearest}; it is {number}")


@dataclass(frozen=True)
class Choice:
    """One of a few names.

    Attributes
    ----------
    sign : str
        Mathematical sign of the parameter in papers, such as ``α``.
    allowed : tuple of str
        The names that are allowed.
    """

    sign: str
    allowed: tuple[str, ...]

    def check(self, owner: str, name: str, value: object) -> str:
        """Return ``value`` if it is one of the names, or raise `ConfigurationError`; see `Symbol.check`."""
        if value not in self.allowed:
            raise ConfigurationError(f"{owner}: {name} must be one of {', '.join(self.allowed)}; it is {value!r}")
        return str(value)


@dataclass(frozen=True)
class Pattern:
    """One finite number for all coordinates, or several numbers that are repeated to fill ``dim``.

    Attributes
    ----------
    sign : str
        Mathematical sign of the parameter in papers, such as ``α``.
    """

    sign: str

    def check(self, owner: str, name: str, value: object) -> tuple[float, ...]:
        """Return the numbers as a tuple of floats, or raise `ConfigurationError`; see `Symbol.check`."""
        several = isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)
        numbers = tuple(value) if several else (value,)  # type: ignore[arg-type]
        if not numbers:
            raise ConfigurationError(f"{owner}: {name} must hold at least one number; it is empty")
        one = Number(self.sign, "(-inf, inf)")
        return tuple(one.check(owner, name, number) for number in numbers)


@dataclass(frozen=True)
class FunctionName:
    """The name of a function in a module, written ``module:function``.

    Attributes
    ----------
    or_none : bool
        Whether ``none`` is allowed too.
    sign : str
        Mathematical sign of the parameter in papers, such as ``α``.
    """

    or_none: bool = False
    sign: str = ""

    def check(self, owner: str, name: str, value: object) -> str:
        """Return ``value`` if it has the form of such a name, or raise `ConfigurationError`; see `Symbol.check`."""
        if self.or_none and value in (None, "none"):
            return "none"
        module, colon, function = str(value).partition(":")
        parts = [*module.split("."), function]
        if not (isinstance(value, str) and colon and all(part.isidentifier() for part in parts)):
            allowed = "module:function, such as my_module:f" + (", or none" if self.or_none else "")
            raise ConfigurationError(f"{owner}: {name} must be {allowed}; it is {value!r}")
        return value


def _bound(text: str) -> float:
    """Return the number that stands at the end of an interval: a plain number, or a power such as ``2^63``."""
    base, _, exponent = text.partition("^")
    return math.pow(float(base), float(exponent or 1))


def _plain(value: Real) -> str:
    """Return a number as text in Python's plain notation, whatever its type."""
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
    """Make a class of annotated fields a frozen, keyword-only dataclass that checks its values.

    Parameters
    ----------
    cls : type
        A class whose fields are annotated with a `Symbol`.

    Returns
    -------
    type
        The dataclass. Its constructor raises `ConfigurationError` for a value out of range, for example
        ``Adam: beta1 must lie in [0, 1); it is 1.5``.

    Notes
    -----
    Numbers are stored as floats and whole numbers as ints, so that a record of them has one type. A condition on
    several fields together is written in the class's own ``__post_init__``, which is called after the checks and sees
    the numbers as stored. The class attribute ``checks_together`` tells whether the class has such a method.
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
    """Return the symbol of each field of a class made by `parameters`.

    Parameters
    ----------
    cls : type
        A class made by `parameters`.

    Returns
    -------
    dict of str to Symbol
        The symbols by the name of the field, in the order of the fields.
    """
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name].__metadata__[0] for field in fields(cls)}
