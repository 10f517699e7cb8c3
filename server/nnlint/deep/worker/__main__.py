"""Starts a side of the worker.

python -I -S -B -X utf8 FOLDER REQUEST_FD ANSWER_FD             the supervisor, which nnlint starts
python -B -X utf8 FOLDER REQUEST_FD ANSWER_FD LIFELINE_FD       the runner, which the supervisor starts

Whatever Python is named starts this file, so it is written for all of them.
"""

# mypy: disable-error-code="name-defined"

import os
import sys

PACKAGE = "nnlint_deep_worker"


def import_from_this_folder(name):
    # type: (str) -> Any
    """A module of this folder. As its files import one another relatively, none of them can hide a module of the user's."""
    import importlib.util

    folder = os.path.dirname(os.path.abspath(__file__))
    spec = importlib.util.spec_from_file_location(PACKAGE, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder])
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)
    return importlib.import_module(PACKAGE + "." + name)


def main():
    # type: () -> None
    """Runs what the file descriptors say."""
    if sys.version_info < (3, 9):
        sys.exit("the deep check needs Python 3.9 or newer; %s is Python %s" % (sys.executable, sys.version.split()[0]))
    if os.name != "posix":
        sys.exit("the deep check does not support this system yet; on Windows it works within WSL")
    del sys.path[0]  # this folder
    descriptors = [int(text) for text in sys.argv[1:]]
    import_from_this_folder("processes.supervisor" if len(descriptors) == 2 else "processes.runner").main(*descriptors)


if __name__ == "__main__":
    main()
