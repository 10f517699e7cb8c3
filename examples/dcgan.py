"""A generative adversarial network for 16x16 images."""

import torch
import torch.nn as nn


class Generator(nn.Module):
    def __init__(self, latent=32, width=16, channels=1):
        super().__init__()
        self.main = nn.Sequential(
            # latent x 1 x 1
            nn.ConvTranspose2d(latent, width * 4, 4, 1, 0),
            nn.BatchNorm2d(width * 4),
            nn.ReLU(True),
            # (width * 4) x 4 x 4
            nn.ConvTranspose2d(width * 4, width * 2, 4, 2, 1),
            nn.BatchNorm2d(width * 2),
            nn.ReLU(True),
            # (width * 2) x 8 x 8
            nn.ConvTranspose2d(width * 2, channels, 4, 2, 1),
            nn.Tanh(),
        )

    def forward(self, noise):
        return self.main(noise)


class Discriminator(nn.Module):
    def __init__(self, width=16, channels=1):
        super().__init__()

        def block(in_filters, out_filters, normalize=True):
            # The first block has no norm, so this convolution needs its bias there.
            layers = [nn.Conv2d(in_filters, out_filters, 4, 2, 1)]
            if normalize:
                layers.append(nn.BatchNorm2d(out_filters))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            return layers

        self.main = nn.Sequential(
            *block(channels, width, normalize=False),
            *block(width, width * 2),
            nn.Conv2d(width * 2, 1, 4, 1, 0, bias=False),
        )

    def forward(self, images):
        return self.main(images).flatten()


def train(steps=4, batch=8, latent=32):
    generator, discriminator = Generator(latent), Discriminator()
    criterion = nn.BCEWithLogitsLoss()
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    ones, zeros = torch.ones(batch), torch.zeros(batch)
    for _ in range(steps):
        real = torch.rand(batch, 1, 16, 16) * 2 - 1
        fake = generator(torch.randn(batch, latent, 1, 1))

        optimizer_d.zero_grad()
        loss_d = criterion(discriminator(real), ones) + criterion(discriminator(fake.detach()), zeros)
        loss_d.backward()
        optimizer_d.step()

        optimizer_g.zero_grad()
        loss_g = criterion(discriminator(fake), ones)
        loss_g.backward()
        optimizer_g.step()
    return loss_d.item(), loss_g.item()


if __name__ == "__main__":
    print("discriminator {:.3f}, generator {:.3f}".format(*train()))
