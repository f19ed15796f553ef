"""The contract of a sharing scheme: which encoder parameters the tasks have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from .encoder import Encoder
from .inputs import Vectors
from .specs import FeatureSpec, ImageSpec


@dataclass(frozen=True)
class EncoderBuilder:
    """A sharing scheme's `build_encoder`: call it for a new encoder; `image` is what that will see.

    Where the data set has no image it is its `Vectors`, which `forward` then gets in the image's place.
    """

    image: ImageSpec | Vectors
    build: Callable[[], Encoder]

    def __call__(self) -> Encoder:
        """Return a new, independently initialised encoder."""
        return self.build()


@dataclass(frozen=True)
class LearnedTable:
    """A small table of what a sharing scheme learned, for people: `values[i][j]` of row `i`, column `j`.

    `meaning` says in one sentence what a number is.
    """

    title: str
    meaning: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]

    @classmethod
    def of(
        cls, title: str, meaning: str, rows: Sequence[str], columns: Sequence[str], values: Tensor
    ) -> LearnedTable:
        """Return the table of a tensor `[len(rows), len(columns)]`."""
        numbers = tuple(tuple(row) for row in values.detach().double().tolist())
        return cls(title, meaning, tuple(rows), tuple(columns), numbers)


class Sharing(nn.Module):
    """A sharing scheme; its constructor takes `(tasks: Sequence[str], build_encoder, *, options)`.

    `build_encoder()` returns a new, independently initialised `Encoder` at every call; the engine gives an
    `EncoderBuilder`, which knows the form of the image as well. The scheme sets `feature_specs`, the stages
    each task's head will see. It raises `Incompatible` with the reason when the tasks or the encoder do not
    suit it. What it draws in training it draws from torch's own generator, which the engine seeds at every
    step; in evaluation mode it draws nothing. `common_features` says that all heads read the very
    same tensors, as a balancer on features needs. `batch_share` is how much of the batch this process
    has where several train one model: what a scheme adds to the losses itself, as a mean over the batch, it
    multiplies by that.
    """

    feature_specs: Mapping[str, tuple[FeatureSpec, ...]]
    fuses: frozenset[str] = frozenset()
    common_features: bool = False
    batch_share: float = 1.0

    def __init__(self, tasks: Sequence[str], build_encoder: Callable[[], Encoder]) -> None:
        super().__init__()
        self.tasks = tuple(tasks)

    def forward(
        self, image: Tensor, inputs: Mapping[str, Tensor], tasks: Sequence[str]
    ) -> dict[str, tuple[Tensor, ...]]:
        """Return the stage outputs for each of `tasks` (a subset of all), from normalised `[B, C, H, W]`."""
        raise NotImplementedError

    def pre_epoch(self, epoch: int, epochs: int) -> None:
        """Called before every epoch of training, counted from 1, of so many (default: nothing).

        For what follows the course of training, such as a temperature. A resumed run calls it with the epoch
        it goes on with, so nothing of it need be saved. What it changes are tensors, in place: a captured
        step reads them, and runs no Python.
        """

    def shared_parameters(self) -> list[nn.Parameter]:
        """Return the parameters that more than one task's loss reaches."""
        raise NotImplementedError

    def trained_together(self) -> list[nn.Parameter]:
        """Return the shared parameters that are trained: a frozen one has no gradient to balance."""
        return [parameter for parameter in self.shared_parameters() if parameter.requires_grad]

    def learned(self, image: Tensor, inputs: Mapping[str, Tensor]) -> tuple[LearnedTable, ...]:
        """Return what the scheme learned about sharing, as small tables (default: none).

        Weights that depend on the input are averaged over the given batch: normalised images
        `[B, C, H, W]` and extra inputs. Called in evaluation mode without gradients; the tables stand in
        the run's `sharing.json` and report.
        """
        return ()

    def settled(self) -> Sharing:
        """Return a scheme that computes the same in evaluation mode with less (default: itself).

        Exported files are made of it. Called in evaluation mode; the scheme itself is left as it is.
        """
        return self
