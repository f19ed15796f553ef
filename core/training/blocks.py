"""What the model gets in training: several steps' samples gathered and shown in one go, then cut up.

Making a small batch costs as much as making a larger one, so the batches of a block of steps are made
together. How many depends on the recipe, the data and the kind of device alone, so random numbers stay a
function of seed, epoch and block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from ..base.ranks import ALONE, Ranks, Rows
from ..composition.composition import Composition
from ..composition.losses import Known, known, known_mixture
from ..composition.memory_format import memory_format
from ..composition.views import Seen, View, augment, plan_views, target_of
from ..contracts.batch import Batch
from ..contracts.randomness import Generators, StepRandom, Turns
from ..data.samples import Samples
from .feed import Sent, feed_of
from .own_rows import OwnRows, counted_together, own_rows

BYTES = 4 << 20
"""Most bytes of a block's images, as float32: making a block costs the same for two steps as for ten."""

LONGEST = 16
"""Most steps of a block."""

CARD_BYTES = 64 << 20
"""Most bytes of a block's images on a GPU, where a block is one replay: no cache has to hold it."""

CARD_LONGEST = 64
"""Most steps of a block on a GPU: what a replay costs the host is shared by so many."""

BLOCKS = 8
"""How many blocks an epoch on a GPU should have at least, if they need not be shorter than elsewhere.

The first two of a training are taken step by step, before one is captured.
"""


@dataclass(frozen=True)
class Lesson:
    """What one view gives the model in one step, and what its tasks are to answer.

    `normalized` is the image as encoders see it, and `counts` how many labels each of the tasks has, `[T]`:
    both come with a whole block, where making them step by step would launch more. Where `rows` are given it
    holds these of the step's batch alone, each counting for what it does in all of it.
    """

    tasks: tuple[str, ...]
    image: Tensor
    inputs: Mapping[str, Tensor]
    answers: Mapping[str, Known]
    normalized: Tensor | None = None
    counts: Tensor | None = None
    rows: Rows | None = None

    def counted(self) -> Tensor:
        """Return how many labels each of the tasks has, `[T]`."""
        if self.counts is not None:
            return self.counts
        return torch.stack([self.answers[name].count for name in self.tasks])


StepLessons = tuple[Lesson, ...]
"""Everything one step is trained on: a lesson per view."""


def step_sizes(count: int, batch_size: int) -> list[int]:
    """Return how many samples each step of an epoch over `count` samples has.

    A last sample that would be alone joins the step before: statistics over a batch need two.

    >>> step_sizes(70, 32), step_sizes(65, 32), step_sizes(1, 32)
    ([32, 32, 6], [32, 33], [1])
    """
    full, rest = divmod(count, batch_size)
    if rest == 1 and full and batch_size > 1:
        return [batch_size] * (full - 1) + [batch_size + 1]
    return [batch_size] * full + ([rest] if rest else [])


def steps_per_block(batch_size: int, image_shape: Sequence[int], accumulate: int = 1) -> int:
    """Return how many steps' batches are made together; whole runs of `accumulate` batches where they fit.

    >>> steps_per_block(32, (1, 28, 28)), steps_per_block(256, (3, 224, 224))
    (16, 1)
    >>> steps_per_block(32, (1, 28, 28), accumulate=5)
    15
    """
    return whole_runs(_most(LONGEST, BYTES, batch_size, image_shape), accumulate)


def steps_per_replay(count: int, batch_size: int, image_shape: Sequence[int], accumulate: int = 1) -> int:
    """Return how many steps' batches are made together on a GPU, of an epoch of `count` samples.

    >>> [steps_per_replay(count, 32, (1, 28, 28)) for count in (1_000, 10_000, 54_000)]
    [16, 39, 64]
    """
    epoch = len(step_sizes(count, batch_size))
    longest = max(LONGEST, min(CARD_LONGEST, epoch // BLOCKS))
    return whole_runs(_most(longest, CARD_BYTES, batch_size, image_shape), accumulate)


def _most(longest: int, size: int, batch_size: int, image_shape: Sequence[int]) -> int:
    return max(1, min(longest, size // (4 * batch_size * max(1, prod(image_shape)))))


def whole_runs(most: int, accumulate: int) -> int:
    """Return at most so many steps: whole runs of `accumulate` batches, where one fits."""
    return most - most % accumulate if accumulate <= most else most


class Blocks:
    """Makes the lessons of the training steps from `samples`, a block of steps at a time.

    Augmentations and tasks see the samples of the whole block as one batch. Of several `ranks` each gathers
    the samples of its rows, and what these depend on; random numbers and counts are those of the whole block.
    """

    def __init__(
        self,
        composition: Composition,
        samples: Samples,
        device: torch.device,
        ranks: Ranks = ALONE,
    ) -> None:
        self._composition = composition
        self._ranks = ranks
        self._own: dict[tuple[int, torch.device], OwnRows] = {}
        self._feed = feed_of(samples, self._kept)
        self._memory_format = memory_format(composition.recipe.train.channels_last)
        self._tasks = {name: composed.task for name, composed in composition.tasks.items()}
        self._views = plan_views(self._tasks, composition.recipe.views)
        self._batch_size = composition.recipe.train.batch_size
        self._device = device
        self.generators = Generators(device)
        self._epoch = torch.zeros((), dtype=torch.int64, device=device)
        shape, accumulate = composition.dataset_spec.image.kept_shape, composition.recipe.train.accumulate
        self.steps = (
            steps_per_replay(len(samples), self._batch_size, shape, accumulate)
            if device.type == "cuda"
            else steps_per_block(self._batch_size, shape, accumulate)
        )

    def split(self, order: Tensor, first: int = 0) -> tuple[Tensor, ...]:
        """Return an epoch's sample indices `[N]` block by block, from block `first` on.

        Their lessons are wanted in this order.
        """
        sizes = step_sizes(len(order), self._batch_size)
        blocks = [sum(sizes[start : start + self.steps]) for start in range(0, len(sizes), self.steps)]
        parts: tuple[Tensor, ...] = order.split(blocks)[first:]
        for part in parts:
            # A captured step copies nothing from the host.
            for device in (self._device, part.device):
                self._own_rows(len(part), device)
        self._feed.expect(parts)
        return parts

    def send(self, indices: Tensor) -> Sent:
        """Send the samples at `indices` `[N]` to the device; a block can be made of them again and again."""
        return self._feed.send(indices)

    def restart(self, epoch: int, block: int) -> None:
        """Make ready the random numbers of a block, counted from 0."""
        self.generators.restart(self._composition.recipe.seed, "train", epoch, block)
        self._epoch.fill_(epoch)

    def lessons(self, given: Tensor | Sent, epoch: int, block: int) -> list[StepLessons]:
        """Return what each step of a block is trained on, from its samples or their indices.

        `restart` comes before.
        """
        seed = self._composition.recipe.seed
        sent = self.send(given) if isinstance(given, Tensor) else given
        own = self._own_rows(len(sent[0]), self._device)
        random = StepRandom(
            len(sent[0]),
            self._device,
            seed,
            "train",
            epoch,
            block,
            generators=self.generators,
            turns=Turns(own.gathered(sent[0]), self._epoch, seed),
            rows=own.read,
        )
        batch = augment(self._feed.batch(sent), self._composition.augmentations, random)
        lessons = [self._cut(view, batch, random, own) for view in self._views]
        return list(zip(*lessons, strict=True))

    def _kept(self, indices: Tensor) -> Tensor:
        """Return of the indices of a block's samples those of the samples that are gathered."""
        return self._own_rows(len(indices), indices.device).gathered(indices)

    def _own_rows(self, count: int, device: torch.device) -> OwnRows:
        """Return what this process makes of a block of `count` samples, as tensors on a device."""
        if (found := self._own.get((count, device))) is None:
            sizes, composition = step_sizes(count, self._batch_size), self._composition
            # Each of a balancer's parts is parted among the ranks for itself, once it is cut.
            if self._ranks.alone or composition.balancer.parts > 1:
                found = OwnRows(tuple(sizes))
            else:
                found = own_rows(sizes, self._ranks, composition.augmentations).to(device)
            self._own[count, device] = found
        return found

    def _cut(self, view: View, batch: Batch, random: StepRandom, own: OwnRows) -> list[Lesson]:
        """Return a view's lesson for each step of the block."""
        seen, sizes = view.show(batch, self._tasks, random), own.sizes
        whole = own.own(seen.image).contiguous(memory_format=self._memory_format)
        images, normalized = whole.split(sizes), self._normalized(whole, sizes)
        inputs = {name: own.own(value).split(sizes) for name, value in seen.inputs.items()}
        answers = {name: self._answers(name, seen).chosen(own.own).split(sizes) for name in view.tasks}
        found = torch.stack([known.count for step in zip(*answers.values(), strict=True) for known in step])
        counts = found.view(len(sizes), -1)
        if own.rows is not None:
            counts, answers = counted_together(counts, answers, own, self._ranks)
        return [
            Lesson(
                view.tasks,
                image,
                {name: parts[step] for name, parts in inputs.items()},
                {name: parts[step] for name, parts in answers.items()},
                normalized[step],
                counted,
                None if own.rows is None else own.rows[step],
            )
            for step, (image, counted) in enumerate(zip(images, counts.unbind(), strict=True))
        ]

    def _normalized(self, images: Tensor, sizes: Sequence[int]) -> Sequence[Tensor | None]:
        composition = self._composition
        if not composition.dataset_spec.image:
            return [None] * len(sizes)
        parts: tuple[Tensor, ...] = composition.model.normalization(images).split(list(sizes))
        return parts

    def _answers(self, name: str, seen: Seen) -> Known:
        """Return a task's targets; of mixed images both, unless it answers with the image itself."""
        target, form = target_of(self._tasks[name], seen), self._tasks[name].target_spec
        mixture = seen.clean.mixture
        return (
            known(target, form) if mixture is None or form.is_image else known_mixture(target, form, mixture)
        )
