"""Judges the models of packages with torch and compares nnlint with it.

    python -m benchmarks.oracle [PACKAGE ...] [--save] [--codes NN501,NN503,NN504] [--models REGEX] [--jobs N] ...

Every package of the zoo, where none is named. Models are chosen so that together they construct every site; they are judged in
processes of their own, with a time limit and a memory limit. Verdicts are kept in `.cache/oracle/`, so that a run that was stopped goes
on where it was; `--fresh` forgets them. The report, `report.json` and `report.md` beside this file, holds places, counts and messages,
and nothing of the packages' code.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from typing import Any

from benchmarks.oracle.compare import ask_nnlint, compare, read_layers
from benchmarks.oracle.report import Judged, described, save
from benchmarks.oracle.run import Limits, judge_all, kept_verdicts, prepare, results_folder
from benchmarks.oracle.zoo import BESIDES
from scripts.fetch_corpus import fetch, pinned_versions

CODES = "NN501,NN503,NN504"


def _arguments() -> argparse.Namespace:
    usual = Limits()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.oracle", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help=f"of {', '.join(sorted(BESIDES))} (default: all of them)")
    parser.add_argument("--save", action="store_true", help="write report.json and report.md, of these packages")
    parser.add_argument("--codes", default=CODES, help="the rules that are compared (default: %(default)s)")
    parser.add_argument("--models", default="", help="choose only among models whose name this regular expression finds")
    parser.add_argument("--cover", type=int, default=usual.cover, help="how many models are to construct each site (default: %(default)s)")
    parser.add_argument("--parameters", type=float, default=usual.parameters, help="no larger models (default: %(default)s)")
    parser.add_argument("--timeout", type=float, default=usual.seconds, help="seconds a model (default: %(default)s)")
    parser.add_argument("--memory", type=float, default=usual.gigabytes, help="gigabytes a model (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=usual.jobs, help="processes at a time (default: %(default)s)")
    parser.add_argument("--fresh", action="store_true", help="forget the verdicts of earlier runs")
    parser.add_argument("--no-judge", action="store_true", help="take the verdicts that are there already; run no model")
    parser.add_argument("--no-statistics", action="store_true", help="count no constructions: that takes as long as the findings")
    parser.add_argument("--no-lint", action="store_true", help="judge only; compare nothing")
    options = parser.parse_args()
    options.packages = options.packages or sorted(BESIDES)
    if unknown := set(options.packages) - set(BESIDES):
        parser.error(f"no such package in the zoo: {', '.join(sorted(unknown))}")
    if options.save and options.no_lint:
        parser.error("--save needs a comparison")
    return options


def main() -> None:
    options = _arguments()
    judged = []
    for package in options.packages:
        results = _results(package, options)
        if not options.no_lint:
            answer = ask_nnlint(fetch(package), options.codes, results_folder(package) / "answers", not options.no_statistics)
            judged.append(Judged(package, pinned_versions()[package], results, compare(read_layers(results), answer.findings), answer))
            print(described(judged[-1]), flush=True)
    if options.save:
        save(judged, options.codes)


def _results(package: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    if options.no_judge:
        return kept_verdicts(package)
    limits = Limits(options.cover, options.parameters, options.timeout, options.memory, options.jobs)
    if options.fresh:
        shutil.rmtree(results_folder(package), ignore_errors=True)
    prepare()
    results = []
    for result in judge_all(package, options.models, limits):
        results.append(result)
        note = f"{len(result['layers'])} layers" if result["status"] == "judged" else result["reason"]
        print(f"[{package} {len(results)}] {result['recipe']}: {note}, {result['seconds']} s", file=sys.stderr, flush=True)
    return results


if __name__ == "__main__":
    main()
