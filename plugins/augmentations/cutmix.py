"""Images with a rectangle of another one."""

from __future__ import annotations

import torch

from ...core.contracts.batch import Batch
from ...core.contracts.randomness import Random
from ...core.contracts.specs import DatasetSpec
from .erase import span
from .mixing import AlphaOption, Mixing, ShareOption, mixed, partner_of


class Cutmix(Mixing):
    """Puts a rectangle of another image into an image, and asks for both answers (Yun et al. 2019, "CutMix").

    The rectangle has the image's proportions and takes `1 - s` of it, with `s` of Beta(alpha, alpha) drawn
    per sample; sides are rounded to whole pixels, at least 1, and the rectangle lies inside the image. The
    loss is the share of pixels times that of the own label, and the rest times that of the other. It comes
    last among the augmentations.
    """

    def __init__(
        self, dataset: DatasetSpec, *, alpha: AlphaOption = 1.0, probability: ShareOption = 0.5
    ) -> None:
        super().__init__(dataset, alpha=alpha, probability=probability)

    def __call__(self, batch: Batch, random: Random) -> Batch:
        height, width = batch.image.shape[-2:]
        drawn = self.shares(random)
        side = (1.0 - drawn).clamp(min=0.0).sqrt()
        rows = span(side * height, height, random.uniform())
        columns = span(side * width, width, random.uniform())
        # A sample that is not mixed has a share of exactly 1.
        inside = (rows[:, :, None] & columns[:, None, :]) & (drawn < 1.0)[:, None, None]
        image = torch.where(inside[:, None], partner_of(batch.image), batch.image)
        return mixed(batch, image, 1.0 - inside.float().mean(dim=(1, 2)))
