"""Parameters and states that cannot be trained, kept or brought back are refused by name, before training."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from mtl.core.base.errors import ComponentError
from mtl.core.composition.rehearsal import rehearse_encoder, rehearse_loss
from mtl.core.composition.state import refuse_untrainable
from mtl.core.contracts import Encoder, Loss
from mtl.core.contracts.specs import FeatureSpec, ImageSpec
from mtl.core.discovery.responsibility import Owners
from mtl.plugins.forms import Binary


class Part(Encoder):
    """An encoder of four features, for tests to spoil."""

    def __init__(self) -> None:
        super().__init__()
        first = nn.Sequential(nn.Flatten(), nn.Linear(16, 4))
        self.stages = nn.Sequential(OrderedDict(first=first, second=nn.Linear(4, 4)))
        self.feature_specs = (FeatureSpec(4), FeatureSpec(4))


class Judge(Loss):
    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        return (raw - target).abs()


def _owners() -> Owners:
    owners = Owners()
    owners.add(Part, "encoder 'part' of plugin 1.0")
    owners.add(Judge, "loss 'judge' of plugin 1.0")
    return owners


def _set(value: Callable[[], Tensor]) -> Callable[[nn.Linear], None]:
    def spoil(layer: nn.Linear) -> None:
        layer.weight = nn.Parameter(value())

    return spoil


def _overlap(layer: nn.Linear) -> None:
    memory = torch.zeros(20)
    layer.weight, layer.bias = nn.Parameter(memory[:16].view(4, 4)), nn.Parameter(memory[14:18])


def _alias(layer: nn.Linear) -> None:
    layer.other = nn.Parameter(torch.zeros(4, 4))
    layer.other.data = layer.weight.data.t()


UNTRAINABLE: dict[str, tuple[Callable[[nn.Linear], None], str]] = {
    "expanded": (
        _set(lambda: torch.zeros(1, 4).expand(4, 4)),
        "its parameter 'encoder.stages.second.weight' is a view",
    ),
    "windows": (_set(lambda: torch.zeros(7).unfold(0, 4, 1)), "is a view with other strides"),
    "gaps": (_set(lambda: torch.zeros(4, 8)[:, ::2]), "is a view with other strides"),
    "complex": (_set(lambda: torch.zeros(4, 4, dtype=torch.complex64)), "is complex"),
    "sparse": (_set(lambda: torch.zeros(4, 4).to_sparse()), "is torch.sparse_coo"),
    "overlap": (_overlap, "'encoder.stages.second.weight' and 'encoder.stages.second.bias' share memory"),
    "alias": (_alias, "share memory"),
}


@pytest.mark.parametrize("case", UNTRAINABLE)
def test_a_parameter_without_memory_of_its_own_is_refused_with_its_component(case: str) -> None:
    spoil, told = UNTRAINABLE[case]
    model = nn.Module()
    model.encoder = Part()
    spoil(model.encoder.stages.second)  # type: ignore[arg-type]
    with pytest.raises(ComponentError) as caught:
        refuse_untrainable(_owners(), (model,))
    assert str(caught.value).startswith("encoder 'part' of plugin 1.0: ")
    assert told in str(caught.value)


def _tie(layer: nn.Linear) -> None:
    layer.again = layer.weight


WHOLE: dict[str, Callable[[nn.Linear], None]] = {
    "transposed": _set(lambda: torch.zeros(4, 4).t()),
    "channels last": _set(lambda: torch.zeros(2, 3, 2, 2).to(memory_format=torch.channels_last)),
    "piece of a vector": _set(lambda: torch.zeros(40)[5:21].view(4, 4)),
    "empty": _set(lambda: torch.zeros(0, 4)),
    "scalar": _set(lambda: torch.zeros(())),
    "tied": _tie,
    "frozen and complex": lambda layer: layer.register_buffer("phase", torch.zeros(2, dtype=torch.complex64)),
}


@pytest.mark.parametrize("case", WHOLE)
def test_a_whole_parameter_is_none_of_these(case: str) -> None:
    part = Part()
    WHOLE[case](part.stages.second)  # type: ignore[arg-type]
    refuse_untrainable(_owners(), (part,))


def test_a_state_that_is_no_tensor_is_refused() -> None:
    class Counting(Part):
        def get_extra_state(self) -> dict[str, int]:
            return {"n": 1}

    with pytest.raises(ComponentError, match=r"encoder 'part' of plugin 1.0: '_extra_state' of its state"):
        refuse_untrainable(_owners(), (Counting(),))


def test_a_buffer_that_grows_in_training_is_refused() -> None:
    class Growing(Part):
        seen: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("seen", torch.zeros(0))

        def forward_stage(self, index: int, features: Tensor, inputs: object) -> Tensor:
            if self.training:
                self.seen = torch.cat([self.seen, torch.ones(1)])
            return super().forward_stage(index, features, {})

    with pytest.raises(ComponentError, match="'seen' of its state has another form after training"):
        rehearse_encoder(_owners(), Growing(), ImageSpec(1, 4, 4), ())


def test_a_loss_with_a_parameter_is_refused_and_a_frozen_one_is_not() -> None:
    loss = Judge(Binary())
    loss.scale = nn.Parameter(torch.zeros(()))
    with pytest.raises(
        ComponentError, match=r"loss 'judge' of plugin 1.0: its parameter 'scale' would not be"
    ):
        rehearse_loss(_owners(), loss, Binary())
    loss.scale.requires_grad_(False)
    rehearse_loss(_owners(), loss, Binary())


def test_a_loss_with_a_buffer_that_moves_is_refused() -> None:
    class Moving(Judge):
        seen: Tensor

        def __init__(self) -> None:
            super().__init__(Binary())
            self.register_buffer("seen", torch.zeros(()))

        def forward(self, raw: Tensor, target: Tensor) -> Tensor:
            if torch.is_grad_enabled():
                self.seen += 1
            return super().forward(raw, target) * (1 + self.seen)

    with pytest.raises(ComponentError, match=r"loss 'judge' of plugin 1.0: its buffer 'seen' changes"):
        rehearse_loss(_owners(), Moving(), Binary())
