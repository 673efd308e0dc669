"""What asv.conf.json does to asv's environment: ``environment.py install <lock>`` and ``environment.py remove``.

Runs in that environment, whose pip and packages it means.
"""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

PACKAGES = ("adamlab", "hydra_plugins")


def install(lock: Path) -> None:
    """Install what the lock names, by hash, once for each version of it."""
    mark = Path(sys.prefix) / "installed.lock"
    if mark.exists() and mark.read_bytes() == lock.read_bytes():
        return
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    subprocess.run([*pip, "-r", lock], cwd=sys.prefix, check=True)
    shutil.copy(lock, mark)


def remove() -> None:
    """Remove the folders that pip has uninstalled: it leaves what it did not install, and that can be imported."""
    for name in PACKAGES:
        shutil.rmtree(Path(sysconfig.get_path("purelib")) / name, ignore_errors=True)


if __name__ == "__main__":
    install(Path(sys.argv[2])) if sys.argv[1] == "install" else remove()
