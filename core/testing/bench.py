"""Where components are tried: the registry with the kit's own data set and task, and its other components.

The kit knows no component by name. It finds partners (a head for this encoder, an encoder for this head)
by asking those that are installed, as the composer does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from ..base.errors import Incompatible, MissingRequirementError, RecipeError, UsageError
from ..composition.composer import compose
from ..composition.composition import Composition
from ..composition.encoders import Entry as Seen
from ..composition.encoders import refusal_of
from ..contracts import Dataset, Encoder, Form
from ..contracts.inputs import ModelInput, vectors_among
from ..contracts.records import Component
from ..contracts.specs import FeatureSpec, ImageSpec
from ..data.samples import Samples, Splits, load_splits
from ..discovery.options import options_model
from ..discovery.plugin_loading import HOME, Provider
from ..discovery.registry import Entry, Registry
from ..recipe.recipe_reader import read
from ..recipe.recipe_source import RecipeSource
from .checks import CheckSkipped
from .stated_forms import stated

_KIT = Provider("conformance kit", HOME, "")
_HERE = __package__
PICTURES = "kit-pictures"
ANSWER = "kit-answer"
COMPONENTS = (
    Component("dataset", PICTURES, "Pictures of the kit", f"{_HERE}.pictures:Pictures"),
    Component("task", ANSWER, "Any answer", f"{_HERE}.kit_task:KitTask"),
)
SIZES = (ImageSpec(1, 16, 16), ImageSpec(3, 32, 32), ImageSpec(2, 20, 24), ImageSpec(1, 28, 28))
"""Image forms that components are tried on, small ones first."""

LARGE = (ImageSpec(3, 64, 64), ImageSpec(3, 96, 128), ImageSpec(3, 224, 224))
"""Image forms for components that accept none of the small ones."""


class Bench(Registry):
    """The components of a registry and the kit's own."""

    def __init__(self, registry: Registry) -> None:
        super().__init__(registry.manager, registry.providers)
        self._registry = registry
        self._own = tuple(Entry(component, _KIT) for component in COMPONENTS)
        self._loaded: dict[str, Splits | str] = {}
        self._features: dict[tuple[str, ImageSpec], tuple[FeatureSpec, ...] | None] = {}

    def entries(self, kind: str | None = None) -> tuple[Entry, ...]:
        """Return the components that are installed, then the kit's own."""
        own = tuple(entry for entry in self._own if kind is None or entry.component.kind == kind)
        return (*self._registry.entries(kind), *own)

    def forms(self, image: ImageSpec) -> tuple[Form, ...]:
        """Return every form of answer that is installed, as components are tried with it."""
        return tuple(form for form in self._specimens(image) if form.quantities != 4)

    def offering(self, seen: Seen, inputs: Sequence[ModelInput]) -> dict[str, Any]:
        """Return the recipe section of the kit's data set with what an encoder reads."""
        beside = {"vector": True} if vectors_among(inputs) else {}
        if isinstance(seen, ImageSpec):
            return self.pictures(seen) | beside
        return self.pictures(SIZES[0]) | beside | {"pictured": False}

    def pictures(self, image: ImageSpec) -> dict[str, Any]:
        """Return the recipe section of the kit's data set: such images, and a label column of every form.

        The columns are called `class`, `yes`, `values` and `sides`; those of other forms, and of values and
        classes per pixel, by the form's name, with a number from the second on.
        """
        forms = [form for form in self._specimens(image) if not form.is_image]
        labels: dict[str, Any] = {}
        for form in forms:
            name = _column(form)
            if form.moves_with_pixels and name in labels:
                name = f"{name}-{len(labels)}"
            elif form.choices and name in labels:
                name = form.form
            labels.setdefault(name, stated(form))
        size = {"channels": image.channels, "height": image.height, "width": image.width}
        return {"name": PICTURES, **size, "labels": labels}

    def _specimens(self, image: ImageSpec) -> tuple[Form, ...]:
        found: list[Form] = []
        for entry in self.entries("form"):
            with contextlib.suppress(Exception):  # a form that cannot be used is another component's matter
                found += entry.load().specimens(image)
        return tuple(found)

    def encoders(self) -> list[str]:
        """Return the names of all encoders, those that are taken by default first."""
        return list(dict.fromkeys([*self.defaults("encoder", "recipe"), *self.names("encoder")]))

    def features(self, encoder: str, image: ImageSpec) -> tuple[FeatureSpec, ...] | None:
        """Return what an encoder gives for an image, or None when it is no partner; it is built once.

        One that is made of others is none: those others are tried.
        """
        if (encoder, image) not in self._features:
            found: tuple[FeatureSpec, ...] | None = None
            with contextlib.suppress(Exception):  # one that cannot be used is another component's matter
                component: type[Encoder] = self.find("encoder", encoder).load()
                if not component.joins and refusal_of(component, image, ()) is None:
                    found = component(image, ()).feature_specs
            self._features[encoder, image] = found
        return self._features[encoder, image]

    def compose(self, tree: Mapping[str, Any]) -> Composition:
        """Return what a recipe's values describe; raise `Incompatible` when its parts do not fit."""
        values = {"normalization": "none", **tree}
        try:
            return compose(read(RecipeSource(values), self), self)
        except (RecipeError, UsageError) as error:
            raise Incompatible(error.message.splitlines()[0]) from error

    def splits(self, composition: Composition) -> Splits:
        """Return the samples of a composition's data set, loaded once; skip when its files are not here."""
        choice = composition.recipe.dataset
        key = repr((choice.name, sorted(choice.options.items(), key=str)))
        if key not in self._loaded:
            try:
                self._loaded[key] = load_splits(composition.dataset, validation=0.1, split_seed=0)
            except (MissingRequirementError, UsageError) as error:
                self._loaded[key] = error.message
        found = self._loaded[key]
        if isinstance(found, str):
            raise CheckSkipped(f"the data set cannot be loaded here: {found}")
        return found


def _column(form: Form) -> str:
    if form.moves_with_pixels:
        return form.form
    if form.quantities:
        return "sides" if form.quantities == 4 else "values"
    if form.choices:
        return "yes" if len(form.choices) == 2 else "class"
    return form.form


def offline_options(entry: Entry) -> dict[str, Any]:
    """Return the options with which a data set uses no network: `download: false` where it has that."""
    return {"download": False} if "download" in options_model(entry.load()).model_fields else {}


def dataset_of(entry: Entry, options: Mapping[str, Any]) -> Dataset:
    """Return a data set that uses no network."""
    dataset: Dataset = entry.load()(**{**offline_options(entry), **options})
    return dataset


def spread(samples: Samples, count: int = 8) -> Samples:
    """Return up to `count` samples, evenly spread over all: a data set may be sorted by class."""
    indices = torch.linspace(0, len(samples) - 1, min(count, len(samples))).round().long()
    return samples.select(indices)


def repeated(samples: Samples, times: int) -> Samples:
    """Return the samples several times over."""
    indices = torch.arange(len(samples)).repeat(times)
    return samples.select(indices)


def all_that_fit(bench: Bench, trees: Iterator[dict[str, Any]]) -> Iterator[Composition]:
    """Yield every composition that fits together; skip with the first refusal when there is none."""
    reason = ""
    found = False
    for tree in trees:
        try:
            composition = bench.compose(tree)
        except Incompatible as refusal:
            reason = reason or str(refusal)
            continue
        found = True
        yield composition
    if not found:
        raise CheckSkipped(f"nothing installed works with it: {reason or 'there is nothing to try it with'}")
