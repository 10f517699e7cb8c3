"""One running VS Code server, and what drives its workbench."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.editors.installed import HERE, NODE, PLAYWRIGHT, RESULTS, SERVER_MAIN

_SCENARIO_SECONDS = 180
_START_SECONDS = 60
# Nothing on the screen that is not under test, and nothing that reaches for a network.
_QUIET = {
    "workbench.startupEditor": "none",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "chat.disableAIFeatures": True,
    "telemetry.telemetryLevel": "off",
    "extensions.autoUpdate": False,
    "extensions.autoCheckUpdates": False,
    "window.commandCenter": False,
    "git.enabled": False,
    "files.autoSave": "off",
    "editor.minimap.enabled": False,
    "editor.accessibilitySupport": "off",
    # What is typed is what gets into the file.
    "editor.quickSuggestions": {"other": "off", "comments": "off", "strings": "off"},
    "editor.autoClosingBrackets": "never",
    "editor.autoIndent": "none",
}


@dataclass(frozen=True)
class Workbench:
    port: int
    folder: Path
    search_path: Path
    chromium: str

    def run(self, scenario: str, workspace: Path, *, interpreter: str, settings: dict[str, Any], **words: str) -> None:
        """Drives the workbench, opened on `workspace`, by a script of `scenarios/`; fails with its report unless every step held.

        The machine's settings name the `interpreter`; `settings` are those of the user. `words` reach the script as environment variables.
        """
        write_json(self.folder / "user" / "Machine" / "settings.json", {"nnlint.interpreter": interpreter})
        write_json(self.folder / "user" / "User" / "settings.json", _QUIET | settings)
        RESULTS.mkdir(exist_ok=True)
        places = {
            "WORKBENCH": f"127.0.0.1:{self.port}",
            "WORKSPACE": str(workspace),
            "CHROMIUM": self.chromium,
            "PLAYWRIGHT": str(PLAYWRIGHT),
            "RESULTS": str(RESULTS),
        }
        command = [str(NODE), str(HERE / "scenarios" / f"{scenario}.mjs")]
        with session(command, os.environ | words | places, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as driver:
            try:
                report = driver.communicate(timeout=_SCENARIO_SECONDS)[0].decode()
            except subprocess.TimeoutExpired:
                end_session(driver)
                report = f"{driver.communicate()[0].decode()}\nnot ok - the scenario ended within {_SCENARIO_SECONDS} seconds"
        assert driver.returncode == 0, report
        print(report)


@contextmanager
def running(folder: Path, vsix: Path, chromium: str) -> Iterator[Workbench]:
    """A VS Code server that lives in `folder` with the extension installed."""
    # Nothing is found on PATH by luck: it is one folder, empty unless a test puts something there.
    search_path = folder / "search path"
    search_path.mkdir()
    environment = {**os.environ, "PATH": str(search_path), "EXTENSIONS_GALLERY": "{}"}
    flags = ["without-connection-token", "accept-server-license-terms", "enable-smoke-test-driver", "force-disable-user-env"]
    options = {
        "host": "127.0.0.1",
        "port": "0",
        "telemetry-level": "off",
        "server-data-dir": str(folder / "server"),
        "user-data-dir": str(folder / "user"),
        "extensions-dir": str(folder / "extensions"),
    }
    command = [str(NODE), str(SERVER_MAIN), *(f"--{flag}" for flag in flags)]
    command += [word for name, value in options.items() for word in (f"--{name}", value)]

    installed = subprocess.run([*command, "--install-extension", str(vsix)], env=environment, capture_output=True, text=True, timeout=120)
    assert list((folder / "extensions").glob("nnlint.nnlint-*")), installed.stdout + installed.stderr
    log = RESULTS / "workbench.log"
    RESULTS.mkdir(exist_ok=True)
    with log.open("wb") as output, session(command, environment, stdout=output, stderr=subprocess.STDOUT) as server:
        yield Workbench(listening_port(server, log), folder, search_path, chromium)


@contextmanager
def session(command: list[str], environment: dict[str, str], **streams: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended with all that it started."""
    process = subprocess.Popen(command, env=environment, start_new_session=True, **streams)
    try:
        yield process
    finally:
        end_session(process)


def end_session(process: subprocess.Popen[bytes]) -> None:
    for word in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, word)
            process.wait(10)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def listening_port(server: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if match := re.search(r"listening on (\d+)", log.read_text()):
            return int(match[1])
        time.sleep(0.05)
    raise AssertionError(f"VS Code's server did not come up:\n{log.read_text()}")


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
