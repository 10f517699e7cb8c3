"""What `lsp-check` may not pay for: the protocol's packages take half a second to import, torch several.

And what only `--deep` may touch.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from nnlint.cli.main import lsp_check
sys.argv = ["lsp-check", "--isolated", "--no-cache", "--output-format", "concise", sys.argv[1]]
try:
    lsp_check()
except SystemExit as exit:
    print("exit", exit.code)
print("imported", *sorted({name.partition(".")[0] for name in sys.modules} & {"pygls", "lsprotocol", "torch"}))
print("of the deep check", *sorted(name for name in sys.modules if name.startswith("nnlint.deep")))
"""

MODEL = """\
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))

    def forward(self, x):
        return self.block(x)
"""


def test_lsp_check_imports_neither_protocol_nor_torch_nor_the_deep_check(tmp_path: Path) -> None:
    model = tmp_path / "model.py"
    model.write_text(MODEL, "utf-8")
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(model)], capture_output=True, text=True, check=True)
    assert "NN501" in done.stdout, "the run found nothing, so it proves nothing"
    assert done.stdout.splitlines()[-3:] == ["exit 1", "imported", "of the deep check"]
