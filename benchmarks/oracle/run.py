"""Surveys a package, chooses models that together construct every site, and judges them one process each. Resumable."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from typing import Any

from benchmarks.oracle.zoo import REQUIREMENTS, SITE_PACKAGES
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
    """Installs what the packages import besides torch where nothing else sees it, once for each list of pins."""
    stamp = SITE_PACKAGES / REQUIREMENTS.name
    if stamp.exists() and stamp.read_bytes() == REQUIREMENTS.read_bytes():
        return
    shutil.rmtree(SITE_PACKAGES, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(SITE_PACKAGES)]
    subprocess.run([*pip, "--requirement", str(REQUIREMENTS)], check=True, stdin=subprocess.DEVNULL)
    shutil.copyfile(REQUIREMENTS, stamp)


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
    """The smallest recipes that construct every site that has a bias `limits.cover` times.

    A site is file, row, column, whether it has a bias, and the module that is constructed next.
    """
    built = [s for s in surveyed if "error" not in s and s["parameters"] <= limits.parameters]
    counts: Counter[tuple[Any, ...]] = Counter()
    for entry in sorted(built, key=lambda s: (s["parameters"], s["recipe"])):
        sites = {tuple(site) for site in entry["sites"] if site[3]}
        if any(counts[site] < limits.cover for site in sites):
            counts.update(sites)
            yield entry["recipe"]


class Judge:
    """A process that judges one model after another, started again where it ended."""

    def __init__(self, package: str, limits: Limits) -> None:
        self._package, self._limits = package, limits
        self._process: subprocess.Popen[str] | None = None

    def verdicts(self, recipe: str) -> dict[str, Any]:
        """The verdicts on one model: those of an earlier run, or new ones."""
        kept = results_folder(self._package) / "models" / f"{recipe.replace('/', '--')}.json"
        if kept.exists():
            return dict(json.loads(kept.read_text(encoding="utf-8")))
        started = time.monotonic()
        result = self._ask(recipe) | {"recipe": recipe, "seconds": round(time.monotonic() - started, 1)}
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(result), encoding="utf-8")
        return result

    def _ask(self, recipe: str) -> dict[str, Any]:
        if self._process is None or self._process.poll() is not None:
            command = _worker("judge", self._package, str(self._limits.seconds), str(self._limits.gigabytes))
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            print(recipe, file=self._process.stdin, flush=True)
            return dict(json.loads(self._process.stdout.readline()))
        except (BrokenPipeError, ValueError):
            self.close()
            return {"status": "failed", "reason": "the judge's process ended"}

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def kept_verdicts(package: str) -> list[dict[str, Any]]:
    """What is known of the package's models from earlier runs."""
    files = sorted((results_folder(package) / "models").glob("*.json"))
    return [dict(json.loads(file.read_text(encoding="utf-8"))) for file in files]


def judge_all(package: str, pattern: str, limits: Limits) -> Iterator[dict[str, Any]]:
    """The verdicts on the chosen recipes, as they come in. Where one fails, others are chosen for its sites."""
    surveyed = [entry for entry in survey(package) if re.search(pattern, entry["recipe"])]
    seen: set[str] = set()
    failed: set[str] = set()
    judges: Queue[Judge] = Queue()
    for _ in range(limits.jobs):
        judges.put(Judge(package, limits))

    def judged(recipe: str) -> dict[str, Any]:
        judge = judges.get()
        try:
            return judge.verdicts(recipe)
        finally:
            judges.put(judge)

    with ThreadPoolExecutor(limits.jobs) as pool:
        while new := [r for r in choose((s for s in surveyed if s["recipe"] not in failed), limits) if r not in seen]:
            seen.update(new)
            for result in pool.map(judged, new):
                if result["status"] == "failed":
                    failed.add(result["recipe"])
                yield result
    while not judges.empty():
        judges.get().close()
