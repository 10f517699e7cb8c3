"""What a benchmark leaves behind: a table for the eye, and its numbers as JSON in `benchmarks/results/`."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).with_name("results")


@dataclass(frozen=True, slots=True)
class Row:
    """One measured amount; where there is a bar, the amount may not be above it."""

    name: str
    amount: float
    unit: str
    bar: float | None = None

    @property
    def judgement(self) -> str:
        if self.bar is None:
            return ""
        return f"{'within' if self.amount <= self.bar else 'ABOVE'} the bar of {self.bar:g} {self.unit}"


def publish(benchmark: str, rows: Sequence[Row]) -> None:
    """Prints the table and writes it, with what it was measured on, to `results/BENCHMARK.json`."""
    width = max(len(row.name) for row in rows)
    for row in rows:
        print(f"{row.name:{width}}  {row.amount:10.3f} {row.unit:3} {row.judgement}".rstrip())
    measured_on = {
        "python": platform.python_version(),
        "machine": f"{sys.platform} {platform.machine()}",
        "libcst": version("libcst"),
        "nnlint": version("nnlint"),
    }
    RESULTS.mkdir(exist_ok=True)
    target = RESULTS / f"{benchmark}.json"
    target.write_text(json.dumps({"measured_on": measured_on, "rows": [asdict(row) for row in rows]}, indent=2) + "\n", "utf-8")
    print(f"written to benchmarks/results/{target.name}\n")
