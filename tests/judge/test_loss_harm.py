"""What the pages of NN401–NN406 say of the harm, measured with torch."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

pytestmark = pytest.mark.torch


def certain(classes: int) -> tuple[Tensor, Tensor]:
    """Scores that are sure and right, and their targets."""
    target = torch.arange(classes)
    return 1e4 * F.one_hot(target, classes).double(), target


@pytest.mark.parametrize(("classes", "floor"), [(2, 0.313), (3, 0.551), (10, 1.461), (100, 3.622), (1000, 5.909)])
def test_the_floor_of_cross_entropy_on_probabilities(classes: int, floor: float) -> None:
    scores, target = certain(classes)
    loss = F.cross_entropy(scores.softmax(dim=1), target).item()
    assert loss == pytest.approx(math.log(math.e + classes - 1) - 1, abs=1e-9)
    assert round(loss, 3) == floor
    assert F.cross_entropy(scores, target).item() == 0


def test_log_softmax_before_cross_entropy_changes_nothing() -> None:
    scores = torch.randn(64, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    target = torch.arange(64) % 10
    assert F.cross_entropy(scores.log_softmax(dim=1), target).item() == pytest.approx(F.cross_entropy(scores, target).item(), abs=1e-12)


def test_the_floors_of_a_sigmoid_before_the_loss_of_logits() -> None:
    sure = torch.tensor([1e4])
    positive = F.binary_cross_entropy_with_logits(sure.sigmoid(), torch.ones(1)).item()
    negative = F.binary_cross_entropy_with_logits((-sure).sigmoid(), torch.zeros(1)).item()
    assert (round(positive, 3), round(negative, 3)) == (0.313, 0.693)
    soft_margin = nn.MultiLabelSoftMarginLoss()(torch.stack([sure, -sure], 1).sigmoid(), torch.tensor([[1.0, 0.0]])).item()
    assert soft_margin == pytest.approx((positive + negative) / 2)


def trained(loss: nn.Module, activation: nn.Module, steps: int) -> tuple[float, float]:
    """The last loss and the accuracy of a linear classifier of four blobs."""
    generator = torch.Generator().manual_seed(1)
    centers = torch.tensor([[2.0, 0], [-2, 0], [0, 2], [0, -2]])
    target = torch.arange(400) % 4
    x = centers[target] + 0.8 * torch.randn(400, 2, generator=generator)
    torch.manual_seed(1)
    net = nn.Linear(2, 4)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(activation(net(x)), target)
        value.backward()
        optimizer.step()
    return value.item(), (net(x).argmax(dim=1) == target).float().mean().item()


def test_likelihoods_of_raw_scores_have_no_lower_bound() -> None:
    early, _ = trained(nn.NLLLoss(), nn.Identity(), 50)
    late, _ = trained(nn.NLLLoss(), nn.Identity(), 200)
    assert late < early < 0
    assert late < -10


def test_likelihoods_of_probabilities_lie_between_minus_one_and_zero() -> None:
    value, _ = trained(nn.NLLLoss(), nn.Softmax(dim=1), 200)
    assert -1 < value < 0


def test_a_softmax_before_cross_entropy_keeps_the_loss_up() -> None:
    right, _ = trained(nn.CrossEntropyLoss(), nn.Identity(), 300)
    wrong, _ = trained(nn.CrossEntropyLoss(), nn.Softmax(dim=1), 300)
    assert right < 0.3
    assert wrong > math.log(math.e + 3) - 1 > 0.7


@pytest.mark.parametrize("activation", [nn.Identity(), nn.ReLU()])
def test_the_loss_of_probabilities_raises_on_scores(activation: nn.Module) -> None:
    scores = activation(torch.tensor([0.5, 2.0]))
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        nn.BCELoss()(scores, torch.ones(2))


@pytest.mark.parametrize(("classes", "ceiling"), [(2, 0.731), (5, 0.405), (10, 0.232)])
def test_the_ceiling_of_a_double_softmax(classes: int, ceiling: float) -> None:
    scores, _ = certain(classes)
    assert round(scores.softmax(dim=1).softmax(dim=1).max().item(), 3) == ceiling
    assert torch.equal(scores.softmax(dim=1).softmax(dim=1).argmax(dim=1), scores.argmax(dim=1))
