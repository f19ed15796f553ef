"""The architectures of the five experiments have exactly the parameters of their layer tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import nn

from mtl.core.contracts import Encoder, EncoderBuilder, Form, HeadSpec, Sharing
from mtl.core.contracts.specs import ImageSpec, InputSpec
from mtl.plugins.encoders.alexnet import AlexNet
from mtl.plugins.encoders.mlp import MLP
from mtl.plugins.encoders.shapenet import ShapeNet
from mtl.plugins.encoders.two_input_cnn import TwoInputCNN
from mtl.plugins.forms import Binary, Categorical, Regression
from mtl.plugins.heads.linear import Linear
from mtl.plugins.sharings.cgc import CGC
from mtl.plugins.sharings.cross_stitch import CrossStitch
from mtl.plugins.sharings.dselect_k import DSelectK
from mtl.plugins.sharings.hard import Hard
from mtl.plugins.sharings.ltb import LTB
from mtl.plugins.sharings.mmoe import MMoE
from mtl.plugins.sharings.mtan import MTAN
from mtl.plugins.sharings.none import Separate
from mtl.plugins.sharings.ple import PLE

DIGIT, PHOTO = ImageSpec(1, 28, 28), ImageSpec(3, 32, 32)
NUMBER = InputSpec("number", 10)
Scheme = Callable[[Sequence[str], EncoderBuilder], Sharing]


def mlp() -> Encoder:
    return MLP(DIGIT, ())


def alexnet() -> Encoder:
    return AlexNet(PHOTO, ())


def classes(count: int) -> Categorical:
    return Categorical(tuple(str(value) for value in range(count)))


def count(scheme: Scheme, encoder: Callable[[], Encoder], *targets: Form) -> int:
    """Return the parameters of a sharing scheme with one linear head per target."""
    tasks = [f"task{i}" for i in range(len(targets))]
    sharing = scheme(tasks, EncoderBuilder(DIGIT, encoder))
    heads = [
        Linear(HeadSpec(DIGIT, sharing.feature_specs[task], target))
        for task, target in zip(tasks, targets, strict=True)
    ]
    return sum(parameter.numel() for module in (sharing, *heads) for parameter in module.parameters())


def mid_stitch(tasks: Sequence[str], encoder: EncoderBuilder) -> nn.Module:
    return CrossStitch(tasks, encoder, after=("block1", "block2"))


def test_1a_mlp() -> None:
    assert count(Hard, mlp, Binary()) == 52_353
    assert count(Hard, mlp, Binary(), Binary()) == 52_386
    assert count(Separate, mlp, Binary(), Binary()) == 104_706
    assert count(CrossStitch, mlp, Binary(), Binary()) == 104_714


def test_1a_mlp_with_the_other_schemes() -> None:
    encoder = 784 * 64 + 64 + 64 * 32 + 32
    heads = 2 * 33
    assert count(MMoE, mlp, Binary(), Binary()) == 2 * encoder + 2 * 2 * 784 + heads == 107_842
    assert count(CGC, mlp, Binary(), Binary()) == 3 * encoder + 2 * 2 * 784 + heads == 160_162
    gates = 2 * 2 * (784 + 64) + 3 * 784
    assert count(PLE, mlp, Binary(), Binary()) == 3 * encoder + gates + heads == 162_770
    first = (64 + 1) * 64 + (64 + 1) * 64
    second = (2 * 32 + 1) * 32 + (32 + 1) * 32 + (64 + 1) * 32
    assert count(MTAN, mlp, Binary(), Binary()) == encoder + 2 * (first + second) + heads == 79_458
    gates = 2 * 2 * (1 + 2) * 784
    assert count(DSelectK, mlp, Binary(), Binary()) == 4 * encoder + gates + heads == 218_754
    assert count(LTB, mlp, Binary(), Binary()) == 2 * encoder + 2 * 2 + 2 * 2 + heads == 104_714


def test_1b_alexnet() -> None:
    assert count(Hard, alexnet, classes(10)) == 7_506_762
    assert count(Hard, alexnet, Binary()) == 7_497_537
    assert count(Hard, alexnet, classes(10), Binary()) == 7_507_787
    assert count(mid_stitch, alexnet, classes(10), Binary()) == 15_004_307


def test_2_shapes() -> None:
    convolutions = (9 + 1) * 8 + (9 * 8 + 1) * 16 + (9 * 16 + 1) * 32 + (9 * 32 + 1) * 64
    linear = (64 * 28 * 28 + 1) * 256
    heads = (256 + 1) * 135 + (256 + 1) * 6
    shapes = Regression(tuple("abcdef"))
    assert convolutions + linear + heads == 12_905_933
    assert count(Hard, lambda: ShapeNet(DIGIT, ()), classes(135), shapes) == 12_905_933


def test_4_digit_and_sum() -> None:
    convolutions = (25 + 1) * 6 + (25 * 6 + 1) * 12
    linear = (10 + 1) * 20 + (212 + 1) * 212 + (212 + 1) * 100
    heads = (100 + 1) * 10 + (100 + 1) * 19
    assert convolutions + linear + heads == 71_573
    assert count(Hard, lambda: TwoInputCNN(DIGIT, (NUMBER,)), classes(10), classes(19)) == 71_573
