"""How much memory the server holds with ten long model files open, all answered (Linux: read from /proc).

python benchmarks/memory.py
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.language_client import LanguageClient
from benchmarks.results_table import Row, publish
from scripts.fetch_corpus import fetch

OPEN = 10
BAR = 150.0


def resident_megabytes(pid: int) -> tuple[float, float]:
    """What a process holds now and the most that it has held."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    now, most = (int(match) / 1024 for key in ("VmRSS", "VmHWM") for match in re.findall(rf"{key}:\s+(\d+) kB", status))
    return now, most


def main() -> None:
    folder = fetch("timm")
    longest = sorted((folder / "timm" / "models").glob("*.py"), key=lambda path: path.stat().st_size)[-OPEN:]
    client = LanguageClient(folder)
    started, _ = resident_megabytes(client.pid)
    for path in longest:
        client.open(path, path.read_text("utf-8"))
        client.diagnostics(path)
    now, most = resident_megabytes(client.pid)
    client.close()
    lines = sum(path.read_bytes().count(b"\n") for path in longest)
    publish(
        "memory",
        [
            Row("server, nothing open", started, "MB"),
            Row(f"server, the {OPEN} longest models of timm open ({lines} lines)", now, "MB", BAR),
            Row("the most that it held", most, "MB"),
        ],
    )


if __name__ == "__main__":
    main()
