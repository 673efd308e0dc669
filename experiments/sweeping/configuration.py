"""Check a composed configuration and build from it what is run, with its numbers listed by swept key."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from adamlab.records.fingerprint import fingerprint
from adamlab.records.identity import run_id
from adamlab.records.schema import Value
from adamlab.rules.registry import refuse_unknown
from adamlab.rules.stopping import Stopping
from adamlab.rules.symbols import BACKEND, N_STEPS, SEED, ConfigurationError, symbols
from adamlab.running.checks import check_objective, check_schedule
from adamlab.running.trace import TRACE_KIND, TRACE_POINTS

# Modules on which a run's result depends besides its leaves and what those import.
ALGORITHMS = (
    "adamlab.running.minimize",
    "adamlab.running.backends",
    "adamlab.compiler.run_kernels",
    "adamlab.running.many",
)
_GROUPS = ("optimizer", "objective", "noise", "schedule", "trace")
_STOPPING = ("tol", "grad_tol", "loss_target")
_SETTINGS = (*_GROUPS, "dim", "n_steps", *_STOPPING, "seed", "dtype", "backend")
_PLACES = ("results", "study_name")
# Keys that say how the program treats a run; they do not describe the run itself.
_MANNER = ("resume", "dry_run")


@dataclass(frozen=True)
class Configuration:
    """One run, checked and ready to be executed.

    Attributes
    ----------
    keys : mapping of str to value
        The resolved configuration by swept key (``optimizer``, ``optimizer.lr``, ``dim``, ...), as its record holds
        it.
    modules : tuple of str
        The modules whose source code determines the result.
    algorithms : str
        Hash of that source code (`adamlab.records.fingerprint.fingerprint`).
    optimizer, objective, schedule : leaf
        Instances of the classes in ``adamlab.optimizers``, ``adamlab.objectives`` and ``adamlab.schedules``.
    noise : leaf or None
        Instance of a class in ``adamlab.noises``; None for ``noise=none``.
    n_steps : int
        Largest number of steps.
    stopping : Stopping
        The stopping rules ``tol``, ``grad_tol`` and ``loss_target``.
    seed : int
        Seed of the run's random numbers.
    backend : str
        ``"python"``, ``"numpy"`` or ``"numba"``.
    trace : str
        Which steps the trace keeps: ``"log"``, ``"every"`` or ``"none"``.
    trace_points : int
        About how many steps the trace keeps if it is ``"log"``.
    results : Path
        Root folder of the records.
    study : str
        Name of the study.
    resume : bool
        Whether to skip runs that are recorded already.
    dry_run : bool
        Whether to describe the sweep instead of running it.
    """

    keys: Mapping[str, Value]
    modules: tuple[str, ...]
    algorithms: str
    optimizer: Any
    objective: Any
    noise: Any
    schedule: Any
    n_steps: int
    stopping: Stopping
    seed: int
    backend: str
    trace: str
    trace_points: int
    results: Path
    study: str
    resume: bool
    dry_run: bool

    @property
    def run_id(self) -> str:
        """The identity of the run in the records."""
        return run_id(self.keys, self.algorithms)


def configured(tree: Mapping[str, Any], program: str, more: Sequence[str] = ()) -> Configuration:
    """Check a resolved configuration and build the run that it describes.

    Parameters
    ----------
    tree : mapping
        The resolved configuration as nested mappings.
    program : str
        The program's name, for error messages.
    more : sequence of str
        Root keys that only this program has.

    Returns
    -------
    Configuration

    Raises
    ------
    ConfigurationError
        For a key that is missing or unknown, and for a value that is not allowed.
    """
    allowed = (*_SETTINGS, *_PLACES, *_MANNER, *more)
    refuse_unknown(program, tree, allowed)
    for name in allowed:
        if name not in tree:
            raise ConfigurationError(f"{program}: {name} must be given")
    optimizer = build("optimizer", tree["optimizer"])
    objective = build("objective", tree["objective"], dim=tree["dim"], dtype=tree["dtype"])
    noise, schedule = build("noise", tree["noise"]), build("schedule", tree["schedule"])
    refuse_unknown("trace", tree["trace"], ("name", "points"))
    stopping = Stopping(**{name: tree[name] for name in _STOPPING})
    numbers: dict[str, Any] = {
        "n_steps": N_STEPS.check(program, "n_steps", tree["n_steps"]),
        **{name: getattr(stopping, name) for name in _STOPPING},
        "seed": SEED.check(program, "seed", tree["seed"]),
        "backend": BACKEND.check(program, "backend", tree["backend"]),
        "trace": TRACE_KIND.check(program, "trace", tree["trace"].get("name")),
        "trace.points": TRACE_POINTS.check("trace", "points", tree["trace"].get("points")),
    }
    check_objective(objective)
    check_schedule(program, optimizer, schedule)
    results, study = results_and_study(program, tree)
    keys = {
        **keys_of("optimizer", optimizer),
        **{key: value for key, value in keys_of("objective", objective).items() if key not in _OBJECTIVE_SETTINGS},
        **keys_of("noise", noise),
        **keys_of("schedule", schedule),
        "dim": objective.dim,
        "dtype": objective.dtype,
        **numbers,
    }
    leaves = (optimizer, objective, noise, schedule)
    own = (type(leaf).__module__ for leaf in leaves if leaf is not None)
    modules = (*ALGORITHMS, *own, *getattr(objective, "modules", ()))
    return Configuration(
        keys=keys,
        modules=modules,
        algorithms=fingerprint(*modules),
        optimizer=optimizer,
        objective=objective,
        noise=noise,
        schedule=schedule,
        n_steps=numbers["n_steps"],
        stopping=stopping,
        seed=numbers["seed"],
        backend=numbers["backend"],
        trace=numbers["trace"],
        trace_points=numbers["trace.points"],
        results=results,
        study=study,
        **{name: _yes_or_no(program, name, tree[name]) for name in _MANNER},
    )


def results_and_study(program: str, tree: Mapping[str, Any] | DictConfig) -> tuple[Path, str]:
    """Return the root folder of the records and the study's name.

    Parameters
    ----------
    program : str
        The program's name, for error messages.
    tree : mapping or DictConfig
        The configuration, with the keys ``results`` and ``study_name``.

    Returns
    -------
    tuple of (Path, str)

    Raises
    ------
    ConfigurationError
        If one of them is missing, or is not a path or a plain folder name.
    """
    for name in _PLACES:
        if name not in tree:
            raise ConfigurationError(f"{program}: {name} must be given")
    return Path(_text(program, "results", tree["results"])), _folder_name(program, tree["study_name"])


_OBJECTIVE_SETTINGS = ("objective.dim", "objective.dtype")


def build(group: str, node: Any, **settings: Any) -> Any:
    """Build the leaf that a node of the configuration describes; only classes in ``adamlab.<group>s`` are allowed.

    Parameters
    ----------
    group : str
        ``"optimizer"``, ``"objective"``, ``"noise"`` or ``"schedule"``.
    node : mapping
        ``_target_``, the dotted name of the class, and its parameters.
    **settings
        Parameters that come from the root of the configuration instead of the node, such as ``dim``.

    Returns
    -------
    leaf or None
        None for a noise without ``_target_``, that is ``noise=none``.

    Raises
    ------
    ConfigurationError
        For another class, and for a parameter that is missing, unknown or out of range.
    """
    if not isinstance(node, Mapping):
        raise ConfigurationError(f"{group}: must be one of the files in conf/{group}; it is {node!r}")
    if group == "noise" and node.get("_target_") is None:
        refuse_unknown("noise", [name for name in node if name != "_target_"], ())
        return None
    cls = _leaf_class(group, node.get("_target_"))
    # The root's ``dim`` defaults to the objective's by interpolation and is passed back in ``settings``.
    given = {name: value for name, value in node.items() if name not in ("_target_", "dim")}
    names = [field.name for field in fields(cls)]
    refuse_unknown(cls.__name__, given, [name for name in names if name not in settings])
    for field in fields(cls):
        if field.name not in given | settings and field.default is MISSING:
            raise ConfigurationError(f"{cls.__name__}: {group}.{field.name} must be given")
    return cls(**given, **settings)


def _leaf_class(group: str, target: Any) -> Any:
    package = f"adamlab.{group}s"
    module, _, name = str(target).rpartition(".")
    if not module.startswith(package + "."):
        raise ConfigurationError(f"{group}: _target_ must name a class in {package}; it is {target!r}")
    try:
        cls = getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError:
        cls = None
    if not (isinstance(cls, type) and cls.__module__ == module and is_dataclass(cls)):
        raise ConfigurationError(f"{group}: _target_ must name a class in {package}; there is no {target}")
    return cls


def keys_of(group: str, leaf: Any) -> dict[str, Value]:
    """Return a leaf by swept key: the name of its file, and each of its parameters.

    Parameters
    ----------
    group : str
        The config group, such as ``"optimizer"``.
    leaf : leaf or None
        None is recorded under the name ``none``.

    Returns
    -------
    dict of str to value
        Such as ``{"optimizer": "adam", "optimizer.lr": 0.01, ...}``.
    """
    if leaf is None:
        return {group: "none"}
    name = type(leaf).__module__.rpartition(".")[2]
    return {group: name, **{f"{group}.{field}": getattr(leaf, field) for field in symbols(leaf.__class__)}}


def _yes_or_no(program: str, name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{program}: {name} must be true or false; it is {value!r}")
    return value


def _text(program: str, name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{program}: {name} must be a path; it is {value!r}")
    return value


def _folder_name(program: str, value: Any) -> str:
    if not isinstance(value, str) or not value or value.startswith(".") or "/" in value:
        raise ConfigurationError(f"{program}: study_name must be a plain name for a folder; it is {value!r}")
    return value
