"""What NN301, NN302 and NN303 warn of, done with torch: the figures on their pages are from here."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.torch

STEPS = 100


def train(order: str, optimizer_name: str, seed: int) -> tuple[float, float]:
    """The final loss of a small classifier, and how far its weights moved, after updates of `order` (z, b and s: zero, backward, step)."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    inputs = torch.randn(256, 8)
    targets = (inputs @ torch.randn(8) > 0).long()
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
    make = {"SGD": lambda p: torch.optim.SGD(p, lr=0.1), "Adam": lambda p: torch.optim.Adam(p, lr=0.01)}[optimizer_name]
    optimizer = make(net.parameters())
    start = torch.cat([p.detach().flatten().clone() for p in net.parameters()])
    for _ in range(STEPS):
        batch = torch.randint(0, 256, (32,))
        loss = nn.functional.cross_entropy(net(inputs[batch]), targets[batch])
        for event in order:
            {"z": optimizer.zero_grad, "b": loss.backward, "s": optimizer.step}[event]()
    moved = torch.cat([p.detach().flatten() for p in net.parameters()]) - start
    return nn.functional.cross_entropy(net(inputs), targets).item(), moved.norm().item()


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("seed", range(3))
def test_without_zero_grad_the_steps_grow(optimizer: str, seed: int) -> None:
    right, missing = train("zbs", optimizer, seed), train("bs", optimizer, seed)
    assert missing[0] > 5 * right[0]
    assert missing[1] > 2 * right[1]


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("order", ["bzs", "zsb"])
def test_a_step_on_zeroed_gradients_changes_nothing(order: str, optimizer: str) -> None:
    assert train(order, optimizer, 0)[1] == 0.0


@pytest.mark.parametrize("order", ["bsz", "zbs"])
def test_where_zero_grad_stands_is_of_no_importance(order: str) -> None:
    assert train(order, "SGD", 0) == train("zbs", "SGD", 0)
