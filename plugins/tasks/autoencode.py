"""The task of drawing the image again from a narrow latent vector."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor

from ...core.contracts import Task
from ...core.contracts.batch import Batch
from ...core.contracts.randomness import Random
from ...core.contracts.specs import DatasetSpec
from ..corruptions import Noise, add_noise
from ..forms import Image


class Autoencode(Task):
    """Predicts the image itself through `latent` numbers; with `corruption`, from a spoilt image.

    The denoising variant is that of Vincent et al. (2008), "Extracting and Composing Robust Features with
    Denoising Autoencoders". Its answer is one logit per pixel, judged by binary cross-entropy unless the
    recipe names another loss. Works on every data set, and needs no labels.
    """

    loss = "bce"

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        latent: Annotated[
            int | None,
            Field(ge=1, description="Numbers the image must pass through; none: the encoder's own."),
        ] = 10,
        corruption: Annotated[
            Noise | None, Field(description="Noise on what the model sees; none: a plain autoencoder.")
        ] = None,
        amount: Annotated[
            float,
            Field(
                ge=0.0,
                le=1.0,
                description="Strength of the noise: standard deviation (gaussian) or probability per pixel.",
            ),
        ] = 0.1,
        binarise: Annotated[bool, Field(description="Make every pixel black or white first.")] = False,
        threshold: Annotated[
            float, Field(ge=0.0, lt=1.0, description="With `binarise`: pixels above this turn white.")
        ] = 0.5,
    ) -> None:
        super().__init__(dataset)
        self.corruption: Noise | None = corruption
        self.amount = amount
        self.binarise = binarise
        self.threshold = threshold
        self.target_spec = Image(*dataset.image.shape, link="logit")
        self.head = {"name": "decoder", "skip": False, "latent": latent}

    def prepare(self, image: Tensor) -> Tensor:
        """Return the image in black and white when `binarise` is set, else as it is."""
        return (image > self.threshold).to(image.dtype) if self.binarise else image

    def corrupt(self, image: Tensor, random: Random) -> Tensor:
        """Return the spoilt image when `corruption` is set, else as it is."""
        return image if self.corruption is None else add_noise(image, self.corruption, self.amount, random)

    def target(self, batch: Batch) -> Tensor:
        """Return the clean, prepared image, float32 `[B, C, H, W]` in 0..1."""
        return batch.image

    @property
    def prepares(self) -> bool:
        """Whether images are binarised."""
        return self.binarise

    @property
    def corrupts(self) -> bool:
        """Whether the model sees spoilt images."""
        return self.corruption is not None
