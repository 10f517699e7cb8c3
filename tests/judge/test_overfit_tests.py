"""The tests that NN101 offers to write, run: what can learn one batch passes, and what a softmax keeps from it fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.rules.test_assists import written_tests

pytestmark = pytest.mark.torch

SCRIPT = """\
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(16, hidden), nn.ReLU(), nn.Linear(hidden, 10))

    def forward(self, x):
        return self.layers(x)


def get_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=1e-2)
    parser.add_argument("--epochs", type=int, default=5)
    return parser.parse_args()


def train(args, model, device, loader, optimizer, epoch):
    model.train()
    for step, (inputs, labels) in enumerate(loader):
        inputs, labels = inputs.to(device), labels.to(device)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
        print(epoch, step, loss.item())


def main():
    args = get_args()
    device = torch.device("cpu")
    train_set = TensorDataset(torch.randn(320, 16), torch.randint(10, (320,)))
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
    net = Net(hidden=64).to(device)
    optimizer = torch.optim.Adam(net.parameters(), lr=args.lr)
    for epoch in range(args.epochs):
        train(args, net, device, train_loader, optimizer, epoch)


if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("folder", ["", "tests/"])
@pytest.mark.parametrize("has_softmax", [False, True])
def test_the_written_test_says_whether_the_script_can_learn(tmp_path: Path, has_softmax: bool, folder: str) -> None:
    script = SCRIPT.replace("self.layers(x)", "self.layers(x).softmax(dim=1)") if has_softmax else SCRIPT
    files = {"train.py": script, **({"tests/test_other.py": ""} if folder else {})}
    [(name, test)] = written_tests(files).items()
    assert name == f"{folder}test_overfit_one_batch.py"
    for path, text in {**files, name: test}.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", name]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ("1 failed" if has_softmax else "1 passed") in ran.stdout, ran.stdout
    assert ("200 updates on one batch took the loss from" in ran.stdout) == has_softmax
