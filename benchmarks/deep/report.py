"""What the comparison came to, for people and for the next run."""

from __future__ import annotations

import dataclasses
import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.deep.compare import Compared, Found, Judged
from scripts.fetch_corpus import ROOT

_HERE = Path(__file__).parent
_JSON = _HERE / "report.json"
_HEAD = """# The deep check on whole packages

Written by `python -m benchmarks.deep --save`. Every finding of NN501, NN503 and NN504 in a package was put to a run of its model, without
any pragma. Beside the verdicts stands what the independent oracle (`benchmarks/oracle`) said of the same calls.

| package | findings | confirmed | refuted | no answer | agree with the oracle | disagree | discovered | known to the oracle | denied |
|---|---|---|---|---|---|---|---|---|---|
"""


def show(result: Compared) -> None:
    """Prints the verdicts of one package, a line each."""
    print(f"\n{result.package}: {_row(result)}", flush=True)
    for one in result.findings:
        mark = {True: "agrees", False: "DISAGREES", None: ""}[one.agrees]
        print(f"  {one.file}:{one.row} {one.code} {one.kind} [{one.oracle}] {mark}")
        print(f"      {one.origin}: {one.model} {one.inputs} ({one.seconds:.0f} s)")
        print(f"      {one.message[:400]}")
    for found in result.discoveries:
        print(f"  discovered {found.file}:{found.row} {found.code} in {found.model}: oracle {found.agrees}")


def save(results: Sequence[Compared]) -> None:
    """Writes report.md and report.json; packages that were not run now keep what their last run came to."""
    merged = {result.package: result for result in (*_saved(), *results)}
    lines = [f"| {result.package} | {_row(result)} |" for result in merged.values()]
    rest = [_details(result) for result in merged.values()]
    _write(_HERE / "report.md", _HEAD + "\n".join(lines) + "\n" + "".join(rest))
    _write(_JSON, json.dumps([dataclasses.asdict(result) for result in merged.values()], indent=1) + "\n")


def _write(file: Path, text: str) -> None:
    """Writes a file that says nothing of where this checkout is."""
    file.write_text(text.replace(f"{ROOT}{os.sep}", ""), "utf-8")


def _saved() -> list[Compared]:
    if not _JSON.exists():
        return []
    read = json.loads(_JSON.read_text("utf-8"))
    return [Compared(e["package"], [Judged(**f) for f in e["findings"]], [Found(**d) for d in e["discoveries"]]) for e in read]


def _row(result: Compared) -> str:
    kinds = Counter(one.kind for one in result.findings)
    agreement = Counter(one.agrees for one in result.findings)
    known = Counter(found.agrees for found in result.discoveries)
    silent = kinds["no answer"] + kinds["no plan"]
    cells = [len(result.findings), kinds["confirmed"], kinds["refuted"], silent, agreement[True], agreement[False]]
    return " | ".join(map(str, [*cells, len(result.discoveries), known[True], known[False]]))


def _details(result: Compared) -> str:
    rows = [
        f"- {one.kind}: `{one.file}:{one.row}` {one.code}{f' (oracle: {one.oracle})' if one.oracle else ''}: {one.message}"
        for one in result.findings
        if one.kind != "confirmed"
    ]
    rows += [f"- discovered: `{found.file}:{found.row}` {found.code} in `{found.model}`" for found in result.discoveries]
    return f"\n## {result.package}\n\n" + "\n".join(rows) + "\n" if rows else ""
