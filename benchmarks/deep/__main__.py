"""Runs the deep check on whole packages, and lays its verdicts beside those of the independent oracle.

python -m benchmarks.deep [PACKAGE …] [--select CODES] [--seconds S] [--jobs N] [--save]
    every finding gets a run, without any pragma; `--save` writes benchmarks/deep/report.md and report.json
"""

from __future__ import annotations

import argparse

from benchmarks.deep.compare import PACKAGES, compared
from benchmarks.deep.report import save, show


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", default=list(PACKAGES))
    parser.add_argument("--select", default="NN501,NN503,NN504")
    parser.add_argument("--seconds", type=float, default=60.0, help="wall clock of one run")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    results = []
    for package in options.packages:
        results.append(compared(package, options.select.split(","), options.seconds, options.jobs))
        show(results[-1])
        if options.save:
            save(results)


main()
