"""A classifier of digits, with the mistakes of training loops that raise nothing: run it, and it trains."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class DigitNet(nn.Module):
    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(4),
        )
        self.dropout = nn.Dropout(0.3)
        self.fc = nn.Linear(8 * 4 * 4, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores = self.fc(self.dropout(self.features(images).flatten(1)))
        return torch.softmax(scores, dim=1)


def train_epoch(model: nn.Module, loader: DataLoader, optimizer: torch.optim.Optimizer) -> float:
    criterion = nn.CrossEntropyLoss()
    model.train()
    total = 0.0
    for images, labels in loader:
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        total += loss
    return float(total) / len(loader)


def accuracy(model: nn.Module, loader: DataLoader) -> float:
    right = 0
    with torch.no_grad():
        for images, labels in loader:
            right += int((model(images).argmax(1) == labels).sum())
    return right / len(loader.dataset)


def main() -> None:
    torch.manual_seed(0)
    data = TensorDataset(torch.randn(64, 1, 12, 12), torch.randint(0, 10, (64,)))
    loader = DataLoader(data, batch_size=16, shuffle=True)
    model = DigitNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(2):
        loss = train_epoch(model, loader, optimizer)
        print(f"epoch {epoch}: loss {loss:.3f}, accuracy {accuracy(model, loader):.2f}")


if __name__ == "__main__":
    main()
