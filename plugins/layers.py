"""The layers that several built-in encoders and heads are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from ..core.base.errors import Incompatible
from ..core.contracts import Form
from ..core.contracts.inputs import Vectors
from ..core.contracts.specs import ImageSpec

Activation = Literal["relu", "leaky-relu", "elu", "gelu", "silu", "tanh", "sigmoid"]
"""An element-wise non-linearity by name."""

Initialisation = Literal["default", "kaiming-normal"]
"""How weights start: torch's own scheme, or normal with variance 2 / inputs (He et al. 2015), biases 0."""

HiddenWidths = Annotated[
    tuple[Annotated[int, Field(ge=1)], ...], Field(description="Width of every hidden layer.")
]
LayerActivations = Annotated[
    Activation | tuple[Activation, ...], Field(description="One for all layers, or one per layer.")
]
DropoutInFront = Annotated[float, Field(ge=0, lt=1, description="Dropout in front of the layer.")]
LayerDropout = Annotated[float, Field(ge=0, lt=1, description="Dropout after every activation.")]
"""The options of `dense_layers`, for the signatures of the components that have them."""


class ELU(nn.ELU):
    """The exponential linear unit (Clevert et al. 2016), seven times as fast as torch's in float32 on a CPU.

    torch computes `expm1` number by number there; `exp(x) - 1` differs from it by at most 6e-8. In fewer
    bits the difference would lose every small answer, so there it is torch's own.

    >>> ELU()(torch.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """

    def __init__(self) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        # In an exported file it must stay the one operator that every runtime knows.
        fast = input.device.type == "cpu" and input.dtype == torch.float32
        traced: bool = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        if not fast or traced or torch.compiler.is_compiling():
            return super().forward(input)
        output: Tensor = _FastELU.apply(input)
        return output


class _FastELU(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        # For every x, exp(x) - 1 is at least x; cut at 0, it is the larger one exactly where x is negative.
        return torch.maximum(x, torch.exp(x).sub_(1.0).clamp_(max=0.0))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (output,) = ctx.saved_tensors
        changed: Tensor = torch.ops.aten.elu_backward(gradient, 1.0, 1.0, 1.0, True, output)
        return changed


_ACTIVATIONS: dict[Activation, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky-relu": nn.LeakyReLU,
    "elu": ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}
_Value = TypeVar("_Value", bound=str)


def activation_layer(name: Activation) -> nn.Module:
    """Return a new layer that applies the activation.

    >>> activation_layer("tanh")
    Tanh()
    """
    return _ACTIVATIONS[name]()


def one_per_layer(value: _Value | Sequence[_Value], layers: int) -> tuple[_Value, ...]:
    """Return one value per layer: a single value is repeated; raise `Incompatible` when the count differs.

    >>> one_per_layer("relu", 2), one_per_layer(("elu", "tanh"), 2)
    (('relu', 'relu'), ('elu', 'tanh'))
    """
    values = (value,) * layers if isinstance(value, str) else tuple(value)
    if len(values) != layers:
        raise Incompatible(
            f"activation must be one name or one per hidden layer: {layers}, got {len(values)}"
        )
    return values


def dense_layers(
    width: int, hidden: Sequence[int], activation: Activation | Sequence[Activation], dropout: float
) -> list[nn.Sequential]:
    """Return one block per hidden layer (linear, activation, dropout if any), from vectors `[B, width]`.

    Raises `Incompatible` when several activations are given but not one per layer.
    """
    blocks = []
    for size, name in zip(hidden, one_per_layer(activation, len(hidden)), strict=True):
        layers: list[nn.Module] = [nn.Linear(width, size), activation_layer(name)]
        blocks.append(nn.Sequential(*layers, *dropout_layers(dropout)))
        width = size
    return blocks


def output_layers(
    width: int,
    hidden: Sequence[int],
    outputs: int,
    activation: Activation | Sequence[Activation],
    dropout: float,
) -> list[nn.Module]:
    """Return the hidden layers and a last linear one, from vectors `[B, width]` to `[B, outputs]`.

    Raises `Incompatible` when several activations are given but not one per layer.
    """
    blocks = dense_layers(width, hidden, activation, dropout)
    return [*blocks, nn.Linear((width, *hidden)[-1], outputs)]


def dropout_layers(probability: float) -> list[nn.Module]:
    """Return a dropout layer, or nothing when the probability is 0: then no random number is drawn."""
    return [nn.Dropout(probability)] if probability > 0.0 else []


EMBEDDING = 8
"""Features made of a category, or as many as it has names where these are fewer."""


class VectorEmbedding(nn.Module):
    """Embeds the categories of prepared vectors `[B, vectors.size]` and leaves the numbers as they are.

    Gives `[B, size]`. A hole of a category has an embedding of its own.
    """

    def __init__(self, vectors: Vectors) -> None:
        super().__init__()
        self.plain: list[tuple[int, int]] = []
        self.chosen: list[tuple[int, int]] = []
        start = 0
        for part in vectors.parts:
            self.plain.append((start, start := start + 2 * len(part.numbers)))
            for choices in part.choices:
                self.chosen.append((start, start := start + choices))
        widths = [(end - first, min(EMBEDDING, end - first - 1)) for first, end in self.chosen]
        self.embeddings = nn.ModuleList(nn.Linear(*width, bias=False) for width in widths)
        for embedding in self.embeddings:
            nn.init.normal_(cast("nn.Linear", embedding).weight)
        self.size = sum(end - first for first, end in self.plain) + sum(width for _, width in widths)

    def forward(self, vectors: Tensor) -> Tensor:
        plain = [vectors[:, first:end] for first, end in self.plain]
        chosen = [
            embed(vectors[:, first:end])
            for embed, (first, end) in zip(self.embeddings, self.chosen, strict=True)
        ]
        return torch.cat([*plain, *chosen], dim=1)


def initialise(module: nn.Module, scheme: Initialisation) -> None:
    """Set the weights of every linear layer and convolution inside `module` by the scheme."""
    if scheme == "default":
        return
    for layer in module.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            nn.init.kaiming_normal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def too_small(image: ImageSpec, minimum: int) -> str | None:
    """Return why an encoder cannot serve an image below `minimum` in height or width, or None.

    >>> too_small(ImageSpec(1, 8, 28), 12)
    'needs an image of at least 12 x 12, got 8 x 28'
    """
    if min(image.height, image.width) >= minimum:
        return None
    return f"needs an image of at least {minimum} x {minimum}, got {image.height} x {image.width}"


def refuse_no_pixels(target: Form) -> str | None:
    """Return why a decoder does not answer this target (it is no image and no map), or None."""
    drawn = target.moves_with_pixels and len(target.output_shape) == 3
    return None if drawn else f"draws images and maps, the target is {target.form}"


def refuse_image(target: Form) -> str | None:
    """Return why a head of plain layers does not answer this target (it has pixels), or None."""
    return "answers classes, yes/no or values; an image needs a decoder" if target.moves_with_pixels else None
