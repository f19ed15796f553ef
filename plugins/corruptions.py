"""The ways to spoil an image that denoising, denoising autoencoders and the noise augmentation share."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from ..core.contracts.randomness import Random

Noise = Literal["gaussian", "dropout", "salt-and-pepper"]
"""A kind of noise by name."""


def add_noise(image: Tensor, noise: Noise, amount: float, random: Random) -> Tensor:
    """Return the images `[B, C, H, W]` in 0..1 with noise, clipped to 0..1.

    - `gaussian`: every value moves by a normal deviate of standard deviation `amount`, where 1 is the
      whole pixel range;
    - `dropout`: a pixel turns black in all channels with probability `amount`; the others keep their value,
      unlike `nn.Dropout`, which would scale them out of 0..1;
    - `salt-and-pepper`: a pixel turns black or white, each with probability `amount / 2`.

    >>> import torch
    >>> from mtl.contracts import StepRandom
    >>> add_noise(torch.ones(1, 1, 1, 3), "dropout", 1.0, StepRandom(1, "cpu", 0)).tolist()
    [[[[0.0, 0.0, 0.0]]]]
    """
    if noise == "gaussian":
        return (image + amount * random.normal(*image.shape[1:])).clamp(0.0, 1.0)
    chance = random.uniform(1, *image.shape[2:])
    if noise == "dropout":
        return image.masked_fill(chance < amount, 0.0)
    return image.masked_fill(chance < amount / 2, 0.0).masked_fill(chance >= 1.0 - amount / 2, 1.0)
