"""Operations in NumPy are those of torch."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mtl_numpy import operators

RANDOM = np.random.default_rng(0)


def draw(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "groups"), [(1, 0, 1, 1), (2, 1, 1, 2), (1, 2, 2, 4)]
)
def test_a_convolution(stride, padding, dilation, groups):
    x, weight, bias = draw(3, 4, 9, 11), draw(8, 4 // groups, 3, 2), draw(8)
    expected = F.conv2d(*map(torch.from_numpy, (x, weight, bias)), stride, padding, dilation, groups)
    pairs = [[value, value] for value in (stride, padding, dilation)]
    got = operators.op_convolution(x, weight, bias, *pairs, False, [0, 0], groups)
    np.testing.assert_allclose(got, expected.numpy(), atol=1e-5)


@pytest.mark.parametrize(
    "name", ["elu", "silu", "hardsigmoid", "hardswish", "leaky_relu", "hardtanh", "sigmoid"]
)
def test_a_function_of_single_numbers(name):
    x = 5 * draw(40)
    expected = getattr(F, name)(torch.from_numpy(x))
    np.testing.assert_allclose(getattr(operators, f"op_{name}")(x), expected.numpy(), atol=1e-6)


def test_pools_and_norms():
    x, scale, shift, mean, variance = draw(2, 3, 7, 6), draw(3), draw(3), draw(3), np.abs(draw(3))
    torch_x = torch.from_numpy(x)
    got, _ = operators.op_max_pool2d_with_indices(x, [3, 2], [2, 1], [1, 1])
    np.testing.assert_array_equal(got, F.max_pool2d(torch_x, (3, 2), (2, 1), (1, 1)).numpy())
    np.testing.assert_allclose(
        operators.op_avg_pool2d(x, [2, 3]), F.avg_pool2d(torch_x, (2, 3)).numpy(), atol=1e-6
    )
    arrays = (x, scale, shift, mean, variance)
    got, *_ = operators.op__native_batch_norm_legit_no_training(*arrays, 0.1, 1e-5)
    expected = F.batch_norm(torch_x, *map(torch.from_numpy, (mean, variance, scale, shift)))
    np.testing.assert_allclose(got, expected.numpy(), atol=1e-5)
    scale, shift = draw(7, 6), draw(7, 6)
    got, *_ = operators.op_native_layer_norm(x, [7, 6], scale, shift, 1e-5)
    expected = F.layer_norm(torch_x, (7, 6), *map(torch.from_numpy, (scale, shift)))
    np.testing.assert_allclose(got, expected.numpy(), atol=1e-5)


@pytest.mark.parametrize("corners", [False, True])
def test_a_map_is_stretched(corners):
    x = draw(2, 3, 4, 5)
    expected = F.interpolate(torch.from_numpy(x), (7, 10), mode="bilinear", align_corners=corners)
    np.testing.assert_allclose(
        operators.op_upsample_bilinear2d(x, [7, 10], corners), expected.numpy(), atol=1e-5
    )


def test_parts_and_shapes():
    x = draw(2, 3, 1)
    assert operators.op_slice(x, 1, 1, 9223372036854775807).shape == (2, 2, 1)
    assert operators.op_expand(x, [-1, 3, 5]).shape == (2, 3, 5)
    assert operators.op_squeeze(x, [0, 2]).shape == (2, 3)
    assert operators.op_select(x, 1, -1).tolist() == x[:, -1].tolist()
