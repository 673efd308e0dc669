"""Merge the record files of a study into few: ``python experiments/merge.py [study=<name>] [results=<folder>]``.

Without ``study``, every study in the folder is merged.
"""

import sys
from pathlib import Path

from adamlab.records.merging import merge
from adamlab.records.options import chosen_options
from adamlab.rules.symbols import ConfigurationError

DEFAULTS = {"study": "", "results": "results"}


def main(arguments: list[str]) -> int:
    """Merge the studies that the arguments name.

    Parameters
    ----------
    arguments : list of str
        The arguments of the command line, such as ``study=default``.

    Returns
    -------
    int
        The exit code: 0, or 2 with one sentence on standard error for a wrong argument, a study without
        records, or a file that cannot be read or written.
    """
    try:
        options = chosen_options("merge", arguments, DEFAULTS)
        results = Path(options["results"])
        studies = (
            [options["study"]] if options["study"] else sorted(path.parent.name for path in results.glob("*/runs"))
        )
        for study in studies:
            if not (results / study / "runs").is_dir():
                raise ConfigurationError(f"merge: there are no records of runs in {results / study}")
            before, after = merge(results, study)
            print(f"{study}: merged {before:,} files of runs into {after:,}")
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"merge: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
