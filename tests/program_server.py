"""Run the programs of the repository in processes that are forked after everything slow has been imported.

A program spends a second on its imports; a test that runs one waits for a tenth of that. The arguments are the modules
to import. The server reads requests from standard input, a JSON list a line, and answers each with a line:

* ``["start", program, arguments, folder, environment, out, err]``: the process identifier of the program, which has
  its own working folder, environment and files for its output;
* ``["wait", pid]``: the program's exit code, negative for a signal, as `subprocess` has it.
"""

import gc
import importlib
import json
import os
import runpy
import sys


def main():
    for line in sys.stdin:
        kind, *request = json.loads(line)
        if kind == "wait":
            answer = os.waitstatus_to_exitcode(os.waitpid(request[0], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                return request
        print(answer, flush=True)
    return None


def become(program, arguments, folder, environment, out, err):
    """Be the program: nothing of the server is left but what it has imported."""
    for descriptor, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, out, os.O_WRONLY | os.O_CREAT),
        (2, err, os.O_WRONLY | os.O_CREAT),
    ):
        opened = os.open(path, flags)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    # It sets what the libraries of further processes read.
    sys.modules.pop("experiments.timing.one_thread", None)
    sys.argv = [program, *arguments]
    sys.path[0] = os.path.dirname(program)  # noqa: PTH120 -- text, as Python puts it there
    runpy.run_path(program, run_name="__main__")


def warm_up():
    """Do what every program does once and what is no use of Polars, whose threads do not survive a fork."""
    Plugins.instance()
    cpu_target.target_context.refresh()
    cpu_target.typing_context.refresh()
    fingerprint(*ALGORITHMS)


for module in sys.argv[1:]:
    importlib.import_module(module)

from hydra.core.plugins import Plugins  # noqa: E402 -- some programs must import other things first
from numba.core.registry import cpu_target  # noqa: E402

from adamlab.records.fingerprint import fingerprint  # noqa: E402
from experiments.sweeping.configuration import ALGORITHMS  # noqa: E402

warm_up()
# What has been imported is no garbage, and looking at it would copy it into each fork.
gc.collect()
gc.freeze()
chosen = main()
if chosen is not None:
    become(*chosen)
