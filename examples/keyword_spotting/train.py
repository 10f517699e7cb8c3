"""Trains the keyword spotter on tones, since no recordings come with this example: `python -m examples.keyword_spotting.train`."""

import torch
import torch.nn.functional as F

from .model import KeywordSpotter


def synthetic_batch(size=16, bands=16, frames=32, classes=6):
    labels = torch.randint(classes, (size,))
    mel = torch.randn(size, bands, frames)
    mel[torch.arange(size), labels * 2, 8:24] += 2.0
    return mel, labels


def train(steps=20):
    model = KeywordSpotter()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    model.train()
    for _ in range(steps):
        mel, labels = synthetic_batch()
        loss = F.cross_entropy(model(mel), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        mel, labels = synthetic_batch(64)
        return (model(mel).argmax(dim=1) == labels).float().mean().item()


if __name__ == "__main__":
    print(f"accuracy {train():.2f}")
