"""The peers of ``benchmarks/peers`` by name; the folder is the registry."""

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
    """The modules of these names, whether they can run here or not; raises `ConfigurationError` for an unknown one."""
    known = [module.name for module in pkgutil.iter_modules(benchmarks.peers.__path__)]
    for name in names:
        if name not in known:
            raise ConfigurationError(f"peers: must be among {', '.join(known)}; it is {name!r}{nearest(name, known)}")
    return [importlib.import_module(f"benchmarks.peers.{name}") for name in names]


def short(peer: ModuleType) -> str:
    """A peer's own name."""
    return peer.__name__.rpartition(".")[2]


def identity(peer: ModuleType) -> str:
    """A peer's version and a hash of our own files for it: what a timing of it depends on."""
    digest = hashlib.sha256()
    for file in sorted(Path(str(peer.__file__)).parent.glob(f"{short(peer)}.*")):
        digest.update(file.read_bytes())
    return f"{peer.version()}, {digest.hexdigest()[:12]}"


def present(chosen: Iterable[ModuleType], offer: str) -> list[ModuleType]:
    """Those that have the function ``offer`` and can run here; prints why each other one is left out."""
    found = []
    for peer in chosen:
        reason = peer.missing() if hasattr(peer, offer) else f"it has no {offer}"
        if reason is None:
            found.append(peer)
        else:
            print(f"{short(peer)}: left out, because {reason}")
    return found


def origins(chosen: Iterable[ModuleType]) -> dict[str, str]:
    """For the provenance: each peer's version, or why it was left out."""
    return {short(peer): peer.missing() or peer.version() for peer in chosen}
