"""The networks of timm (PyTorch Image Models), cut into stages."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

from pydantic import Field
from torch import Tensor

from ...core.base.errors import Incompatible, MissingRequirementError
from ...core.contracts import WantedPreparation, WeightsOrigin
from ...core.contracts.encoder import AskEncoder
from ...core.contracts.preparation import Resize
from ...core.contracts.specs import ImageSpec, InputSpec
from .families import TIMM, stages_of
from .families.pieces import joined
from .library_encoder import (
    COLOURS,
    Arguments,
    LibraryEncoder,
    WeightsChoice,
    known_interpolation,
    refuse_set,
    refuse_unknown,
    size_refusal,
)
from .timm_weights import pretrained_file, source_of
from .weight_files import WeightFile, classes_of, misfit, read_weights, renamed

_OWN = frozenset({
    "cache_dir", "checkpoint_path", "exportable", "features_only", "img_size", "in_chans", "model_name",
    "num_classes", "pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "scriptable",
})  # fmt: skip
_RESIZE: Mapping[str, Resize] = {"center": "crop", "squash": "stretch", "border": "pad"}
"""What timm calls ways to bring a picture to a size."""
_CLASSIFIERS = ("classifier", "fc", "head", "head.fc")


class Timm(LibraryEncoder):
    """A network of timm by name, without its classifier; the last stage is what that would read.

    Stages are cut where the network is: `stem` and stages for convolutional networks and Swin, `embedding`
    and groups of blocks for vision transformers, which hand on all tokens and show the map of the patches;
    `pool` is timm's `forward_head` without the classifier. `mtl list encoder 'timm:*mobile*'` finds models;
    `NAME.TAG` names one of several sets of weights. Raises `Incompatible` for a model that is not there or
    has no stages, and for an image that it cannot take; `MissingRequirementError` without the package timm,
    or where weights are neither here nor to be had.
    """

    def __init__(
        self,
        image: ImageSpec,
        inputs: Sequence[InputSpec],
        *,
        model: Annotated[str, Field(description="timm's name of the model, or NAME.TAG for its weights.")]
        = "mobilenetv3_small_100",
        weights: WeightsChoice = "none",
        arguments: Arguments = None,
    ) -> None:  # fmt: skip
        super().__init__(image, inputs)
        self._model, self._weights = model, weights
        self._arguments = {name: _tupled(value) for name, value in (arguments or {}).items()}
        refuse_unknown(model, _names(_timm()), "timm")
        refuse_set(self._arguments, _OWN)
        try:
            self.take(stages_of(self._network(image.height, image.width), TIMM))
        except (AssertionError, RuntimeError, ValueError) as error:
            own = self._settings.input_size[1:]
            raise size_refusal(model, image, error, self._takes, own) from error

    @classmethod
    def accepts(cls, image: ImageSpec, inputs: Sequence[InputSpec]) -> str | None:
        """Return why the image cannot be served, or None; raise `MissingRequirementError` without timm."""
        _require()
        return super().accepts(image, inputs)

    @classmethod
    def preparation(cls, options: Mapping[str, Any], ask: AskEncoder) -> WantedPreparation | None:
        """Return what timm says of the pictures that the model's own weights were trained on."""
        settings = None if options["weights"] == "none" else _timm().get_pretrained_cfg(options["model"])
        if settings is None:
            return None
        return WantedPreparation(
            source=f"timm {options['model']}",
            size=settings.input_size[1:],
            channels=COLOURS,
            resize=_RESIZE.get(settings.crop_mode),
            interpolation=known_interpolation(settings.interpolation),
            share=settings.crop_pct,
            mean=settings.mean,
            std=settings.std,
        )

    @classmethod
    def models(cls) -> Mapping[str, str]:
        return {name: _described(_timm().get_pretrained_cfg(name)) for name in _names(_timm())}

    def start(self) -> None:
        if self._weights == "none":
            return
        given = self._weights
        found = read_weights(
            given if isinstance(given, Path) else pretrained_file(self._model, self._settings)
        )
        donor = self._loaded(found)
        donor.reset_classifier(0)
        self.stages.load_state_dict(joined(stages_of(donor, TIMM)).state_dict())
        self.origin = self._origin_of(found)

    @property
    def _settings(self) -> Any:
        return _timm().get_pretrained_cfg(self._model)

    def _network(self, height: int, width: int, classes: int = 0, **how: Any) -> Any:
        sized = {"img_size": (height, width)} if self._settings.fixed_input_size else {}
        try:
            return _timm().create_model(
                self._model, num_classes=classes, in_chans=COLOURS, exportable=True, **sized, **how,
                **self._arguments,
            )  # fmt: skip
        except TypeError as error:
            raise Incompatible(
                f"model {self._model!r} cannot be made with these arguments: {error}"
            ) from error

    def _loaded(self, found: WeightFile) -> Any:
        """Return the network with its classifier and these weights, adapted to this size by timm."""
        found = renamed(found, self._state)
        named = self._settings.classifier
        classifiers = (named,) if isinstance(named, str) else (named or ())
        classes = classes_of(found.tensors, (*classifiers, *_CLASSIFIERS))
        overlay = {"state_dict": dict(found.tensors), "num_classes": classes, "label_offset": 0}
        height, width = self.image.height, self.image.width
        try:
            return self._network(height, width, classes, pretrained=True, pretrained_cfg_overlay=overlay)
        except (RuntimeError, KeyError, AttributeError, IndexError) as error:
            raise misfit(found, self._model, self._state(classes)) from error

    def _state(self, classes: int) -> Mapping[str, Tensor]:
        network = self._network(self.image.height, self.image.width, classes)
        state: Mapping[str, Tensor] = network.state_dict()
        return state

    def _origin_of(self, found: WeightFile) -> WeightsOrigin:
        own = self._weights == "pretrained"
        return WeightsOrigin(
            network=self._model,
            library=f"timm {_timm().__version__}",
            source=source_of(self._settings) if own else found.path.name,
            sha256=found.sha256,
            licence=found.licence or (self._settings.license or "" if own else ""),
        )


def _require() -> None:
    if importlib.util.find_spec("timm") is None:
        raise MissingRequirementError(
            "the package timm, which has the networks, is not installed",
            hint="pip install 'mtl-composer[timm]'",
        )


def _timm() -> ModuleType:
    """Return the package, which takes a second to import."""
    _require()
    import timm

    return timm


def _names(timm: ModuleType) -> list[str]:
    """Return the names of all models, and of those with several sets of weights each with its tag."""
    return [*timm.list_models(), *timm.list_models(pretrained=True)]


def _described(settings: Any) -> str:
    if settings is None or not settings.has_weights:
        return "no weights"
    _, high, wide = settings.input_size
    return f"weights for {high} x {wide}, licence {settings.license or 'not stated'}"


def _tupled(value: Any) -> Any:
    return tuple(map(_tupled, value)) if isinstance(value, list) else value
