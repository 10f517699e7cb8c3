"""Surveys a package, chooses models that together construct every site, and judges them one process each. Resumable."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.oracle.zoo import NEEDED_PACKAGES, SITE_PACKAGES
from scripts.fetch_corpus import ROOT, pinned_versions


@dataclass(frozen=True, slots=True)
class Limits:
    """How far the oracle goes: models a site, parameters and seconds a model, gigabytes and processes."""

    cover: int = 2
    parameters: float = 6e7
    seconds: float = 600
    gigabytes: float = 8
    jobs: int = 1


def prepare() -> None:
    """Installs what the packages import besides torch, once, where nothing else sees it."""
    if SITE_PACKAGES.exists():
        return
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(SITE_PACKAGES)]
    subprocess.run([*pip, *NEEDED_PACKAGES], check=True, stdin=subprocess.DEVNULL)


def results_folder(package: str) -> Path:
    """Where a package's results are kept from run to run."""
    return ROOT / ".cache" / "oracle" / f"{package}-{pinned_versions()[package]}"


def _worker(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.oracle.worker", *arguments]


def survey(package: str) -> list[dict[str, Any]]:
    """What each of the package's recipes constructs."""
    kept = results_folder(package) / "survey.jsonl"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(_worker("survey", package), check=True, capture_output=True, text=True, cwd=ROOT, stdin=subprocess.DEVNULL)
        kept.write_text(done.stdout, encoding="utf-8")
    return [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines() if line.startswith("{")]


def choose(surveyed: Iterable[dict[str, Any]], limits: Limits) -> Iterator[str]:
    """The smallest recipes that construct every site `limits.cover` times, with a bias and without."""
    built = [s for s in surveyed if "error" not in s and s["parameters"] <= limits.parameters]
    counts: Counter[tuple[Any, ...]] = Counter()
    for entry in sorted(built, key=lambda s: (s["parameters"], s["recipe"])):
        sites = {tuple(map(_hashable, site)) for site in entry["sites"]}
        if any(counts[site] < limits.cover for site in sites):
            counts.update(sites)
            yield entry["recipe"]


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def judge(package: str, recipe: str, limits: Limits) -> dict[str, Any]:
    """The verdicts on one model: those of an earlier run, or a new process's."""
    kept = results_folder(package) / "models" / f"{recipe.replace('/', '--')}.json"
    if kept.exists():
        return dict(json.loads(kept.read_text(encoding="utf-8")))
    started = time.monotonic()
    try:
        done = subprocess.run(
            _worker("judge", package, recipe, str(limits.gigabytes)),
            capture_output=True, text=True, cwd=ROOT, timeout=limits.seconds, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        result = _last_json(done.stdout) or {"status": "failed", "reason": (done.stderr.strip().splitlines() or ["no output"])[-1][:200]}
    except subprocess.TimeoutExpired:
        result = {"status": "failed", "reason": f"took longer than {limits.seconds:.0f} s"}
    result |= {"recipe": recipe, "seconds": round(time.monotonic() - started, 1)}
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(result), encoding="utf-8")
    return result


def _last_json(output: str) -> dict[str, Any] | None:
    lines = [line for line in output.splitlines() if line.startswith("{")]
    return dict(json.loads(lines[-1])) if lines else None


def judge_all(package: str, pattern: str, limits: Limits) -> Iterator[dict[str, Any]]:
    """The verdicts on the chosen recipes, as they come in. Where one fails, others are chosen for its sites."""
    surveyed = [entry for entry in survey(package) if re.search(pattern, entry["recipe"])]
    seen: set[str] = set()
    failed: set[str] = set()
    with ThreadPoolExecutor(limits.jobs) as pool:
        while new := [r for r in choose((s for s in surveyed if s["recipe"] not in failed), limits) if r not in seen]:
            seen.update(new)
            for result in pool.map(lambda recipe: judge(package, recipe, limits), new):
                if result["status"] == "failed":
                    failed.add(result["recipe"])
                yield result
