"""What came of a sweep, for those who asked for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class RunFailed(RuntimeError):
    """A run that raised; its record holds the message."""


@dataclass(frozen=True)
class Outcome:
    """How many runs failed; of a sweep of few runs also the record of each by its ``run_id``."""

    failed: int
    rows: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def loss(self, run_id: str) -> float:
        """A run's last loss, for a sweeper that seeks the least; raises `RunFailed` for one that failed."""
        row = self.rows[run_id]
        if row["status"] == "failed":
            raise RunFailed(row["error"])
        return float(row["loss"])
