"""Resolves a recipe to live objects: negotiates every form before anything is trained.

The order is the way of a batch: data set, tasks, encoder, sharing, heads, losses, metrics, balancer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..base.errors import Incompatible, Problem, RecipeError
from ..contracts import (
    Balancer,
    Dataset,
    Encoder,
    EncoderBuilder,
    Exporter,
    Head,
    Optimizer,
    Schedule,
    Sharing,
    Task,
)
from ..contracts.inputs import ModelInput
from ..contracts.specs import DatasetSpec
from ..discovery.answer_forms import entry_of
from ..discovery.declared import ask
from ..discovery.plugin_loading import HOME
from ..discovery.registry import Registry
from ..recipe.recipe import Recipe, Training
from ..recipe.recipe_source import RecipeSource
from .augmenting import build_augmentations
from .composition import ComposedTask, Composition
from .encoders import build_encoder, encoder_entry, model_inputs
from .memory_format import prefers_channels_last
from .model import MultitaskModel, Normalization
from .orbit import Orbit
from .rehearsal import (
    has_lazy,
    rehearse_encoder,
    rehearse_sharing,
)
from .standardization import Standardization, StandardizedLoss
from .state import refuse_untrainable
from .suitability import (
    refuse_frozen,
    refuse_misnamed_inputs,
    refuse_sampling,
    refuse_unsuitable,
    refuse_without_images,
    watched_metric,
)
from .task_builder import TaskBuilder, tried
from .training_parts import TrainingParts, refuse_too_long, training_parts, update_rules
from .wanted import told, wanted_preparation, with_normalization, with_pictures


def compose(
    recipe: Recipe, registry: Registry, source: RecipeSource | None = None, *, starts: bool = True
) -> Composition:
    """Build everything a recipe names.

    `source` tells messages where a value was written. Encoders get the weights that training starts from,
    unless it goes on, or is over: where nothing `starts`, those files need not be there any more. Raises
    `RecipeError` when components do not fit together, naming those that would.
    """
    composer = _Composer(recipe, registry, source or RecipeSource(), starts=starts)
    with composer.owners.at_work("while the model was composed"):
        return composer.composition()


class _Composer(TaskBuilder):
    def __init__(self, recipe: Recipe, registry: Registry, source: RecipeSource, *, starts: bool) -> None:
        super().__init__(recipe, registry, source)
        self._starts = starts
        self._encoders: list[Encoder] = []

    def composition(self) -> Composition:
        dataset, spec, wanted = self._data()
        refuse_misnamed_inputs(self.label(dataset), spec)
        tasks = self._tasks(spec)
        gathered = self.mistakes.gathered
        with gathered():
            refuse_without_images(self, self.recipe, spec, tasks)
        with gathered():
            sharing = self._sharing(spec, model_inputs(self, spec, tasks))
        with gathered():
            rules = self._rules()
        with gathered():
            exporter: Exporter = self.build("exporter", self.recipe.export, ("export",))
        self.mistakes.refuse()
        heads, choices = self._heads(spec, tasks, sharing)
        composed, choices = self._losses_and_metrics(tasks, choices)
        with gathered():
            refuse_sampling(self, self.recipe.train.sampling, tasks, spec)
        with gathered():
            augmentations = build_augmentations(self, self.recipe, spec, composed)
        model = self._model(spec, sharing, heads, composed)
        parts, balancer, watch = self._training_of(rules, model, composed)
        return Composition(
            recipe=replace(self.recipe, tasks=choices, train=self._training(model, watch)),
            dataset=dataset,
            dataset_spec=spec,
            augmentations=augmentations,
            tasks=composed,
            model=model,
            balancer=balancer,
            training=parts,
            exporter=exporter,
            encoders=tuple(self._encoders),
            owners=self.owners,
            form_plugins=self._form_plugins(tasks),
            wanted=wanted,
            origins=tuple(dict.fromkeys(item.origin for item in self._encoders if item.origin)),
        )

    def _data(self) -> tuple[Dataset, DatasetSpec, tuple[str, ...]]:
        """Return the data set and its form, as the weights of the encoder want them, and what was done."""
        wanted = wanted_preparation(self, self.recipe.encoder)
        said: list[str] = []
        if wanted is not None:
            self.recipe, said = with_pictures(self.registry, self.recipe, wanted)
        dataset = self.dataset(self.recipe.dataset)
        with self.placed():
            spec: DatasetSpec = ask(self.label(dataset), dataset, "spec")
        self.recipe, more = with_normalization(self.recipe, wanted, spec.image)
        return dataset, spec, told(wanted, [*said, *more], spec.image)

    def _rules(self) -> tuple[Optimizer, Schedule]:
        rules = update_rules(self, self.recipe.train)
        if self.mistakes.problems:  # else it is told with what is wrong with the groups
            refuse_too_long(self, self.recipe.train, rules[1])
        return rules

    def _model(
        self,
        spec: DatasetSpec,
        sharing: Sharing,
        heads: Mapping[str, Head],
        composed: Mapping[str, ComposedTask],
    ) -> MultitaskModel:
        """Return the model; what was wrong so far is told before it is made."""
        tasks = {name: found.task for name, found in composed.items()}
        with self.mistakes.gathered():
            normalization = self._normalization(spec)
        with self.mistakes.gathered():
            orbit = self._orbit(spec, tasks)
        self.mistakes.refuse()
        return MultitaskModel(
            normalization,
            sharing,
            heads,
            {name: task.target_spec for name, task in tasks.items()},
            [task.prepare for task in tasks.values() if task.prepares],
            orbit,
            _standardizations(composed),
            spec.inputs,
            pictured=bool(spec.image),
        )

    def _training_of(
        self,
        rules: tuple[Optimizer, Schedule],
        model: MultitaskModel,
        composed: Mapping[str, ComposedTask],
    ) -> tuple[TrainingParts, Balancer, str | None]:
        """Return what trains a model, and the metric that is watched; all that is wrong is told at once."""
        refuse_frozen(self, self.recipe, model)
        with self.mistakes.gathered():
            parts = training_parts(self, self.recipe.train, rules, model, self._encoders)
        with self.mistakes.gathered():
            watch = watched_metric(self, self.recipe.train, composed)
        with self.mistakes.gathered():
            balancer: Balancer = self.build("balancer", self.recipe.balancer, ("balancer",), model.tasks)
        self.mistakes.refuse()
        refuse_unsuitable(self, self.recipe, balancer, model, parts.freezing)
        refuse_untrainable(self.owners, (model, balancer))
        return parts, balancer, watch

    def _training(self, model: MultitaskModel, watch: str | None) -> Training:
        """Return how to train, with what the recipe leaves to a rule decided and written down."""
        training = self.recipe.train.model_copy(update={"watch": watch})
        if training.channels_last is not None:
            return training
        return training.model_copy(update={"channels_last": prefers_channels_last(model)})

    def _sharing(self, spec: DatasetSpec, inputs: tuple[ModelInput, ...]) -> Sharing:
        entry = encoder_entry(spec)

        def new_encoder() -> Encoder:
            number = len(self._encoders) + 1
            with self._seeded("encoder", number):
                encoder = build_encoder(
                    self, self.recipe.encoder, ("encoder",), entry, inputs, starts=self._starts
                )
                # The others are like the first; only lazy layers must be made in every one.
                if number == 1 or has_lazy(encoder):
                    self._rehearse(rehearse_encoder, encoder, entry, inputs)
            self._encoders.append(encoder)
            return encoder

        names = [task.name for task in self.recipe.tasks]
        builder = EncoderBuilder(entry, new_encoder)

        def fitting_sharings() -> str:
            return self.fitting("sharing", lambda other: tried(other, names, builder))

        with self._seeded("sharing"):
            sharing: Sharing = self.build(
                "sharing", self.recipe.sharing, ("sharing",), names, builder, hint=fitting_sharings
            )
            self._rehearse(rehearse_sharing, sharing, names, entry, inputs)
        return sharing

    def _form_plugins(self, tasks: Mapping[str, Task]) -> dict[str, str]:
        entries = [entry_of(task.target_spec, self.registry) for task in tasks.values()]
        return {
            entry.component.name: entry.provider.portable
            for entry in entries
            if entry.provider.distribution != HOME
        }

    def _orbit(self, spec: DatasetSpec, tasks: Mapping[str, Task]) -> Orbit | None:
        choice = self.recipe.test_time_augmentation
        if choice == "none":
            return None
        targets = {name: task.target_spec for name, task in tasks.items()}
        symmetries = {name: task.symmetry for name, task in tasks.items()}
        try:
            return Orbit(choice, spec.image, targets, symmetries)
        except Incompatible as refusal:
            key = "test_time_augmentation"
            where = self.source.where((key,))
            hint = "mirror takes images of any form, none tasks of any kind"
            raise RecipeError([Problem(f"{key} {choice!r} {refusal}", where, hint)]) from None

    def _normalization(self, spec: DatasetSpec) -> Normalization:
        normalization = Normalization(spec.image.kept_shape[0])
        stated = self.recipe.normalization
        if isinstance(stated, Mapping):
            lengths = {len(values) for values in stated.values()}
            if lengths != {spec.image.channels}:
                message = "normalization needs one mean and one std per channel"
                hint = f"{self.recipe.dataset.name!r} has {spec.image.channels} per image"
                raise RecipeError([Problem(message, self.source.where(("normalization",)), hint)])
            normalization.set(stated["mean"], stated["std"])
        return normalization


def _standardizations(tasks: Mapping[str, ComposedTask]) -> dict[str, Standardization]:
    """Return what puts the values of a task in units, by task."""
    losses = {name: composed.loss for name, composed in tasks.items()}
    return {name: loss.standardization for name, loss in losses.items() if isinstance(loss, StandardizedLoss)}
