"""Publish asv's measurements as a web page that needs no network: ``python benchmarks/page/publish.py``.

asv's own page loads eleven files from three hosts on every visit. This program installs them from npm once, in the
versions and with the hashes of package-lock.json, and stores them beside the page. Where no package has the version
that asv names, another package with the same functions is used (jquery.flot unminified, stupid-table-plugin for
stupidtable).
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from adamlab.rules.symbols import ConfigurationError

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PACKAGES, PAGE = ROOT / ".asv" / "page", ROOT / ".asv" / "html"
# Files that the page loads, by the last part of their address, and their places in the npm packages.
FILES = {
    "jquery-3.3.1.min.js": "jquery/dist/jquery.min.js",
    "jquery.flot.min.js": "jquery.flot/jquery.flot.js",
    "jquery.flot.time.min.js": "jquery.flot/jquery.flot.time.js",
    "jquery.flot.selection.min.js": "jquery.flot/jquery.flot.selection.js",
    "jquery.flot.categories.min.js": "jquery.flot/jquery.flot.categories.js",
    "jquery.flot.orderBars.js": "flot-orderbars/js/jquery.flot.orderBars.js",
    "stupidtable.min.js": "stupid-table-plugin/stupidtable.min.js",
    "md5.min.js": "blueimp-md5/js/md5.min.js",
    "bootstrap.min.js": "bootstrap/dist/js/bootstrap.min.js",
    "bootstrap.min.css": "bootstrap/dist/css/bootstrap.min.css",
}
_TAG = re.compile(
    r'(src|href)="https://[^"]+/(?P<name>[^/"]+\.(?:js|css))"(?: (?:integrity|crossorigin|referrerpolicy)="[^"]*")*'
)


def main() -> int:
    """Publish the page; return the exit code."""
    try:
        modules = packages()
        if subprocess.run([sys.executable, "-m", "asv", "publish"], cwd=ROOT, check=False).returncode:
            raise ConfigurationError("page: asv could not publish; first measure something (make bench)")
        beside(PAGE, modules)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"page: {PAGE / 'index.html'}; to look at it: asv preview")
    return 0


def packages() -> Path:
    """Return the folder of the npm packages; install them first if they are not those of the lock.

    Raises
    ------
    ConfigurationError
        If npm is missing or cannot install the packages.
    """
    if shutil.which("npm") is None:
        raise ConfigurationError("page: needs npm, for the JavaScript of asv's page")
    lock = HERE / "package-lock.json"
    if not _same(lock, PACKAGES / lock.name) or not (PACKAGES / "node_modules").is_dir():
        PACKAGES.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "package.json", PACKAGES)
        line = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        (PACKAGES / lock.name).write_bytes(lock.read_bytes())
        if subprocess.run(line, cwd=PACKAGES, check=False).returncode:
            shutil.rmtree(PACKAGES)
            raise ConfigurationError("page: npm could not install benchmarks/page/package-lock.json")
    return PACKAGES / "node_modules"


def _same(one: Path, other: Path) -> bool:
    return other.exists() and json.loads(one.read_bytes()) == json.loads(other.read_bytes())


def beside(page: Path, modules: Path) -> None:
    """Copy the files that a page loads from other hosts into its own folder, and rewrite its links.

    Parameters
    ----------
    page : Path
        The folder of asv's published page.
    modules : Path
        The folder of the npm packages.

    Raises
    ------
    ConfigurationError
        If the page loads a file that no package has.
    """
    (page / "vendor").mkdir(exist_ok=True)
    index = page / "index.html"
    text = _TAG.sub(lambda tag: f'{tag[1]}="vendor/{_vendored(page, modules, tag["name"])}"', index.read_text("utf-8"))
    shutil.copytree(modules / "bootstrap/dist/fonts", page / "fonts", dirs_exist_ok=True)
    index.write_text(text, encoding="utf-8")


def _vendored(page: Path, modules: Path, name: str) -> str:
    if name not in FILES:
        raise ConfigurationError(f"page: benchmarks/page knows no package for {name}, which this version of asv loads")
    shutil.copy(modules / FILES[name], page / "vendor" / name)
    return name


if __name__ == "__main__":
    sys.exit(main())
