"""Store a machine's asv results on a git branch of their own: ``python benchmarks/keep.py <machine>``, or ``fetch``.

The branch `BRANCH` shares no file and no commit with any other branch. ``<machine>`` adds the machine's result files to
those on the branch in one new commit; it changes neither the working tree nor the index. ``fetch`` copies the files of
the branch into the results folder, where asv and the report `reports.performance` read them. Pushing is left to the
user: ``git push origin asv-results``.
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
    """Store a machine's results on the branch, or fetch all stored results.

    Parameters
    ----------
    arguments : list of str
        A machine's name, or ``fetch``.
    root : Path
        Root folder of the repository.

    Returns
    -------
    int
        Exit code: 0, or 2 if that is not possible; the reason goes to standard error.
    """
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
    """Commit a machine's result files to the branch.

    Parameters
    ----------
    root : Path
        Root folder of the repository.
    machine : str
        The machine's name.

    Returns
    -------
    str
        A sentence that reports what was done.

    Raises
    ------
    ConfigurationError
        If the machine has no results, or git fails.
    """
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
    """Copy the files of the branch into the results folder.

    Parameters
    ----------
    root : Path
        Root folder of the repository.

    Returns
    -------
    str
        A sentence that reports what was done.

    Raises
    ------
    ConfigurationError
        If there is no such branch, neither here nor on origin as last fetched.
    """
    tip = _tip(root)
    if not tip:
        raise ConfigurationError(f"keep: there is no branch {BRANCH} here (git fetch origin {BRANCH})")
    archive = subprocess.run(["git", "archive", tip], cwd=root, check=True, capture_output=True).stdout
    (root / RESULTS).mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(root / RESULTS, filter="data")
    return f"keep: {RESULTS} has what {BRANCH} holds"


def _tip(root: Path) -> str:
    """Return the hash of the branch's last commit, here or on origin as last fetched; empty if there is none."""
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
