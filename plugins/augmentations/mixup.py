"""Images that are two at once."""

from __future__ import annotations

from ...core.contracts.batch import Batch
from ...core.contracts.randomness import Random
from ...core.contracts.specs import DatasetSpec
from .mixing import AlphaOption, Mixing, ShareOption, mixed, partner_of


class Mixup(Mixing):
    """Lays two images over each other, and asks for both answers (Zhang et al. 2018, "mixup").

    The image is `s * own + (1 - s) * other`, with the share `s` of Beta(alpha, alpha) drawn per sample, and
    the loss `s` times that of the own label and `1 - s` times that of the other: for cross-entropy that is
    its value for the mixture of the labels. It comes last among the augmentations.
    """

    def __init__(
        self, dataset: DatasetSpec, *, alpha: AlphaOption = 0.2, probability: ShareOption = 1.0
    ) -> None:
        super().__init__(dataset, alpha=alpha, probability=probability)

    def __call__(self, batch: Batch, random: Random) -> Batch:
        share = self.shares(random)
        own = share[:, None, None, None]
        image = own * batch.image + (1.0 - own) * partner_of(batch.image)
        return mixed(batch, image.clamp(0.0, 1.0), share)
