"""The VS Code extension without VS Code: its own tests, and its settings schema against the rule files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.editors


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=os.environ | {"PYTHON": sys.executable}, capture_output=True, text=True, encoding="utf-8", timeout=120
    )


def test_its_own_tests_hold(extension: Path) -> None:
    tested = run(["npm", "test", "--silent"], extension)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_the_settings_schema_says_what_the_rule_files_say(extension: Path) -> None:
    checked = run(["npm", "run", "--silent", "rules", "--", "--check"], extension)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_stale_settings_schema_is_noticed(extension: Path, tmp_path: Path) -> None:
    manifest = json.loads((extension / "package.json").read_text(encoding="utf-8"))
    del manifest["contributes"]["configuration"][1]["properties"]["nnlint.select"]
    (tmp_path / "package.json").write_text(json.dumps(manifest, indent=2), encoding="utf-8")
    script = tmp_path / "scripts" / "update_rule_settings.mjs"
    script.parent.mkdir()
    script.write_text((extension / "scripts" / script.name).read_text(encoding="utf-8"), encoding="utf-8")
    assert run(["node", str(script), "--check"], tmp_path).returncode == 1


def test_the_package_holds_what_a_user_needs_and_no_sources(vsix: Path) -> None:
    names = {name.removeprefix("extension/").lower() for name in zipfile.ZipFile(vsix).namelist() if name.startswith("extension/")}
    assert names == {"package.json", "readme.md", "changelog.md", "license.txt", "icon.png", "out/extension.js"}


def test_the_lock_file_records_no_addresses(extension: Path) -> None:
    lock = json.loads((extension / "package-lock.json").read_text(encoding="utf-8"))
    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
