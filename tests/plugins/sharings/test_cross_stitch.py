from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.core.base.errors import Incompatible
from mtl.core.contracts import Encoder
from mtl.core.contracts.specs import ImageSpec
from mtl.plugins.encoders.lenet import LeNet
from mtl.plugins.encoders.mlp import MLP
from mtl.plugins.sharings.cross_stitch import CrossStitch, stitch
from mtl.plugins.sharings.none import Separate

IMAGE = ImageSpec(1, 12, 12)


def lenet() -> Encoder:
    return LeNet(IMAGE, ())


def test_two_tasks_start_with_nine_tenths_of_their_own_features() -> None:
    weights = CrossStitch(("a", "b"), lenet, after=("conv1",)).stitch_weights()
    assert list(weights) == ["conv1"]
    torch.testing.assert_close(weights["conv1"], torch.tensor([[0.9, 0.1], [0.1, 0.9]]))


@settings(deadline=None, max_examples=25)
@given(tasks=st.integers(2, 6), self_weight=st.floats(0, 1), per=st.sampled_from(["layer", "channel"]))
def test_every_row_of_weights_starts_with_a_sum_of_one(tasks: int, self_weight: float, per: str) -> None:
    names = tuple(f"task{i}" for i in range(tasks))
    encoder = MLP(ImageSpec(1, 2, 2), (), hidden=(3,))
    sharing = CrossStitch(names, lambda: encoder, per=per, self_weight=self_weight)
    (weights,) = sharing.stitch_weights().values()
    assert weights.shape == ((tasks, tasks) if per == "layer" else (tasks, tasks, 3))
    torch.testing.assert_close(weights.sum(1), torch.ones_like(weights.sum(1)))


def test_a_task_continues_with_the_weighted_sum_over_tasks() -> None:
    weights = torch.tensor([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.5]])
    features = torch.randn(3, 2, 4, 5, 5)
    expected = torch.stack([sum(weights[i, j] * features[j] for j in range(3)) for i in range(3)])
    torch.testing.assert_close(stitch(features, weights.unsqueeze(-1)), expected)


@pytest.mark.parametrize("shape", [(4,), (4, 5, 5)], ids=["vector", "map"])
def test_per_channel_every_channel_has_weights_of_its_own(shape: tuple[int, ...]) -> None:
    weights, features = torch.randn(2, 2, 4), torch.randn(2, 3, *shape)
    mixed = stitch(features, weights)
    for channel in range(4):
        one = stitch(features[:, :, channel : channel + 1], weights[..., channel : channel + 1])
        torch.testing.assert_close(mixed[:, :, channel : channel + 1], one)


@pytest.mark.parametrize("tasks", [("a", "b"), ("a", "b", "c")])
@pytest.mark.parametrize("per", ["layer", "channel"])
def test_with_identity_weights_it_equals_separate_encoders(tasks: tuple[str, ...], per: str) -> None:
    torch.manual_seed(0)
    stitched = CrossStitch(tasks, lenet, per=per, self_weight=1.0)
    torch.manual_seed(0)
    separate = Separate(tasks, lenet)
    image = torch.rand(2, 1, 12, 12)
    one, two = stitched(image, {}, tasks), separate(image, {}, tasks)
    for task in tasks:
        for mixed, own in zip(one[task], two[task], strict=True):
            torch.testing.assert_close(mixed, own)


def test_the_mixed_features_are_what_the_next_stage_and_the_heads_see() -> None:
    sharing = CrossStitch(("a", "b"), lambda: MLP(IMAGE, (), hidden=(6, 5)), after=("layer1",))
    image = torch.rand(2, 1, 12, 12)
    outputs = sharing(image, {}, ("a", "b"))
    own = [column.stages[0](image) for column in sharing.columns]
    torch.testing.assert_close(outputs["a"][0], 0.9 * own[0] + 0.1 * own[1])
    torch.testing.assert_close(outputs["a"][1], sharing.columns[0].stages[1](outputs["a"][0]))


def test_units_sit_only_after_the_stages_asked_for() -> None:
    sharing = CrossStitch(("a", "b"), lenet, after=("conv2", "conv1"))
    assert list(sharing.stitch_weights()) == ["conv1", "conv2"]
    shared = sum(p.numel() for p in sharing.shared_parameters())
    assert shared == 2 * (156 + 2416) + 2 * 4


def test_past_the_last_unit_only_the_asked_columns_are_run() -> None:
    sharing = CrossStitch(("a", "b"), lenet, after=("conv1",))
    ran: list[str] = []
    for name, stage in sharing.columns[1].stages.named_children():
        stage.register_forward_hook(lambda *_, name=name: ran.append(name))
    sharing(torch.rand(1, 1, 12, 12), {}, ("a",))
    assert ran == ["conv1"]


def test_a_single_task_is_refused() -> None:
    with pytest.raises(Incompatible, match="needs at least two tasks, got 1"):
        CrossStitch(("a",), lenet)


def test_an_unknown_stage_is_refused_with_the_known_ones() -> None:
    with pytest.raises(Incompatible, match="no stage 'pool1'; stages: conv1, conv2, fc1, fc2"):
        CrossStitch(("a", "b"), lenet, after=("pool1",))
