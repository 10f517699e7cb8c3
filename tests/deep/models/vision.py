"""Pictures and volumes."""

import torch
import torch.nn.functional as F
from torch import nn


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 4 * 4, 120)
        self.fc2 = nn.Linear(120, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(x.size(0), -1)
        return self.fc2(F.relu(self.fc1(x)))


class CifarNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.classifier = nn.Linear(64 * 8 * 8, 10)

    def forward(self, images):
        x = self.features(images)
        return self.classifier(x.reshape(-1, 64 * 8 * 8))


class AlexNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
        )  # fmt: skip
        self.classifier = nn.Sequential(nn.Dropout(), nn.Linear(32 * 6 * 6, 100), nn.ReLU(), nn.Linear(100, 10))

    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x), 1))


class FlattenedDigits(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))

    def forward(self, x):
        x = x.view(-1, 28 * 28)
        return F.log_softmax(self.fc(x), dim=1)


class DownUp(nn.Module):
    """Skips that fit only where sizes can be halved three times."""

    def __init__(self, channels=(8, 16, 32)):
        super().__init__()
        self.inp = nn.Conv2d(1, channels[0], 3, padding=1)
        self.down = nn.ModuleList([nn.Conv2d(a, b, 3, padding=1) for a, b in zip(channels, channels[1:], strict=False)])
        self.up = nn.ModuleList([nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in zip(channels, channels[1:], strict=False)])
        self.out = nn.Conv2d(channels[0], 2, 1)

    def forward(self, x):
        x = self.inp(x)
        skips = []
        for layer in self.down:
            skips.append(x)
            x = layer(F.max_pool2d(x, 2))
        for layer in reversed(self.up):
            x = layer(x) + skips.pop()
        return self.out(x)


class PatchTransformer(nn.Module):
    def __init__(self, image_size=64, patch=8, dim=32, depth=1):
        super().__init__()
        self.image_size = image_size
        self.patch = patch
        self.embed = nn.Linear(3 * patch * patch, dim)
        self.cls = nn.Parameter(torch.zeros(1, 1, dim))
        self.positions = nn.Parameter(torch.zeros(1, (image_size // patch) ** 2 + 1, dim))
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(dim, 4, 64, batch_first=True), depth)
        self.head = nn.Linear(dim, 10)

    def forward(self, img):
        b, c, h, w = img.shape
        assert h == self.image_size and w == self.image_size, "wrong size"
        p = self.patch
        x = img.reshape(b, c, h // p, p, w // p, p).permute(0, 2, 4, 1, 3, 5).reshape(b, -1, c * p * p)
        x = torch.cat([self.cls.expand(b, -1, -1), self.embed(x)], 1) + self.positions
        return self.head(self.encoder(x)[:, 0])


class ConvPatchTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.to_patches = nn.Conv2d(3, 32, 16, 16)
        self.pos_embed = nn.Parameter(torch.randn(1, 196, 32))
        self.norm = nn.LayerNorm(32)
        self.head = nn.Linear(32, 5)

    def forward(self, x):
        x = self.to_patches(x).flatten(2).transpose(1, 2)
        return self.head(self.norm(x + self.pos_embed).mean(1))


class VideoNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(3, 8, (3, 7, 7), stride=(1, 2, 2), padding=(1, 3, 3))
        self.bn = nn.BatchNorm3d(8)
        self.fc = nn.Linear(8, 4)

    def forward(self, clip):
        return self.fc(self.bn(self.conv(clip)).mean((2, 3, 4)))


class FramesThenSequence(nn.Module):
    """A CNN for each frame and a recurrence over frames."""

    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        self.rnn = nn.LSTM(8, 16, batch_first=True)
        self.fc = nn.Linear(16, 3)

    def forward(self, x):
        b, t, c, h, w = x.size()
        f = self.cnn(x.view(b * t, c, h, w)).view(b, t, -1)
        out, _ = self.rnn(f)
        return self.fc(out[:, -1])


class TextReader(nn.Module):
    """A CRNN, which asserts that the features are one row high."""

    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(
            nn.Conv2d(1, 16, 3, 1, 1), nn.MaxPool2d(2, 2), nn.Conv2d(16, 32, 3, 1, 1), nn.MaxPool2d(2, 2),
            nn.Conv2d(32, 32, 3, 1, 1), nn.MaxPool2d((2, 1)), nn.Conv2d(32, 32, (4, 1)),
        )  # fmt: skip
        self.rnn = nn.LSTM(32, 32, bidirectional=True)
        self.out = nn.Linear(64, 37)

    def forward(self, x):
        conv = self.cnn(x)
        b, c, h, w = conv.size()
        assert h == 1, "the height of conv must be 1"
        out, _ = self.rnn(conv.squeeze(2).permute(2, 0, 1))
        return self.out(out)


class Twins(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(128, 16))

    def forward(self, x1, x2):
        return F.pairwise_distance(self.net(x1), self.net(x2))


class TwoScales(nn.Module):
    """A list of feature maps, each with its own channels."""

    def __init__(self, in_channels=(16, 32)):
        super().__init__()
        self.laterals = nn.ModuleList([nn.Conv2d(c, 8, 1) for c in in_channels])

    def forward(self, features):
        small, large = [conv(f) for conv, f in zip(self.laterals, features, strict=False)]
        return F.interpolate(large, size=small.shape[-2:]) + small


class PictureAndNumbers(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.meta = nn.Linear(5, 8)
        self.fc = nn.Linear(16, 2)

    def forward(self, image, meta):
        return self.fc(torch.cat([self.conv(image).mean((2, 3)), self.meta(meta)], 1))


class ByKey(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.meta = nn.Linear(5, 8)

    def forward(self, batch):
        return {"logits": self.conv(batch["image"]).mean((2, 3)) + self.meta(batch["features"])}


class Lazy(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.LazyConv2d(8, 3)
        self.bn = nn.LazyBatchNorm2d()
        self.fc = nn.LazyLinear(10)

    def forward(self, x):
        return self.fc(F.relu(self.bn(self.conv(x))).flatten(1))


class ChannelsLast(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 8, 3)

    def forward(self, x):
        return self.conv(x.permute(0, 3, 1, 2)).mean((2, 3))


class Detector(nn.Module):
    """Needs targets for as long as it trains."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Conv2d(3, 8, 3, 4, 1)
        self.box = nn.Linear(8, 4)
        self.cls = nn.Linear(8, 5)

    def forward(self, images, targets=None):
        if self.training and targets is None:
            raise ValueError("In training mode, targets should be passed")
        f = torch.stack([self.backbone(image[None])[0].mean((1, 2)) for image in images])
        boxes, logits = self.box(f), self.cls(f)
        if self.training:
            wanted = torch.stack([t["boxes"][0] for t in targets])
            labels = torch.stack([t["labels"][0] for t in targets])
            return {"loss_box": F.l1_loss(boxes, wanted), "loss_cls": F.cross_entropy(logits, labels)}
        return [{"boxes": b, "scores": s} for b, s in zip(boxes, logits, strict=True)]
