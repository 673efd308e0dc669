"""Identity of a run: a hash of its configuration and of the version of the code that runs it."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from adamlab.records.schema import Value


def run_id(configuration: Mapping[str, Value], algorithms: str) -> str:
    """Return the identity of a run.

    Parameters
    ----------
    configuration : mapping of str to value
        The resolved configuration by swept key.
    algorithms : str
        Version of the code that runs it (`adamlab.records.fingerprint.fingerprint`).

    Returns
    -------
    str
        20 hexadecimal digits. They do not depend on the machine, so two machines agree on which runs are the same.
    """
    return run_ids(configuration, {}, algorithms)[0]


def run_ids(fixed: Mapping[str, Value], varied: Mapping[str, Sequence[Value]], algorithms: str) -> list[str]:
    """Return the `run_id` of many runs that share a part of their configuration.

    Parameters
    ----------
    fixed : mapping of str to value
        What all runs share, by swept key.
    varied : mapping of str to sequence of value
        One value per run by swept key, all sequences of the same length. A key in both mappings is varied.
    algorithms : str
        Version of the code that runs them (`adamlab.records.fingerprint.fingerprint`).

    Returns
    -------
    list of str
        One identity per run; a single one if nothing is varied.

    Raises
    ------
    ValueError
        If the sequences differ in length.
    """
    names = sorted({**fixed, **varied})
    # The JSON text is assembled from parts, so that what all runs share is serialised only once.
    pieces: list[str] = ["["]
    for place, name in enumerate(names):
        pieces[-1] += ("{" if place == 0 else ", ") + _json(name) + ": "
        if name in varied:
            pieces.append("")
        else:
            pieces[-1] += _json(fixed[name])
    pieces[-1] += "}, " + _json(algorithms) + "]"
    columns = [map(_json, varied[name]) for name in names if name in varied]
    rests = ["".join(chain.from_iterable(zip(row, pieces[1:], strict=True))) for row in zip(*columns, strict=True)]
    begin = hashlib.sha256(pieces[0].encode())
    found = []
    for rest in rests if columns else [""]:
        digest = begin.copy()
        digest.update(rest.encode())
        found.append(digest.hexdigest()[:20])
    return found


def _json(value: Any) -> str:
    # For a finite float, ``repr`` gives the same text as ``json.dumps`` at a fraction of the cost.
    return repr(value) if type(value) is float and math.isfinite(value) else json.dumps(value, ensure_ascii=False)
