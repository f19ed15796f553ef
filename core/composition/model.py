"""The multitask model: preparation of its inputs, shared encoders, one head per task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from ..base.branches import side_by_side
from ..contracts import Form, Head, Sharing
from ..contracts.batch import Features
from ..contracts.inputs import VectorSpec
from .orbit import Orbit
from .preparation import VectorPreparation
from .standardization import Standardization


class Normalization(nn.Module):
    """Subtracts a mean and divides by a standard deviation per channel, both part of the model's state."""

    mean: Tensor
    std: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("std", torch.ones(channels))

    def set(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Set the statistics, one value per channel of images in 0..1; `std` must be positive."""
        self.mean.copy_(torch.as_tensor(mean, dtype=self.mean.dtype))
        self.std.copy_(torch.as_tensor(std, dtype=self.std.dtype))

    def forward(self, image: Tensor) -> Tensor:
        return (image - self.mean[:, None, None]) / self.std[:, None, None]


class MultitaskModel(nn.Module):
    """Maps an image (and extra inputs) to one raw output per task.

    `prepare` are the tasks' fixed preprocessing steps, applied first, so that neither training nor the
    exported file leaves them to the user. `standardizations` put what their tasks' heads answer in units,
    unless a head answers in units already. With an `orbit` the model answers, except in training mode, the
    mean over the images that symmetries make of the one it is given. `vectors` are the data set's, by
    name; where there is no image, encoders get them side by side in its place.
    """

    def __init__(
        self,
        normalization: Normalization,
        sharing: Sharing,
        heads: Mapping[str, Head],
        targets: Mapping[str, Form],
        prepare: Sequence[Callable[[Tensor], Tensor]] = (),
        orbit: Orbit | None = None,
        standardizations: Mapping[str, Standardization] | None = None,
        vectors: Sequence[VectorSpec] = (),
        *,
        pictured: bool = True,
    ) -> None:
        super().__init__()
        self.normalization = normalization
        self.sharing = sharing
        # A task's name may hold a dot or be an attribute of ModuleDict; its position may not.
        self.heads = nn.ModuleList(heads.values())
        self.tasks = tuple(heads)
        self.targets = dict(targets)
        self.orbit = orbit
        standardizations = standardizations or {}
        self.standardizations = nn.ModuleList(standardizations.values())
        self._standardized = tuple(standardizations)
        self._prepare = tuple(prepare)
        # Without vectors a model has the parts that it always had.
        self.preparations = nn.ModuleList(VectorPreparation(spec) for spec in vectors)
        self._pictured = pictured

    @property
    def vectors(self) -> dict[str, VectorPreparation]:
        """What prepares each vector, by the name of the input."""
        found: dict[str, VectorPreparation] = {}
        for part in self.preparations:
            assert isinstance(part, VectorPreparation)
            found[part.spec.name] = part
        return found

    @property
    def passes(self) -> int:
        """How often an image passes through it for one answer, outside training."""
        return 1 if self.orbit is None else len(self.orbit.elements)

    def head(self, task: str) -> Head:
        """Return the head of a task."""
        head = self.heads[self.tasks.index(task)]
        assert isinstance(head, Head)
        return head

    def standardization(self, task: str) -> Standardization | None:
        """Return what puts the values of a task in units; None where nothing does."""
        if task not in self._standardized:
            return None
        standardization = self.standardizations[self._standardized.index(task)]
        assert isinstance(standardization, Standardization)
        return standardization

    def forward(
        self,
        image: Tensor,
        inputs: Mapping[str, Tensor] | None = None,
        tasks: Sequence[str] | None = None,
        *,
        prepared: bool = False,
        normalized: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return the raw output of each task (logits, values in their units) by name.

        `image` is float32 `[B, C, H, W]` in 0..1; `inputs` are whole numbers int64 `[B]` and raw vectors
        float32 `[B, width]` by name;
        `tasks` restricts the answer to some tasks (None: all); `prepared` says that the image comes from a
        view, which prepares it before it is corrupted. `normalized` is what `normalization` makes of it,
        where that is known already.
        """
        inputs = inputs or {}
        chosen = self.tasks if tasks is None else tuple(tasks)
        for prepare in () if prepared else self._prepare:
            image = prepare(image)
        if self.orbit is None or self.training:
            return self.answer_once(image, inputs, chosen, normalized)
        repeated = {name: self.orbit.repeated(values) for name, values in inputs.items()}
        raw = self.answer_once(self.orbit.views(image), repeated, chosen)
        return {task: self.orbit.mean(task, answers) for task, answers in raw.items()}

    def encoded(
        self, image: Tensor, inputs: Mapping[str, Tensor], normalized: Tensor | None = None
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Return what encoders see: the normalised image, or the vectors where there is none, and the inputs.

        Vectors among the inputs are prepared.
        """
        seen = image
        if self._pictured:
            seen = self.normalization(image) if normalized is None else normalized
        if not self.preparations:
            return seen, inputs
        prepared = {name: part(inputs[name]) for name, part in self.vectors.items()}
        if not self._pictured:
            seen = torch.cat(list(prepared.values()), dim=1)
        return seen, {**inputs, **prepared}

    def answer_once(
        self,
        image: Tensor,
        inputs: Mapping[str, Tensor],
        tasks: Sequence[str],
        normalized: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return the raw outputs for prepared images as they are, in no other view, so one row per sample."""
        seen, inputs = self.encoded(image, inputs, normalized)
        stages = self.sharing(seen, inputs, tasks)
        works = [partial(self.head(task), Features(stages[task], image, inputs)) for task in tasks]
        answers = side_by_side(works, image.device, (dict(stages), image, dict(inputs)))
        raw = dict(zip(tasks, answers, strict=True))
        for task in raw:
            standardization = self.standardization(task)
            if standardization is not None and not self.head(task).answers_in_units:
                raw[task] = standardization.restore(raw[task])
        return raw

    def predict(self, image: Tensor, inputs: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Return each task's prediction: probabilities, values, or an image in 0..1."""
        return {task: self.targets[task].predict(raw) for task, raw in self(image, inputs).items()}
