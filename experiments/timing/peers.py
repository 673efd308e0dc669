"""Look up the peers in ``benchmarks/peers`` by name; the folder is the registry."""

import hashlib
import importlib
import pkgutil
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import benchmarks.peers
from adamlab.rules.registry import nearest
from adamlab.rules.symbols import ConfigurationError


def peers(names: Iterable[str]) -> list[ModuleType]:
    """Return the modules of some peers, whether they can run here or not.

    Parameters
    ----------
    names : iterable of str
        Names of files in ``benchmarks/peers``.

    Returns
    -------
    list of module

    Raises
    ------
    ConfigurationError
        For a name that is not known.
    """
    known = [module.name for module in pkgutil.iter_modules(benchmarks.peers.__path__)]
    for name in names:
        if name not in known:
            raise ConfigurationError(f"peers: must be among {', '.join(known)}; it is {name!r}{nearest(name, known)}")
    return [importlib.import_module(f"benchmarks.peers.{name}") for name in names]


def short(peer: ModuleType) -> str:
    """Return a peer's name, such as ``rust_seed``.

    Parameters
    ----------
    peer : module
        The peer.

    Returns
    -------
    str
    """
    return peer.__name__.rpartition(".")[2]


def identity(peer: ModuleType) -> str:
    """Return what a timing of a peer depends on: its version, and a hash of our files for it.

    Parameters
    ----------
    peer : module
        The peer.

    Returns
    -------
    str
    """
    digest = hashlib.sha256()
    for file in sorted(Path(str(peer.__file__)).parent.glob(f"{short(peer)}.*")):
        digest.update(file.read_bytes())
    return f"{peer.version()}, {digest.hexdigest()[:12]}"


def present(chosen: Iterable[ModuleType], offer: str) -> list[ModuleType]:
    """Return the peers that offer a function and can run here; print for each other one why it is left out.

    Parameters
    ----------
    chosen : iterable of module
        The peers.
    offer : str
        Name of the function, such as ``implementations`` or ``namesakes``.

    Returns
    -------
    list of module
    """
    found = []
    for peer in chosen:
        reason = peer.missing() if hasattr(peer, offer) else f"it has no {offer}"
        if reason is None:
            found.append(peer)
        else:
            print(f"{short(peer)}: left out, because {reason}")
    return found


def origins(chosen: Iterable[ModuleType]) -> dict[str, str]:
    """Return each peer's version, or the reason why it cannot run here, for the provenance.

    Parameters
    ----------
    chosen : iterable of module
        The peers.

    Returns
    -------
    dict of str to str
        By the peer's name.
    """
    return {short(peer): peer.missing() or peer.version() for peer in chosen}
