"""Keep a machine's results outside the source's history: ``python benchmarks/keep.py <machine>``, or ``fetch``.

They lie on the branch `BRANCH`, which has no file and no commit in common with any other. A machine's files are added
to those that are there, as a commit of their own; neither the checkout nor its index is touched. ``fetch`` brings what
the branch holds into the results folder, where asv and the report `performance` find it. Pushing is up to you:
``git push origin asv-results``.
"""

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from adamlab.rules.symbols import ConfigurationError
from benchmarks.gate import RESULTS

ROOT = Path(__file__).resolve().parents[1]
BRANCH = "asv-results"


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Keep a machine's results, or fetch what is kept; returns the exit code."""
    try:
        if len(arguments) != 1:
            raise ConfigurationError(f"keep: takes a machine's name, or fetch; it is {' '.join(arguments)!r}")
        done = fetch(root) if arguments[0] == "fetch" else keep(root, arguments[0])
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    print(done)
    return 0


def keep(root: Path, machine: str) -> str:
    """Commit a machine's results to the branch; says in a sentence what was done."""
    folder = root / RESULTS
    if not (folder / machine / "machine.json").exists():
        known = ", ".join(sorted(path.parent.name for path in folder.glob("*/machine.json"))) or "none"
        raise ConfigurationError(f"keep: machine must be one with results in {RESULTS} ({known}); it is {machine!r}")
    with tempfile.TemporaryDirectory() as name:
        index = Path(name) / "index"
        tip = _tip(root)
        if tip:
            _git(root, "read-tree", tip, index=index)
        _git(
            root,
            "--work-tree",
            str(folder),
            "add",
            "--force",
            "--ignore-removal",
            machine,
            "benchmarks.json",
            index=index,
            at=folder,
        )
        tree = _git(root, "write-tree", index=index)
    if tip and tree == _git(root, "rev-parse", f"{tip}^{{tree}}"):
        return f"keep: {BRANCH} has all results of {machine}"
    files = len(list((folder / machine).glob("*.json"))) - 1
    parents = ["-p", tip] if tip else []
    commit = _git(root, "commit-tree", tree, *parents, "-m", f"Results of {machine}: {files} commits measured")
    _git(root, "update-ref", f"refs/heads/{BRANCH}", commit)
    return f"keep: {BRANCH} is at {commit[:12]}, with {files} commits measured on {machine}"


def fetch(root: Path) -> str:
    """Bring what is kept into the results folder; says in a sentence what was done."""
    tip = _tip(root)
    if not tip:
        raise ConfigurationError(f"keep: there is no branch {BRANCH} here (git fetch origin {BRANCH})")
    archive = subprocess.run(["git", "archive", tip], cwd=root, check=True, capture_output=True).stdout
    (root / RESULTS).mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(root / RESULTS, filter="data")
    return f"keep: {RESULTS} has what {BRANCH} holds"


def _tip(root: Path) -> str:
    """The branch's commit, here or as it was last fetched; empty if there is none."""
    found = (_git(root, "rev-parse", "--verify", "--quiet", name, check=False) for name in (BRANCH, f"origin/{BRANCH}"))
    return next(filter(None, found), "")


def _git(root: Path, *arguments: str, at: Path | None = None, index: Path | None = None, check: bool = True) -> str:
    line = ["git", f"--git-dir={root / '.git'}", *arguments]
    environment = {**os.environ, **({} if index is None else {"GIT_INDEX_FILE": str(index)})}
    done = subprocess.run(line, cwd=at or root, env=environment, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise ConfigurationError(f"keep: git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
