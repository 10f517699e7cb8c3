"""Fetches the pinned packages of `corpus.toml` as source: their Python files, and the few data files that are named there.

    python scripts/fetch_corpus.py [NAME ...]

A name is that of a package, or of a group of them: `packages` (models) or `training`. Each package lands in
`.cache/corpus/NAME-VERSION/` and is fetched once. Nothing of it is installed, imported or run.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT / ".cache" / "corpus"
PINS = Path(__file__).with_name("corpus.toml")
GROUPS = ("packages", "training")

# A config of its own makes the folder a project of its own; without it the files would belong to nnlint's repository.
PROJECT_MARK = "# The sources of another project, checked by nnlint's tests and benchmarks.\n"


def _pins() -> dict[str, Any]:
    return tomllib.loads(PINS.read_text("utf-8"))


def groups() -> dict[str, dict[str, str]]:
    """The version of each package by its name, by the name of its group."""
    pins = _pins()
    return {group: dict(pins[group]) for group in GROUPS}


def pinned_versions() -> dict[str, str]:
    """The version of each package in the corpus, by name."""
    return {name: version for packages in groups().values() for name, version in packages.items()}


def corpus_folder(name: str) -> Path:
    """Where the sources of a package are, once fetched."""
    return CORPUS / f"{name}-{pinned_versions()[name]}"


def fetch(name: str) -> Path:
    """The folder with the package's sources, downloaded where it is not there yet."""
    folder = corpus_folder(name)
    if folder.exists():
        return folder
    CORPUS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CORPUS, prefix=".fetching-") as scratch:
        wheel = _download(name, Path(scratch))
        unpacked = Path(scratch) / "sources"
        _unpack(wheel, unpacked, _pins().get("data", {}).get(name, []))
        # One rename, so that an interrupted fetch never leaves half a corpus behind.
        shutil.move(unpacked, folder)
    return folder


def _download(name: str, into: Path) -> Path:
    options = [f"--{key}={value}" for key, value in _pins()["platform"].items()]
    requirement = f"{name}=={pinned_versions()[name]}"
    # Nothing is run, so the Python that a package asks for does not matter.
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--ignore-requires-python", "--only-binary=:all:"]
    subprocess.run([*pip, *options, "--dest", str(into), requirement], check=True, stdin=subprocess.DEVNULL)
    return next(into.glob("*.whl"))


def _unpack(wheel: Path, into: Path, data: list[str]) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(into, [entry for entry in archive.namelist() if entry.endswith(".py") or entry in data])
    (into / "nnlint.toml").write_text(PROJECT_MARK, "utf-8")


def main() -> None:
    versions = pinned_versions()
    choices = ", ".join([*GROUPS, *versions])
    parser = argparse.ArgumentParser(description="Fetch the pinned corpora as source into .cache/corpus/.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {choices}; all packages when none is named")
    named = parser.parse_args().names or list(GROUPS)
    names = [name for word in named for name in groups().get(word, {word: ""})]
    if unknown := [name for name in names if name not in versions]:
        parser.error(f"not pinned in {PINS.name}: {', '.join(unknown)}")
    for name in names:
        try:
            folder = fetch(name)
        except subprocess.CalledProcessError as error:
            sys.exit(f"{name} {versions[name]} could not be downloaded (pip's exit status {error.returncode}); its own words stand above")
        print(f"{name} {versions[name]}: {sum(1 for _ in folder.rglob('*.py'))} files in {folder.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
