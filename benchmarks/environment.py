"""Install and remove packages in asv's environment: ``environment.py install <lock>`` and ``environment.py remove``.

asv.conf.json runs this program with the Python of asv's environment, so it acts on the packages of that environment.
"""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

PACKAGES = ("adamlab", "hydra_plugins")


def install(lock: Path) -> None:
    """Install the packages of a lock file, checked by hash, unless this version of the lock is installed already.

    Parameters
    ----------
    lock : Path
        A requirements file with versions and hashes.
    """
    mark = Path(sys.prefix) / "installed.lock"
    if mark.exists() and mark.read_bytes() == lock.read_bytes():
        return
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    subprocess.run([*pip, "-r", lock], cwd=sys.prefix, check=True)
    shutil.copy(lock, mark)


def remove() -> None:
    """Delete the folders of `PACKAGES`.

    ``pip uninstall`` leaves files that pip did not install, and what is left of a package can still be imported.
    """
    for name in PACKAGES:
        shutil.rmtree(Path(sysconfig.get_path("purelib")) / name, ignore_errors=True)


if __name__ == "__main__":
    install(Path(sys.argv[2])) if sys.argv[1] == "install" else remove()
