"""The classification networks of torchvision, cut into stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from torch import Tensor, nn

from ...core.base.errors import Incompatible
from ...core.contracts import WantedPreparation, WeightsOrigin
from ...core.contracts.encoder import AskEncoder
from ...core.contracts.specs import ImageSpec, InputSpec
from .families import TORCHVISION, stages_of
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
from .timm_weights import obtaining
from .torch_cache import cached, fetched
from .weight_files import WeightFile, classes_of, misfit, read_weights

_OWN = frozenset({"image_size", "input_size", "name", "num_classes", "progress", "weights"})
_LICENCE = "BSD-3-Clause (torchvision's own; its weights state none)"


class Torchvision(LibraryEncoder):
    """A classification network of torchvision by name, without its last linear layer.

    Stages are cut where the network is: `stem` and stages for convolutional networks and Swin, `embedding`
    and groups of blocks for vision transformers, which hand on all tokens and show the map of the patches;
    `pool` gives what the last linear layer would read, with dropout where torchvision has it.
    `mtl list encoder 'torchvision:*'` lists the models. Raises `Incompatible` for a model that is not there
    or has no stages, and for an image that it cannot take; `MissingRequirementError` where weights are
    neither here nor to be had.
    """

    def __init__(
        self,
        image: ImageSpec,
        inputs: Sequence[InputSpec],
        *,
        model: Annotated[str, Field(description="torchvision's name of the model.")] = "mobilenet_v3_small",
        weights: WeightsChoice = "none",
        arguments: Arguments = None,
    ) -> None:
        super().__init__(image, inputs)
        self._model, self._weights = model, weights
        self._arguments = dict(arguments or {})
        refuse_unknown(model, _names(), "torchvision")
        refuse_set(self._arguments, _OWN)
        try:
            self.take(stages_of(_headless(self._network(image.height, image.width)), TORCHVISION))
        except (AssertionError, RuntimeError, ValueError) as error:
            raise size_refusal(model, image, error, self._takes, _size(_settings(model))) from error

    @classmethod
    def preparation(cls, options: Mapping[str, Any], ask: AskEncoder) -> WantedPreparation | None:
        """Return what torchvision says of the pictures that the model's own weights were trained on."""
        model = options["model"]
        if options["weights"] == "none" or model not in _names():
            return None
        seen = _settings(model).transforms()
        return WantedPreparation(
            source=f"torchvision {model}",
            size=_size(_settings(model)),
            channels=COLOURS,
            resize="crop",
            interpolation=known_interpolation(seen.interpolation.value),
            share=seen.crop_size[0] / seen.resize_size[0],
            mean=tuple(seen.mean),
            std=tuple(seen.std),
        )

    @classmethod
    def models(cls) -> Mapping[str, str]:
        return {name: _described(name) for name in _names()}

    def start(self) -> None:
        if self._weights == "none":
            return
        given = self._weights
        found = read_weights(given if isinstance(given, Path) else _pretrained_file(self._model))
        donor = _headless(self._loaded(found))
        self.stages.load_state_dict(joined(stages_of(donor, TORCHVISION)).state_dict())
        self.origin = self._origin_of(found)

    def _network(self, height: int, width: int, classes: int = 1) -> Any:
        from torchvision.models import get_model

        sized: dict[str, Any] = {}
        if self._model.startswith("vit_"):
            if height != width:
                raise Incompatible(f"model {self._model!r} takes square pictures, got {height} x {width}")
            sized = {"image_size": height}
        elif self._model.startswith("maxvit_"):
            sized = {"input_size": (height, width)}
        try:
            return get_model(self._model, num_classes=classes, **sized, **self._arguments)
        except TypeError as error:
            raise Incompatible(
                f"model {self._model!r} cannot be made with these arguments: {error}"
            ) from error

    def _loaded(self, found: WeightFile) -> Any:
        """Return the network with its classifier and these weights."""
        height, width = self.image.height, self.image.width
        last = _last_linear(self._network(height, width))
        network = self._network(height, width, classes_of(found.tensors, [last]) or 1)
        wanted = network.state_dict()
        tensors = _resized(network, found.tensors)
        if last + ".weight" not in tensors:  # weights without a classifier
            tensors |= {name: value for name, value in wanted.items() if name.startswith(last + ".")}
        try:
            network.load_state_dict(tensors)
        except RuntimeError as error:
            raise misfit(found, self._model, wanted) from error
        return network

    def _origin_of(self, found: WeightFile) -> WeightsOrigin:
        import torchvision

        own = self._weights == "pretrained"
        settings = _settings(self._model)
        return WeightsOrigin(
            network=self._model,
            library=f"torchvision {torchvision.__version__}",
            source=settings.url if own else found.path.name,
            sha256=found.sha256,
            licence=found.licence or (settings.meta.get("license", _LICENCE) if own else ""),
        )


def _names() -> list[str]:
    from torchvision import models

    names: list[str] = models.list_models(module=models)
    return names


def _settings(model: str) -> Any:
    """Return what torchvision says of a model's best weights: `url`, `meta` and `transforms`."""
    from torchvision.models import get_model_weights

    return get_model_weights(model).DEFAULT


def _size(settings: Any) -> tuple[int, int]:
    (side,) = settings.transforms().crop_size
    return side, side


def _described(model: str) -> str:
    high, wide = _size(settings := _settings(model))
    return f"weights for {high} x {wide}, licence {settings.meta.get('license', 'not stated')}"


def _pretrained_file(model: str) -> Path:
    address = _settings(model).url
    if (found := cached(address)) is not None:
        return found
    with obtaining(f"torchvision {model!r}", address):
        return fetched(address)


def _last_linear(network: nn.Module) -> str:
    """Return the name of the classifier's last layer, "" where the network has no linear one."""
    names: list[str] = [name for name, layer in network.named_modules() if isinstance(layer, nn.Linear)]
    return names[-1] if names else ""


def _headless(network: nn.Module) -> nn.Module:
    """Return the network with nothing in the place of the classifier's last layer."""
    if last := _last_linear(network):
        network.set_submodule(last, nn.Identity())
    return network


def _resized(network: Any, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights with a vision transformer's places for this size of image, by torchvision's own rule."""
    found = dict(tensors)
    places = found.get("encoder.pos_embedding")
    if places is None or type(network).__name__ != "VisionTransformer":
        return found
    if places.shape == network.encoder.pos_embedding.shape:
        return found
    from torchvision.models.vision_transformer import interpolate_embeddings

    return dict(interpolate_embeddings(network.image_size, network.patch_size, found))
