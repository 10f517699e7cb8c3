"""Judges a package's models with torch and compares nnlint with it.

    python -m benchmarks.oracle PACKAGE [--report out.json] [--codes NN501] [--models REGEX] [--jobs N] …

Models are chosen so that together they construct every site; each runs in a process of its own, with a time limit and a memory limit.
Verdicts are kept in `.cache/oracle/`, so that a run that was stopped goes on where it was; `--fresh` forgets them. The report holds
places, counts and messages, and nothing of the package's code.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.oracle.compare import Comparison, compare, read_layers, run_nnlint
from benchmarks.oracle.run import Limits, judge_all, prepare, results_folder
from benchmarks.oracle.zoo import BESIDES
from scripts.fetch_corpus import fetch, pinned_versions


def _arguments() -> argparse.Namespace:
    usual = Limits()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.oracle", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("package", choices=sorted(BESIDES))
    parser.add_argument("--report", type=Path, help="write the whole comparison to this file, as JSON")
    parser.add_argument("--codes", default="NN501", help="the rules that are compared (default: %(default)s)")
    parser.add_argument("--models", default="", help="choose only among models whose name this regular expression finds")
    parser.add_argument("--cover", type=int, default=usual.cover, help="how many models are to construct each site (default: %(default)s)")
    parser.add_argument("--parameters", type=float, default=usual.parameters, help="no larger models (default: %(default)s)")
    parser.add_argument("--timeout", type=float, default=usual.seconds, help="seconds a model (default: %(default)s)")
    parser.add_argument("--memory", type=float, default=usual.gigabytes, help="gigabytes a model (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=usual.jobs, help="processes at a time (default: %(default)s)")
    parser.add_argument("--fresh", action="store_true", help="forget the verdicts of earlier runs")
    parser.add_argument("--no-lint", action="store_true", help="judge only; compare nothing")
    return parser.parse_args()


def main() -> None:
    options = _arguments()
    limits = Limits(options.cover, options.parameters, options.timeout, options.memory, options.jobs)
    if options.fresh:
        shutil.rmtree(results_folder(options.package), ignore_errors=True)
    prepare()
    results = []
    for result in judge_all(options.package, options.models, limits):
        results.append(result)
        note = f"{len(result['layers'])} layers" if result["status"] == "judged" else result["reason"]
        print(f"[{len(results)}] {result['recipe']}: {note}, {result['seconds']} s", file=sys.stderr, flush=True)
    reported = [] if options.no_lint else run_nnlint(fetch(options.package), options.codes)
    comparison = compare(read_layers(results), reported)
    _print(comparison, results)
    if options.report:
        options.report.write_text(json.dumps(_report(options, comparison, results), indent=1) + "\n", encoding="utf-8")


def _report(options: argparse.Namespace, comparison: Comparison, results: list[dict[str, Any]]) -> dict[str, Any]:
    models = [{key: r[key] for key in ("recipe", "status", "reason", "seconds", "parameters") if key in r} for r in results]
    return {
        "package": options.package, "version": pinned_versions()[options.package], "codes": options.codes,
        "summary": comparison.summary, "findings": comparison.findings, "missed": comparison.missed,
        "sites": comparison.sites, "models": models,
    }  # fmt: skip


def _print(comparison: Comparison, results: list[dict[str, Any]]) -> None:
    print(f"models: {dict(Counter(r['status'] for r in results))}")
    for key, value in comparison.summary.items():
        print(f"{key}: {value}")
    for finding in comparison.findings:
        if finding["outcome"] != "confirmed":
            print(f"{finding['outcome']}: {finding['file']}:{finding['row']}:{finding['column']} {finding['needed in']}")
    for site in comparison.missed:
        print(f"missed ({', '.join(site['causes'])}): {site['file']}:{site['row']}:{site['column']} {site['models']}")


if __name__ == "__main__":
    main()
