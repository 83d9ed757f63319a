"""BMSG-GAN's training step in PyTorch, written from its description: the yardstick.

Equalized learning rate by scaling weights when they are used, nearest-neighbour `interpolate`,
`avg_pool2d`, relativistic average hinge loss, Adam, moving average of the generator. Weights have
the names of BMSG-GAN's files.
"""

import copy
import itertools
import math

import torch
from torch import nn
from torch.nn import functional


class Scaled(nn.Module):
    """Weight of N(0, 1), scaled when used, and a bias of zeros."""

    def __init__(self, shape, fan_in, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(shape))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.scale = math.sqrt(2.0 / fan_in)


class Conv(Scaled):
    """Convolution; 3x3 and 1x1 keep the size."""

    def __init__(self, inputs, outputs, size, padding=0):
        super().__init__((outputs, inputs, size, size), inputs * size**2, outputs)
        self.padding = padding

    def forward(self, x):
        return functional.conv2d(x, self.weight * self.scale, self.bias, padding=self.padding)


class Start(Scaled):
    """4x4 transposed convolution of a latent vector."""

    def __init__(self, latent_size):
        super().__init__((latent_size, latent_size, 4, 4), latent_size, latent_size)

    def forward(self, z):
        return functional.conv_transpose2d(z[:, :, None, None], self.weight * self.scale, self.bias)


def activate(x):
    return functional.leaky_relu(x, 0.2)


def pixel_norm(x):
    return x / torch.sqrt(x.pow(2).mean(dim=1, keepdim=True) + 1e-8)


def widths(depth, latent_size):
    """Channels at every scale, low to high."""
    return [min(latent_size, 8 * latent_size // 2**level) for level in range(depth)]


class Pair(nn.Module):
    """The two layers of a block."""

    def __init__(self, conv_1, conv_2):
        super().__init__()
        self.conv_1 = conv_1
        self.conv_2 = conv_2


class FinalBlock(nn.Module):
    """From the combined activation of 4x4 to the score."""

    def __init__(self, channels):
        super().__init__()
        self.conv_1 = Conv(channels + 1, channels, 3, 1)
        self.conv_2 = Conv(channels, channels, 4)
        self.conv_3 = Conv(channels, 1, 1)

    def forward(self, x):
        deviation = torch.sqrt(x.var(dim=0, unbiased=False) + 1e-8).mean()
        x = torch.cat([x, deviation.expand(len(x), 1, 4, 4)], dim=1)
        x = activate(self.conv_2(activate(self.conv_1(x))))
        return self.conv_3(x)[:, :, 0, 0]


class Generator(nn.Module):
    """Images of all scales, low to high, from latents on the sphere."""

    def __init__(self, depth, latent_size):
        super().__init__()
        channels = widths(depth, latent_size)
        self.layers = nn.ModuleList(
            [Pair(Start(latent_size), Conv(latent_size, latent_size, 3, 1))]
        )
        for below, c in itertools.pairwise(channels):
            self.layers.append(Pair(Conv(below, c, 3, 1), Conv(c, c, 3, 1)))
        self.rgb_converters = nn.ModuleList(Conv(c, 3, 1) for c in channels)

    def forward(self, z):
        first, *blocks = self.layers
        x = pixel_norm(activate(first.conv_2(activate(first.conv_1(z)))))
        activations = [x]
        for block in blocks:
            x = pixel_norm(activate(block.conv_1(functional.interpolate(x, scale_factor=2))))
            x = pixel_norm(activate(block.conv_2(x)))
            activations.append(x)
        pairs = zip(self.rgb_converters, activations, strict=True)
        return [to_rgb(x) for to_rgb, x in pairs]


class Discriminator(nn.Module):
    """Scores of images of all scales, low to high."""

    def __init__(self, depth, latent_size):
        super().__init__()
        channels = widths(depth, latent_size)
        self.layers, self.rgb_to_features = nn.ModuleList(), nn.ModuleList()
        for below, c in itertools.pairwise(channels):
            # Half of what the next block combines comes from its image.
            self.layers.append(Pair(Conv(c, c, 3, 1), Conv(c, below // 2, 3, 1)))
            self.rgb_to_features.append(Conv(3, c // 2, 1))
        self.rgb_to_features[-1] = Conv(3, channels[-1], 1)
        self.final_converter = Conv(3, latent_size // 2, 1)
        self.final_block = FinalBlock(latent_size)

    def forward(self, images):
        from_rgb = [self.final_converter, *self.rgb_to_features]
        features = [f(image) for f, image in zip(from_rgb, images, strict=True)]
        x = features.pop()
        for block in reversed(self.layers):
            x = functional.avg_pool2d(activate(block.conv_2(activate(block.conv_1(x)))), 2)
            x = torch.cat([features.pop(), x], dim=1)
        return self.final_block(x)


def relativistic_hinge(higher, lower):
    """Mean over the batch."""
    return (
        functional.relu(1 - (higher - lower.mean())).mean()
        + functional.relu(1 + (lower - higher.mean())).mean()
    )


class TorchTraining:
    """D update, G update with the same latents, moving average.

    Args:
        depth, latent_size: Sizes of BMSG-GAN.
        device: Where it is computed, as PyTorch calls it.
    """

    def __init__(self, depth, latent_size, device="cpu"):
        self.depth = depth
        self.latent_size = latent_size
        self.device = device
        self.G = Generator(depth, latent_size).to(device)
        self.D = Discriminator(depth, latent_size).to(device)
        self.average = copy.deepcopy(self.G).requires_grad_(False)
        self.G_opt, self.D_opt = (
            torch.optim.Adam(network.parameters(), 0.003, betas=(0.0, 0.99), eps=1e-8)
            for network in (self.G, self.D)
        )

    def pyramid(self, reals):
        """Real images `[N, 3, r, r]` at all scales, low to high."""
        return [functional.avg_pool2d(reals, 2**i) for i in reversed(range(1, self.depth))] + [
            reals
        ]

    def D_loss(self, reals, z):
        fakes = [image.detach() for image in self.G(z)]
        return relativistic_hinge(self.D(reals), self.D(fakes))

    def G_loss(self, reals, z):
        return relativistic_hinge(self.D(self.G(z)), self.D(reals))

    def step(self, reals):
        """One step.

        Args:
            reals: uint8 `[N, 3, r, r]`.
        """
        reals = self.pyramid(reals.float() / 127.5 - 1.0)
        z = torch.randn(len(reals[0]), self.latent_size, device=self.device)
        z = z / z.norm(dim=1, keepdim=True) * math.sqrt(self.latent_size)
        for loss, optimizer in ((self.D_loss, self.D_opt), (self.G_loss, self.G_opt)):
            optimizer.zero_grad()
            loss(reals, z).backward()
            optimizer.step()
        with torch.no_grad():
            weights = zip(self.average.parameters(), self.G.parameters(), strict=True)
            for average, weight in weights:
                average.lerp_(weight, 0.001)
