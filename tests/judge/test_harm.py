"""The harm that rules speak of, shown by the real torch on small made-up data: the pages state these figures."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

pytestmark = pytest.mark.torch


class Classifier(nn.Module):
    """Dropout before the last layer, with the switch or without."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(20, 64)
        self.out = nn.Linear(64, 4)
        self.is_switched = True

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.relu(self.hidden(x))
        hidden = F.dropout(hidden, 0.5, training=self.training) if self.is_switched else F.dropout(hidden, 0.5)
        return self.out(hidden)


def test_dropout_without_its_switch_predicts_at_random() -> None:
    right, wrong, changed = [], [], []
    for seed in range(5):
        torch.manual_seed(seed)
        centers = torch.randn(4, 20) * 0.7
        labels, test_labels = torch.randint(4, (400,)), torch.randint(4, (2000,))
        inputs, test_inputs = centers[labels] + torch.randn(400, 20), centers[test_labels] + torch.randn(2000, 20)
        model = Classifier()
        optimizer = torch.optim.Adam(model.parameters(), 1e-2)
        for _ in range(200):
            optimizer.zero_grad()
            F.cross_entropy(model(inputs), labels).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            right.append((model(test_inputs).argmax(1) == test_labels).float().mean().item())
            model.is_switched = False
            first, second = model(test_inputs).argmax(1), model(test_inputs).argmax(1)
            wrong.append((first == test_labels).float().mean().item())
            changed.append((first != second).float().mean().item())
    assert 0.92 < sum(right) / 5 < 0.94
    assert 0.91 < sum(wrong) / 5 < sum(right) / 5 - 0.005
    assert 0.04 < sum(changed) / 5 < 0.07


def _blobs(count: int, weights: Tensor) -> tuple[Tensor, Tensor]:
    x = torch.randn(count, 20) * 2 + 1
    return x, (x @ weights).argmax(1)


def _trained(weights: Tensor, is_training: bool = True) -> nn.Sequential:
    model = nn.Sequential(nn.Linear(20, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 4)).train(is_training)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(300):
        x, y = _blobs(64, weights)
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    return model


@torch.no_grad()
def _accuracy(model: nn.Module, x: Tensor, y: Tensor, size: int) -> float:
    return sum((model(x[i : i + size]).argmax(1) == y[i : i + size]).sum().item() for i in range(0, len(x), size)) / len(x)


def test_evaluating_in_training_mode_costs_accuracy_and_trains() -> None:
    torch.manual_seed(0)
    weights = torch.randn(20, 4)
    trained = _trained(weights)
    x, y = _blobs(2000, weights)
    right = _accuracy(copy.deepcopy(trained).eval(), x, y, 100)
    hundreds = _accuracy(copy.deepcopy(trained).train(), x, y, 100)
    fours = _accuracy(copy.deepcopy(trained).train(), x, y, 4)
    moved = copy.deepcopy(trained).train()
    with torch.no_grad():
        first = moved(x[:64] + 7)
        again = moved(x[:64] + 7)
    assert right > 0.92 and hundreds < right - 0.03 and fours < right - 0.2
    assert not torch.equal(first, again)
    assert not torch.equal(moved[1].running_mean, trained[1].running_mean)
    assert _accuracy(moved.eval(), x, y, 100) < right - 0.05


def test_without_train_only_the_first_epoch_moves_the_statistics() -> None:
    torch.manual_seed(3)
    weights = torch.randn(20, 4)
    model = nn.Sequential(nn.Linear(20, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 4))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    moved = []
    for _ in range(4):
        before = model[1].running_mean.clone()
        for _ in range(30):
            x, y = _blobs(32, weights)
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
        moved.append((model[1].running_mean - before).abs().max().item())
        model.eval()
    assert moved[0] > 0.5 and moved[1:] == [0.0, 0.0, 0.0]


def test_training_in_evaluation_mode_moves_no_statistics() -> None:
    torch.manual_seed(1)
    model = _trained(torch.randn(20, 4), is_training=False)
    assert torch.equal(model[1].running_mean, torch.zeros(64)) and torch.equal(model[1].running_var, torch.ones(64))


def test_outputs_that_are_kept_keep_their_graphs() -> None:
    model = nn.Sequential(*[nn.Linear(512, 512) for _ in range(6)])

    def kept(is_on: bool) -> float:
        saved = 0

        def note(x: Tensor) -> Tensor:
            nonlocal saved
            saved += x.numel() * x.element_size()
            return x

        with torch.autograd.graph.saved_tensors_hooks(note, lambda x: x), torch.set_grad_enabled(is_on):
            sums = [model(torch.randn(64, 512)).sum() for _ in range(20)]
        assert all((s.grad_fn is not None) is is_on for s in sums)
        return saved / 1e6

    assert 115 < kept(True) < 125 and kept(False) == 0


def test_no_grad_as_a_statement_does_nothing() -> None:
    torch.no_grad()
    assert torch.is_grad_enabled()


def test_alpha_dropout_never_drops_by_itself() -> None:
    x = torch.randn(1000)
    assert torch.equal(F.alpha_dropout(x, 0.5), x)
    assert torch.equal(F.feature_alpha_dropout(x.view(1, 10, 100), 0.5), x.view(1, 10, 100))


def test_a_layer_that_is_built_on_the_way_drops_in_evaluation() -> None:
    class Late(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return nn.Dropout(0.5)(x)  # type: ignore[no-any-return]

    dropped = (Late().eval()(torch.ones(10_000)) == 0).float().mean().item()
    assert 0.45 < dropped < 0.55


def test_fused_attention_drops_in_evaluation() -> None:
    q, k, v = torch.randn(3, 2, 5, 8)
    with torch.no_grad():
        runs = [F.scaled_dot_product_attention(q, k, v, dropout_p=0.5) for _ in range(2)]
    assert not torch.equal(*runs)


def test_a_softmax_without_dim_takes_an_axis_by_the_number_of_axes() -> None:
    for rank, axis in {1: 0, 2: 1, 3: 0, 4: 1, 5: 1}.items():
        x = torch.randn([2] * rank)
        with pytest.warns(UserWarning, match="Implicit dimension choice"):
            taken = F.softmax(x)
        assert torch.equal(taken, F.softmax(x, dim=axis))


@pytest.mark.filterwarnings("ignore:Implicit dimension choice")
def test_for_a_batch_of_one_sequence_every_probability_is_one() -> None:
    assert torch.equal(F.softmax(torch.randn(1, 5, 7)), torch.ones(1, 5, 7))
    both = F.softmax(torch.randn(2, 5, 7))
    assert torch.allclose(both[0] + both[1], torch.ones(5, 7))


def test_a_running_loss_is_a_chain_of_all_iterations() -> None:
    def chain(total: Tensor) -> int:
        length, at = 0, total.grad_fn
        while at is not None and type(at).__name__ == "AddBackward0":
            length, at = length + 1, at.next_functions[0][0]
        return length

    model = nn.Linear(3, 1)
    kept, detached = torch.zeros(()), torch.zeros(())
    for _ in range(200):
        loss = model(torch.randn(5, 3)).square().mean()
        loss.backward()
        kept = kept + loss
        detached = detached + loss.detach()
    assert chain(kept) == 200
    assert detached.grad_fn is None
    assert torch.equal(kept.detach(), detached)


def test_one_batch_shows_a_mistake_in_two_hundred_updates() -> None:
    def loss_on_one_batch(has_softmax: bool) -> float:
        torch.manual_seed(0)
        inputs, labels = torch.randn(32, 16), torch.randint(10, (32,))
        model = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 10), *([nn.Softmax(dim=1)] if has_softmax else []))
        optimizer = torch.optim.Adam(model.parameters(), 1e-2)
        for _ in range(200):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
        return loss.item()

    assert loss_on_one_batch(has_softmax=False) < 0.01
    assert loss_on_one_batch(has_softmax=True) > 1.46
