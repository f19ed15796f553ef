"""A recipe resolved to live objects: everything that training, evaluation and export need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from ..base.notebook import box, table
from ..contracts import (
    Augmentation,
    Balancer,
    Dataset,
    Encoder,
    Exporter,
    Form,
    Loss,
    Metric,
    Task,
    WeightsOrigin,
)
from ..contracts.inputs import ModelInput
from ..contracts.specs import DatasetSpec
from ..discovery.declared import ask
from ..discovery.responsibility import Owners
from ..recipe.recipe import Recipe
from .costs import COUNT, Cost, costs
from .model import MultitaskModel
from .training_parts import TrainingParts


@dataclass(frozen=True)
class ComposedTask:
    """One task with its loss and metrics; its head lives in the model."""

    name: str
    task: Task
    weight: float
    loss: Loss
    metrics: Mapping[str, Metric]

    @property
    def target(self) -> Form:
        """The form of the answer."""
        return self.task.target_spec


@dataclass(frozen=True)
class Composition:
    """A resolved recipe with its objects; `recipe` names every component and option in full."""

    recipe: Recipe
    dataset: Dataset
    dataset_spec: DatasetSpec
    augmentations: tuple[Augmentation, ...]
    tasks: Mapping[str, ComposedTask]
    model: MultitaskModel
    balancer: Balancer
    training: TrainingParts
    exporter: Exporter
    encoders: tuple[Encoder, ...] = ()
    """The model's encoders in the order in which they were made, wherever the sharing scheme keeps them."""
    prepared: frozenset[str] = frozenset()
    """The vectors whose preparation came with weights, and is not fitted to the training rows."""
    owners: Owners = field(default_factory=Owners, repr=False)
    """The components by name, for whom to name when one of them fails at work."""
    form_plugins: Mapping[str, str] = field(default_factory=dict)
    """The plugin of each form of answer that is not built in, by the form's name."""
    wanted: tuple[str, ...] = ()
    """What was put where the recipe was silent, as the weights of the encoder want it, line by line."""

    origins: tuple[WeightsOrigin, ...] = ()
    """Where the weights come from that training starts with, where they were not drawn."""

    @property
    def inputs(self) -> tuple[ModelInput, ...]:
        """What the model reads beside the image: the data set's vectors, then the tasks' inputs in order."""
        return (
            *self.dataset_spec.inputs,
            *(spec for task in self.tasks.values() for spec in task.task.inputs),
        )

    @property
    def targets(self) -> dict[str, Form]:
        """The form of each task's answer, in task order."""
        return {name: task.target for name, task in self.tasks.items()}

    def at_work(self, doing: str | Callable[[], str]) -> AbstractContextManager[None]:
        """Name the component that fails in this block and what it was `doing` (`Owners.at_work`)."""
        return self.owners.at_work(doing)

    def understood(self) -> Sequence[str]:
        """Return what the data set made of its files, and what the encoder wanted of it, line by line."""
        lines: Sequence[str] = ask(self.owners.named(self.dataset), self.dataset, "understood")
        return [*lines, *self.wanted]

    def glance(self) -> Sequence[str]:
        """Return what a quick look at some of the data set's files says (`Dataset.glance`)."""
        with self.at_work("when it looked at some of its files"):
            lines: Sequence[str] = ask(self.owners.named(self.dataset), self.dataset, "glance")
        return lines

    def plan(self) -> dict[str, Any]:
        """Return what would be trained, as JSON values: data, recipe, parameters, inputs and outputs."""
        image = self.dataset_spec.image
        inputs = [{"name": "image", "dtype": "float32", "shape": ["batch", *image.shape]}] if image else []
        inputs += [
            {"name": spec.name, "dtype": spec.dtype, "shape": ["batch", *spec.shape]} for spec in self.inputs
        ]
        outputs = [
            {"name": name, "shape": ["batch", *target.output_shape], "target": target.to_json()}
            for name, target in self.targets.items()
        ]
        return {
            "data": [str(line) for line in self.understood()],
            "recipe": self.recipe.to_plain(),
            "recipe_hash": self.recipe.hash(),
            "parameters": self.parameters(),
            "costs": {name: cost.to_json() for name, cost in self.costs().items()},
            **({"weights": [origin.to_json() for origin in self.origins]} if self.origins else {}),
            "groups": [dict(group) for group in self.training.groups],
            "frozen": self.training.freezing.told(self.model),
            "inputs": inputs,
            "outputs": outputs,
        }

    def _repr_html_(self) -> str:
        chosen = self.recipe
        rows = [
            [
                name,
                item.target.form,
                getattr(choice.head, "name", ""),
                getattr(choice.loss, "name", ""),
                ", ".join(item.metrics),
            ]
            for choice in chosen.tasks
            for name, item in self.tasks.items()
            if choice.name == name
        ]
        said = (
            f"encoder {chosen.encoder.name}, sharing {chosen.sharing.name}, "
            f"balancer {chosen.balancer.name}, {self.parameters()['total']:,} parameters"
        )
        tasks = table(["task", "answer", "head", "loss", "metrics"], rows)
        return box(f"Composition on {chosen.dataset.name}", said, tasks)

    def costs(self) -> dict[str, Cost]:
        """Return what each stage of the encoder, the sharing scheme and each head cost, by name."""
        return dict(self._costs)

    @cached_property
    def _costs(self) -> dict[str, Cost]:
        with self.at_work("while its costs were counted"):
            return costs(self.model, self.encoders, *self.two_samples())

    def two_samples(self) -> tuple[Tensor, dict[str, Tensor]]:
        """Return images, or what stands in their place, and inputs of two samples, on the model's device."""
        device = next(self.model.parameters()).device
        image = torch.full((COUNT, *self.dataset_spec.image.kept_shape), 0.5, device=device)
        inputs = {
            spec.name: torch.zeros(COUNT, len(spec.columns), device=device)
            for spec in self.dataset_spec.inputs
        }
        for task in self.tasks.values():
            for spec in task.task.inputs:
                inputs[spec.name] = torch.zeros(COUNT, dtype=torch.int64, device=device)
        return image, inputs

    def parameters(self) -> dict[str, Any]:
        """Return the number of trainable parameters: total, encoder (with sharing units), and per head."""
        return {
            "total": _count(self.model),
            "encoder": _count(self.model.sharing),
            "heads": {name: _count(self.model.head(name)) for name in self.tasks},
        }


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
