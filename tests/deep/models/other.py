"""Signals, graphs, points, games, tables and what generates."""

import math

import torch
import torch.nn.functional as F
from torch import nn


class KeywordSpotter(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(1, 16, 80, stride=16)
        self.bn1 = nn.BatchNorm1d(16)
        self.conv2 = nn.Conv1d(16, 16, 3)
        self.fc1 = nn.Linear(16, 35)

    def forward(self, x):
        x = F.max_pool1d(F.relu(self.bn1(self.conv1(x))), 4)
        x = F.max_pool1d(F.relu(self.conv2(x)), 4)
        return F.log_softmax(self.fc1(F.avg_pool1d(x, x.shape[-1]).permute(0, 2, 1)), dim=2)


class FixedSignal(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv1d(12, 8, 7, padding=3), nn.ReLU(), nn.MaxPool1d(4))
        self.fc = nn.Linear(8 * 250, 5)

    def forward(self, ecg):
        return self.fc(self.conv(ecg).flatten(1))


class PointCloud(nn.Module):
    def __init__(self):
        super().__init__()
        self.mlp = nn.Sequential(nn.Conv1d(3, 32, 1), nn.BatchNorm1d(32), nn.ReLU(), nn.Conv1d(32, 64, 1))
        self.fc = nn.Linear(64, 40)

    def forward(self, xyz):
        return self.fc(self.mlp(xyz.transpose(2, 1)).max(2)[0])


class GraphConvolution(nn.Module):
    def __init__(self, nfeat=30, nhid=16):
        super().__init__()
        self.weight1 = nn.Parameter(torch.randn(nfeat, nhid) / 5)
        self.bias1 = nn.Parameter(torch.zeros(nhid))
        self.out = nn.Linear(nhid, 3)

    def forward(self, x, adj):
        x = torch.mm(adj, torch.mm(x, self.weight1)) + self.bias1
        return F.log_softmax(torch.mm(adj, self.out(F.relu(x))), dim=1)


class MessagePassing(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(8, 16)
        self.out = nn.Linear(16, 2)

    def forward(self, x, edge_index):
        h = self.lin(x)
        row, col = edge_index
        total = torch.zeros_like(h).index_add(0, row, h[col])
        return self.out(F.relu(h + total))


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 400)
        self.fc21, self.fc22 = nn.Linear(400, 20), nn.Linear(400, 20)
        self.fc3, self.fc4 = nn.Linear(20, 400), nn.Linear(400, 784)

    def forward(self, x):
        h = F.relu(self.fc1(x.view(-1, 784)))
        mu, logvar = self.fc21(h), self.fc22(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z)))), mu, logvar


class Generator(nn.Module):
    def __init__(self, nz=100):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(nz, 32, 4, 1, 0, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(True),
            nn.ConvTranspose2d(32, 3, 4, 2, 1),
            nn.Tanh(),
        )

    def forward(self, noise):
        return self.main(noise)


class Discriminator(nn.Module):
    """One number a picture of 64 x 64."""

    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(3, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(8, 16, 4, 2, 1), nn.BatchNorm2d(16), nn.LeakyReLU(0.2),
            nn.Conv2d(16, 32, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(32, 64, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(64, 1, 4, 1, 0),
        )  # fmt: skip

    def forward(self, x):
        return self.main(x).view(-1, 1).squeeze(1)


class ConditionalGenerator(nn.Module):
    def __init__(self):
        super().__init__()
        self.label_emb = nn.Embedding(10, 10)
        self.model = nn.Sequential(nn.Linear(110, 64), nn.BatchNorm1d(64), nn.LeakyReLU(), nn.Linear(64, 784), nn.Tanh())

    def forward(self, noise, labels):
        x = torch.cat((self.label_emb(labels), noise), -1)
        return self.model(x).view(x.size(0), 1, 28, 28)


class Denoiser(nn.Module):
    def __init__(self, channels=3, dim=32):
        super().__init__()
        self.dim = dim
        self.inp = nn.Conv2d(channels, dim, 3, padding=1)
        self.time = nn.Sequential(nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, dim))
        self.norm = nn.GroupNorm(8, dim)
        self.out = nn.Conv2d(dim, channels, 3, padding=1)

    def forward(self, x, t):
        half = self.dim // 2
        freqs = torch.exp(-math.log(10000) * torch.arange(half) / half)
        args = t[:, None].float() * freqs[None]
        emb = self.time(torch.cat([args.cos(), args.sin()], -1))
        return self.out(F.silu(self.norm(self.inp(x) + emb[:, :, None, None])))


class Radiance(nn.Module):
    def __init__(self, input_ch=63, input_ch_views=27, W=32):
        super().__init__()
        self.input_ch, self.input_ch_views = input_ch, input_ch_views
        self.pts = nn.Linear(input_ch, W)
        self.views = nn.Linear(W + input_ch_views, W)
        self.rgb = nn.Linear(W, 3)

    def forward(self, x):
        pts, views = torch.split(x, [self.input_ch, self.input_ch_views], dim=-1)
        h = F.relu(self.pts(pts))
        return self.rgb(F.relu(self.views(torch.cat([h, views], -1))))


class Critic(nn.Module):
    def __init__(self, obs_dim=17, act_dim=6):
        super().__init__()
        self.q = nn.Sequential(nn.Linear(obs_dim + act_dim, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, obs, act):
        return self.q(torch.cat([obs, act], dim=-1)).squeeze(-1)


class Atari(nn.Module):
    def __init__(self, n_actions=4):
        super().__init__()
        self.network = nn.Sequential(
            nn.Conv2d(4, 32, 8, stride=4), nn.ReLU(), nn.Conv2d(32, 64, 4, stride=2), nn.ReLU(),
            nn.Conv2d(64, 64, 3, stride=1), nn.ReLU(), nn.Flatten(), nn.Linear(3136, 64), nn.ReLU(), nn.Linear(64, n_actions),
        )  # fmt: skip

    def forward(self, x):
        return self.network(x / 255.0)


class Recommender(nn.Module):
    def __init__(self):
        super().__init__()
        self.user_embedding = nn.Embedding(50, 8)
        self.item_embedding = nn.Embedding(70, 8)
        self.mlp = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 1))

    def forward(self, user, item):
        return torch.sigmoid(self.mlp(torch.cat([self.user_embedding(user), self.item_embedding(item)], -1))).squeeze()


class WideAndDeep(nn.Module):
    def __init__(self, cards=(10, 20, 30), numeric=7):
        super().__init__()
        self.embeddings = nn.ModuleList([nn.Embedding(c, 4) for c in cards])
        self.bn = nn.BatchNorm1d(numeric)
        self.fc = nn.Linear(4 * len(cards) + numeric, 2)

    def forward(self, x_cat, x_cont):
        x = torch.cat([e(x_cat[:, i]) for i, e in enumerate(self.embeddings)], 1)
        return self.fc(torch.cat([x, self.bn(x_cont)], 1))


class Forecaster(nn.Module):
    """Linear over time, each channel by itself."""

    def __init__(self, seq_len=96, pred_len=24):
        super().__init__()
        self.seq_len, self.pred_len = seq_len, pred_len
        self.linear = nn.Linear(seq_len, pred_len)

    def forward(self, x):
        return self.linear(x.permute(0, 2, 1)).permute(0, 2, 1)


class Attention(nn.Module):
    def __init__(self, d_model=48, n_heads=4):
        super().__init__()
        self.n_heads = n_heads
        self.w_q, self.w_k, self.w_v = nn.Linear(d_model, d_model), nn.Linear(d_model, d_model), nn.Linear(d_model, d_model)
        self.w_o = nn.Linear(d_model, d_model)

    def forward(self, q, k, v, mask=None):
        b, t, d = q.shape
        q, k, v = (
            w(x).view(b, -1, self.n_heads, d // self.n_heads).transpose(1, 2)
            for w, x in zip((self.w_q, self.w_k, self.w_v), (q, k, v), strict=True)
        )
        scores = q @ k.transpose(-2, -1) / math.sqrt(d // self.n_heads)
        if mask is not None:
            scores = scores.masked_fill(mask == 0, float("-inf"))
        return self.w_o((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, d))


class Regression(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.randn(()))
        self.b = nn.Parameter(torch.randn(()))

    def forward(self, x):
        return self.a * x + self.b


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 6)

    def forward(self, x, scale: float, residual: bool):
        return x + scale * self.fc(x) if residual else scale * self.fc(x)


class Mixer(nn.Module):
    def __init__(self, num_patches=49, dim=24):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.tokens = nn.Linear(num_patches, num_patches)
        self.channels = nn.Linear(dim, dim)

    def forward(self, x):
        x = x + self.tokens(self.norm(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(x)


class DoublePrecision(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(9, 3).double()

    def forward(self, x):
        return self.fc(x)


class Anything(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(11, 5), nn.ReLU())

    def forward(self, *args, **kwargs):
        return self.net(*args, **kwargs)


class LabelPlanes(nn.Module):
    """The label as constant planes beside the picture's channels."""

    def __init__(self, classes=10):
        super().__init__()
        self.classes = classes
        self.conv = nn.Conv2d(3 + classes, 8, 3)
        self.bn = nn.BatchNorm2d(8)

    def forward(self, img, label):
        planes = F.one_hot(label, self.classes).float()[:, :, None, None].expand(-1, -1, *img.shape[2:])
        return self.bn(self.conv(torch.cat([img, planes], 1)))


class SpaceTime(nn.Module):
    """A solution of a differential equation: one number each of place and time."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 20), nn.Tanh(), nn.Linear(20, 1))

    def forward(self, x, t):
        return self.net(torch.cat([x, t], dim=1))


class HandedOn(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(8, 12, batch_first=True)
        self.out = nn.Linear(12, 2)

    def forward(self, x, state):
        h, c = state
        y, state = self.lstm(x, (h, c))
        return self.out(y), state


class Modalities(nn.Module):
    def __init__(self, dims=(35, 74, 300)):
        super().__init__()
        self.projections = nn.ModuleList([nn.Linear(d, 16) for d in dims])
        self.out = nn.Linear(48, 1)

    def forward(self, visual, audio, text):
        parts = [projection(x) for projection, x in zip(self.projections, (visual, audio, text))]
        return self.out(torch.cat(parts, -1))


class StateAndAction(nn.Module):
    """The action comes in after the first layer."""

    def __init__(self, state_dim=24, action_dim=4):
        super().__init__()
        self.first = nn.Linear(state_dim, 64)
        self.bn = nn.BatchNorm1d(64)
        self.second = nn.Linear(64 + action_dim, 1)

    def forward(self, state, action):
        return self.second(torch.cat([F.relu(self.bn(self.first(state))), action], 1))
