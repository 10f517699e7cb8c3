"""Who cancels a contract? Embeddings for what is categorical, a multilayer perceptron, one logit."""

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


class ChurnModel(nn.Module):
    def __init__(self, cardinalities, num_continuous, hidden=(64, 32), dropout=0.1):
        super().__init__()
        self.embeddings = nn.ModuleList([nn.Embedding(n, min(8, (n + 1) // 2)) for n in cardinalities])
        self.input_norm = nn.BatchNorm1d(num_continuous)
        width = sum(e.embedding_dim for e in self.embeddings) + num_continuous

        layers = []
        for size in hidden:
            layers += [nn.Linear(width, size), nn.BatchNorm1d(size), nn.ReLU(inplace=True), nn.Dropout(dropout)]
            width = size
        self.mlp = nn.Sequential(*layers)
        # One in twenty customers leaves: without a bias the model starts at one in two, and stays there where it knows nothing.
        self.out = nn.Linear(width, 1, bias=False)

    def forward(self, categorical, continuous):
        parts = [embedding(categorical[:, i]) for i, embedding in enumerate(self.embeddings)]
        x = torch.cat([*parts, self.input_norm(continuous)], dim=1)
        return self.out(self.mlp(x)).squeeze(-1)


def synthetic_customers(n=512):
    categorical = torch.stack([torch.randint(4, (n,)), torch.randint(7, (n,))], dim=1)
    continuous = torch.randn(n, 3)
    risk = continuous[:, 0] + 0.5 * (categorical[:, 0] == 2) - 2.5
    return TensorDataset(categorical, continuous, torch.bernoulli(torch.sigmoid(risk)))


def train_one_epoch(model, loader, optimizer, criterion):
    model.train()
    total = 0.0
    for categorical, continuous, target in loader:
        optimizer.zero_grad()
        loss = criterion(model(categorical, continuous), target)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(target)
    return total / len(loader.dataset)


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    hits = sum(((model(a, b) > 0) == t.bool()).sum().item() for a, b, t in loader)
    return hits / len(loader.dataset)


def main(epochs=2):
    torch.manual_seed(0)
    loader = DataLoader(synthetic_customers(), batch_size=64, shuffle=True)
    model = ChurnModel(cardinalities=[4, 7], num_continuous=3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    criterion = nn.BCEWithLogitsLoss()
    for epoch in range(epochs):
        loss = train_one_epoch(model, loader, optimizer, criterion)
        print(f"epoch {epoch}: loss {loss:.3f}, accuracy {evaluate(model, loader):.3f}")


if __name__ == "__main__":
    main()
