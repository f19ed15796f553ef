"""Encoders that read vectors: `mlp` where there is no image, `late-fusion` beside one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch

from mtl.core.base.errors import Incompatible
from mtl.core.contracts import Encoder, EncoderBuilder
from mtl.core.contracts.inputs import InputSpec, ModelInput, Vectors, VectorSpec
from mtl.core.contracts.specs import ImageSpec
from mtl.plugins.encoders.late_fusion import LateFusion
from mtl.plugins.encoders.mlp import MLP
from mtl.plugins.encoders.two_input_cnn import TwoInputCNN
from mtl.plugins.layers import VectorEmbedding
from mtl.plugins.sharings.cross_stitch import CrossStitch
from mtl.plugins.sharings.mmoe import MMoE

ROW = VectorSpec("row", ("age", "weight"), {"colour": ("red", "green", "blue")})
MORE = VectorSpec("more", (), {"size": tuple("abcdefghijklmnop")})
NUMBER = InputSpec("number", 3)
IMAGE = ImageSpec(1, 16, 16)


def make(named: Any, image: ImageSpec | Vectors, inputs: Sequence[ModelInput]) -> Encoder:
    """Return the encoder that an option names, as the composer would."""
    name = named if isinstance(named, str) else named["name"]
    found: type[Encoder] = {"lenet": MLP, "mlp": MLP, "two-input-cnn": TwoInputCNN}[name]
    options: Mapping[str, Any] = {} if found is TwoInputCNN else {"hidden": (5,)}
    return found(image, inputs, **options)


def test_categories_are_embedded_and_numbers_pass() -> None:
    embedding = VectorEmbedding(Vectors((ROW, MORE)))
    assert embedding.size == 4 + 3 + 8
    prepared = torch.zeros(2, ROW.prepared + MORE.prepared)
    prepared[:, :4] = torch.arange(8.0).view(2, 4)
    prepared[0, 4] = prepared[1, 7] = prepared[:, 8] = 1.0
    embedded = embedding(prepared)
    assert embedded.shape == (2, embedding.size)
    assert torch.equal(embedded[:, :4], prepared[:, :4])
    assert not torch.equal(embedded[0, 4:7], embedded[1, 4:7])
    assert torch.equal(embedded[0, 7:], embedded[1, 7:])


def test_mlp_reads_all_vectors_in_the_place_of_an_image() -> None:
    vectors = Vectors((ROW, MORE))
    encoder = MLP(vectors, (ROW, MORE), hidden=(6, 4))  # type: ignore[arg-type]
    first, last = encoder(torch.rand(3, vectors.size), {})
    assert (first.shape, last.shape) == ((3, 6), (3, 4))


def test_late_fusion_depends_on_image_and_vector() -> None:
    encoder = LateFusion(IMAGE, (ROW, MORE), make, hidden=(7,))
    assert encoder.fuses == {"row", "more"}
    assert [spec.size for spec in encoder.feature_specs] == [5, 10, 7]
    inputs = {"row": torch.rand(2, ROW.prepared), "more": torch.rand(2, MORE.prepared)}
    image = torch.rand(2, 1, 16, 16)
    plain = encoder(image, inputs)[1]
    assert not torch.equal(encoder(image * 2, inputs)[1], plain)
    for name in inputs:
        assert not torch.equal(encoder(image, {**inputs, name: inputs[name] * 2})[1], plain)


def test_every_parameter_of_late_fusion_is_there_once() -> None:
    encoder = LateFusion(IMAGE, (ROW,), make, hidden=(7,))
    state = encoder.state_dict()
    assert len({value.data_ptr() for value in state.values()}) == len(state)
    assert sum(value.numel() for value in state.values()) == sum(p.numel() for p in encoder.parameters())


def test_late_fusion_hands_whole_numbers_to_its_image_encoder() -> None:
    encoder = LateFusion(IMAGE, (ROW, NUMBER), make, image_encoder="two-input-cnn")
    assert encoder.fuses == {"row", "number"}
    inputs = {"row": torch.rand(2, ROW.prepared), "number": torch.tensor([1, 2])}
    assert encoder(torch.rand(2, 1, 16, 16), inputs)[-1].shape == (2, 64)


@pytest.mark.parametrize(("image", "inputs"), [(IMAGE, ()), (Vectors((ROW,)), (ROW,))])
def test_late_fusion_refuses_what_it_cannot_join(image: Any, inputs: tuple[VectorSpec, ...]) -> None:
    with pytest.raises(Incompatible, match="joins an image with vectors"):
        LateFusion(image, inputs, make)


@pytest.mark.parametrize("sharing", [MMoE, CrossStitch])
def test_sharing_schemes_serve_vectors(sharing: Any) -> None:
    vectors = Vectors((ROW,))
    builder = EncoderBuilder(vectors, lambda: MLP(vectors, (ROW,)))  # type: ignore[arg-type]
    scheme = sharing(("one", "two"), builder)
    answers = scheme(torch.rand(2, vectors.size), {"row": torch.rand(2, vectors.size)}, ("one", "two"))
    assert {task: stages[-1].shape for task, stages in answers.items()} == {"one": (2, 32), "two": (2, 32)}
