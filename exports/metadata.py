"""What an exported file says about itself: JSON under `mtl.*` in the ONNX metadata. No torch, no onnx.

>>> from mtl.contracts import Binary
>>> card = ModelCard.of(ImageSpec(1, 8, 8), (), {"parity": Binary("even", "odd")}, metadata={"seed": 1})
>>> ModelCard.from_properties(card.to_properties()) == card
True
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

from ..core.base.errors import MtlError
from ..core.contracts import Form
from ..core.contracts.inputs import IMAGE as IMAGE
from ..core.contracts.inputs import ModelInput, VectorSpec, names_of_inputs
from ..core.contracts.preparation import Preparation
from ..core.contracts.specs import NO_IMAGE, ImageSpec
from ..core.discovery.answer_forms import Forms, beside_installed
from . import seal
from .card_values import (
    MOST_PARTS,
    as_promised,
    check_preparation,
    read_flag,
    read_image,
    read_input,
    read_json,
    read_name,
    read_target,
)

FORMAT = 1
"""Version of this layout; a reader refuses files of a later one."""

PREFIX = "mtl."
PREPARATION = "preparation"
"""Where the metadata say how a picture file becomes an image."""

_OWN = ("format", "tasks", "inputs", "outputs")
PixelType = Literal["float32", "uint8"]


@dataclass(frozen=True)
class Output:
    """One output: the task's name, the form of its answer, and whether it is the raw output."""

    name: str
    target: Form
    raw: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the output as plain JSON values; the first dimension of `shape` is the batch."""
        return {
            "name": self.name,
            "dtype": "float32",
            "shape": ["batch", *self.target.output_shape],
            "raw": self.raw,
            "description": self.target.meaning(raw=self.raw),
            "target": self.target.to_json(),
        }


@dataclass(frozen=True)
class ModelCard:
    """Everything an exported file says about itself.

    `pixels` is the type of the input `image`, which is false where a model reads none; `metadata` is the
    exporting program's own JSON (recipe hash, versions, test metrics, normalisation).
    """

    image: ImageSpec
    pixels: PixelType
    inputs: tuple[ModelInput, ...]
    outputs: tuple[Output, ...]
    metadata: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        image: ImageSpec,
        inputs: Sequence[ModelInput],
        targets: Mapping[str, Form],
        *,
        pixels: PixelType = "float32",
        raw: bool = False,
        metadata: Mapping[str, Any],
    ) -> Self:
        """Return a model's card; `ValueError` when `metadata` is no finite JSON or uses a name of ours."""
        if taken := sorted(set(metadata) & {*_OWN, seal.KEY.removeprefix(PREFIX)}):
            raise ValueError(f"metadata may not be called {', '.join(taken)}")
        outputs = tuple(Output(name, target, raw) for name, target in targets.items())
        plain = json.loads(_dump(dict(metadata)))
        if PREPARATION in plain:
            plain[PREPARATION]["range"] = _range(pixels)
        return cls(image, pixels, tuple(inputs), outputs, plain)

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the inputs, in order."""
        return names_of_inputs(bool(self.image), self.inputs)

    @property
    def preparation(self) -> Preparation:
        """How a picture file becomes an image of this model.

        In a file of an earlier mtl it is not said: a picture has the model's size then, unless it is told to
        be resized. Raises `ValueError` when what is said is no such description, or contradicts the rest.
        """
        stated = self.metadata.get(PREPARATION)
        return Preparation(self.image) if stated is None else Preparation.from_json(stated, self.image)

    def to_json(self) -> dict[str, Any]:
        """Return the card as plain JSON values, in a fixed order."""
        own = {
            "format": FORMAT,
            "tasks": [output.name for output in self.outputs],
            "inputs": [
                *([_image_to_json(self.image, self.pixels)] if self.image else []),
                *map(_input_to_json, self.inputs),
            ],
            "outputs": [output.to_json() for output in self.outputs],
        }
        return own | {key: self.metadata[key] for key in sorted(self.metadata)}

    def to_properties(self) -> dict[str, str]:
        """Return the card as the string pairs that ONNX keeps, in a fixed order."""
        return {PREFIX + key: _dump(value) for key, value in self.to_json().items()}

    @classmethod
    def from_properties(cls, properties: Mapping[str, str], forms: Forms | None = None) -> Self:
        """Read the card back; raise `ValueError` with a short reason when it is missing or damaged.

        Every value has its type and bounds, and what is written twice agrees; only descriptions may be worded
        otherwise. `forms` are known beside those of the installed plugins; raises `MissingRequirementError`,
        naming the plugin, for one that is not there.
        """
        if PREFIX + "format" not in properties:
            raise ValueError("it has no mtl metadata")
        try:
            values = {
                key.removeprefix(PREFIX): read_json(text)
                for key, text in properties.items()
                if key.startswith(PREFIX) and key != seal.KEY
            }
            return cls._from_values(values, beside_installed(forms))
        except (_FormatError, MtlError):
            raise
        except ValueError as error:
            raise ValueError(f"its mtl metadata is damaged ({error})") from error
        except Exception as error:  # a stranger's values break wherever they like
            raise ValueError(f"its mtl metadata is damaged ({type(error).__name__}: {error})") from error

    @classmethod
    def _from_values(cls, values: Mapping[str, Any], forms: Forms) -> Self:
        _check_format(values["format"])
        inputs = values["inputs"]
        pictured = inputs[0]["name"] == IMAGE
        image, extra = inputs[0], inputs[1:] if pictured else inputs
        if pictured and image["dtype"] not in ("float32", "uint8"):
            raise ValueError("its image input has another type than pixels have")
        if not pictured and not any("numbers" in item for item in extra):
            raise ValueError("it names no input of images or vectors")
        if not len(extra) < MOST_PARTS or not 1 <= len(values["outputs"]) <= MOST_PARTS:
            raise ValueError("it names too many inputs or outputs, or none")
        plugins = {read_name(name): read_name(plugin) for name, plugin in values.get("forms", {}).items()}
        card = cls(
            read_image(image) if pictured else NO_IMAGE,
            image["dtype"] if pictured else "float32",
            tuple(map(read_input, extra)),
            tuple(
                Output(
                    read_name(item["name"]),
                    read_target(item["target"], forms, plugins),
                    read_flag(item["raw"]),
                )
                for item in values["outputs"]
            ),
            {key: value for key, value in values.items() if key not in _OWN},
        )
        if PREPARATION in card.metadata:
            check_preparation(card.metadata, card.image, _range(card.pixels))
        written = card.to_json()
        for key in ("inputs", "outputs"):
            for found, promised in zip(values[key], written[key], strict=True):
                as_promised(found, promised)
        if values["tasks"] != written["tasks"]:
            raise ValueError("it names other tasks than outputs")
        names = [item["name"] for item in (*written["inputs"], *written["outputs"])]
        if len(set(names)) < len(names):
            raise ValueError("it gives two inputs or outputs one name")
        return card


class _FormatError(ValueError):
    """The layout of the metadata is another one."""


def _check_format(version: Any) -> None:
    if type(version) is not int or version < 1:
        raise _FormatError(f"its mtl metadata has the impossible format {version!r:.40}")
    if version > FORMAT:
        later = f"format {version!r:.40}, this one reads {FORMAT}"
        raise _FormatError(f"it was written by a later mtl ({later})")


def _dump(value: Any) -> str:
    return json.dumps(value, allow_nan=False, sort_keys=isinstance(value, dict))


def _image_to_json(image: ImageSpec, pixels: PixelType) -> dict[str, Any]:
    whole = pixels == "uint8"
    return {
        "name": IMAGE,
        "dtype": pixels,
        "shape": ["batch", *image.shape],
        "range": _range(pixels),
        "description": f"pixels in {'0..255' if whole else '0..1'}; normalisation is inside the model",
    }


def _range(pixels: PixelType) -> list[int]:
    return [0, 255] if pixels == "uint8" else [0, 1]


def _input_to_json(spec: ModelInput) -> dict[str, Any]:
    if isinstance(spec, VectorSpec):
        form = {"dtype": spec.dtype, "shape": ["batch", *spec.shape], "missing": "NaN"}
        return spec.to_json() | form
    return {
        "name": spec.name,
        "dtype": "int64",
        "shape": ["batch"],
        "range": [0, spec.count - 1],
        "description": spec.description,
    }
