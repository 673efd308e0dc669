"""The identity of a run: a hash of its configuration and of the code that runs it."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from adamlab.records.schema import Value


def run_id(configuration: Mapping[str, Value], algorithms: str) -> str:
    """The identity of a run (20 hex digits): its resolved configuration and the version of the code that runs it.

    Nothing of the machine enters, so two machines agree on what is the same run.
    """
    return run_ids(configuration, {}, algorithms)[0]


def run_ids(fixed: Mapping[str, Value], varied: Mapping[str, Sequence[Value]], algorithms: str) -> list[str]:
    """The `run_id` of many runs that have ``fixed`` in common; ``varied`` has the values of each run by key."""
    names = sorted({**fixed, **varied})
    # JSON, put together from its parts: a key that all runs agree on is written once.
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
    # What JSON writes for a finite number, at a fraction of the cost.
    return repr(value) if type(value) is float and math.isfinite(value) else json.dumps(value, ensure_ascii=False)
