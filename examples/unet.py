"""Cell segmentation with a small U-Net: two convolutions a stage, then batch norm, activation and pooling."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class UNet(nn.Module):
    def __init__(self, in_channels=1, num_classes=2, width=16):
        super().__init__()
        # encoder, stage 1
        self.conv0_e1 = nn.Conv2d(in_channels, width, kernel_size=3, padding=1)
        self.conv1_e1 = nn.Conv2d(width, width, kernel_size=3, padding=1)
        self.norm_e1 = nn.BatchNorm2d(width)
        self.actv_e1 = nn.ReLU(inplace=True)
        self.pool_e1 = nn.MaxPool2d(2)
        # encoder, stage 2
        self.conv0_e2 = nn.Conv2d(width, width * 2, kernel_size=3, padding=1)
        self.conv1_e2 = nn.Conv2d(width * 2, width * 2, kernel_size=3, padding=1)
        self.norm_e2 = nn.BatchNorm2d(width * 2)
        self.actv_e2 = nn.ReLU(inplace=True)
        self.pool_e2 = nn.MaxPool2d(2)
        # bridge
        self.conv_b = nn.Conv2d(width * 2, width * 4, kernel_size=3, padding=1, bias=False)
        self.norm_b = nn.BatchNorm2d(width * 4)
        self.actv_b = nn.ReLU(inplace=True)
        # decoder, stage 2
        self.upsc_d2 = nn.ConvTranspose2d(width * 4, width * 2, kernel_size=2, stride=2)
        self.conv_d2 = nn.Conv2d(
            width * 4,
            width * 2,
            kernel_size=3,
            padding=1,  # keeps the size
        )
        self.norm_d2 = nn.BatchNorm2d(width * 2)
        # decoder, stage 1
        self.upsc_d1 = nn.ConvTranspose2d(width * 2, width, kernel_size=2, stride=2)
        self.conv_d1 = nn.Conv2d(width * 2, width, kernel_size=3, padding=1, bias=True)
        self.norm_d1 = nn.BatchNorm2d(width)
        self.head = nn.Conv2d(width, num_classes, kernel_size=1)

    def forward(self, x):
        x = self.conv0_e1(x)
        x = self.conv1_e1(x)
        x = self.norm_e1(x)
        e1 = self.actv_e1(x)

        x = self.pool_e1(e1)
        x = self.conv0_e2(x)
        x = self.conv1_e2(x)
        x = self.norm_e2(x)
        e2 = self.actv_e2(x)

        x = self.pool_e2(e2)
        x = self.actv_b(self.norm_b(self.conv_b(x)))

        x = torch.cat([self.upsc_d2(x), e2], dim=1)
        x = F.relu(self.norm_d2(self.conv_d2(x)))
        x = torch.cat([self.upsc_d1(x), e1], dim=1)
        x = F.relu(self.norm_d1(self.conv_d1(x)))
        return self.head(x)


def synthetic_batch(size=4, side=32):
    """Bright disks on noise, and the masks of the disks."""
    grid = torch.stack(torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")).float()
    center = torch.randint(8, side - 8, (size, 2, 1, 1)).float()
    mask = ((grid - center).pow(2).sum(dim=1) < 36).long()
    return mask.unsqueeze(1) + 0.3 * torch.randn(size, 1, side, side), mask


def train(steps=30):
    model = UNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    model.train()
    for _ in range(steps):
        images, masks = synthetic_batch()
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), masks)
        loss.backward()
        optimizer.step()
    return loss.item()


if __name__ == "__main__":
    print(f"loss {train():.3f}")
