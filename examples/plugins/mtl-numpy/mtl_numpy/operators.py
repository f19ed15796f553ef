"""The operations of torch's core that are known, in NumPy. This text stands in every file that is written."""

import numpy as np


def op_convolution(x, weight, bias, stride, padding, dilation, transposed, output_padding, groups):
    (high, wide), (down, right) = weight.shape[2:], padding
    x = np.pad(x, ((0, 0), (0, 0), (down, down), (right, right)))
    reach = [dilation[0] * (high - 1) + 1, dilation[1] * (wide - 1) + 1]
    seen = np.lib.stride_tricks.sliding_window_view(x, reach, axis=(2, 3))
    seen = seen[:, :, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]
    seen = seen.reshape(len(x), groups, -1, *seen.shape[2:])
    kernels = weight.reshape(groups, -1, *weight.shape[1:])
    found = np.einsum("bgchwij,gocij->bgohw", seen, kernels, optimize=True)
    found = found.reshape(len(x), -1, *found.shape[3:])
    return found if bias is None else found + bias[:, None, None]


def op_addmm(bias, x, weight):
    return bias + x @ weight


def op_mm(x, y):
    return x @ y


op_bmm = op_mm


def op_relu(x):
    return np.maximum(x, 0)


def op_leaky_relu(x, slope=0.01):
    return np.where(x > 0, x, slope * x)


def op_elu(x, alpha=1.0, scale=1.0, input_scale=1.0):
    return scale * np.where(x > 0, x, alpha * np.expm1(input_scale * np.minimum(x, 0)))


def op_silu(x):
    return x * op_sigmoid(x)


def op_hardsigmoid(x):
    return np.clip(x / 6 + 0.5, 0, 1)


def op_hardswish(x):
    return x * op_hardsigmoid(x)


def op_hardtanh(x, low=-1.0, high=1.0):
    return np.clip(x, low, high)


def op_sigmoid(x):
    return 0.5 * (1 + np.tanh(0.5 * x))


def op_tanh(x):
    return np.tanh(x)


def op_exp(x):
    return np.exp(x)


def op_log(x):
    return np.log(x)


def op_sqrt(x):
    return np.sqrt(x)


def op_rsqrt(x):
    return 1 / np.sqrt(x)


def op_reciprocal(x):
    return 1 / x


def op_neg(x):
    return -x


def op_pow(x, y):
    return x**y


def op_add(x, y, alpha=1):
    return x + alpha * y


def op_sub(x, y, alpha=1):
    return x - alpha * y


def op_mul(x, y):
    return x * y


def op_div(x, y):
    return x / y


def op_clamp(x, low=None, high=None):
    return np.clip(x, low, high)


def op__softmax(x, axis, half=False):
    powers = np.exp(x - x.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


def op__log_softmax(x, axis, half=False):
    x = x - x.max(axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


def op_mean(x, axes=None, keep=False):
    return x.mean(None if axes is None else tuple(axes), keepdims=keep)


def op_sum(x, axes=None, keep=False):
    return x.sum(tuple(axes) if axes else None, keepdims=keep)


def op_amax(x, axes, keep=False):
    return x.max(tuple(axes), keepdims=keep)


def op_max_pool2d_with_indices(x, size, stride=(), padding=(0, 0), dilation=(1, 1), ceil=False):
    (down, right), step = (padding if len(padding) == 2 else padding * 2), stride or size
    x = np.pad(x, ((0, 0), (0, 0), (down, down), (right, right)), constant_values=-np.inf)
    seen = np.lib.stride_tricks.sliding_window_view(x, tuple(size), axis=(2, 3))
    return seen[:, :, :: step[0], :: step[1]].max((4, 5)), None


def op_avg_pool2d(x, size, stride=()):
    step = stride or size
    seen = np.lib.stride_tricks.sliding_window_view(x, tuple(size), axis=(2, 3))
    return seen[:, :, :: step[0], :: step[1]].mean((4, 5))


def op_upsample_bilinear2d(x, size, corners, scales=None):
    size = (
        [int(side * scale) for side, scale in zip(x.shape[2:], scales, strict=True)] if size is None else size
    )
    down, right = (_stretched(old, new, corners, x.dtype) for old, new in zip(x.shape[2:], size, strict=True))
    return down @ x @ right.T


def _stretched(old, new, corners, dtype):
    """Return the matrix that stretches so many numbers to others, `[new, old]`, linear in between."""
    place = (
        np.arange(new) * (old - 1) / max(new - 1, 1) if corners else (np.arange(new) + 0.5) * old / new - 0.5
    )
    place = np.clip(place, 0, old - 1)
    return np.maximum(0, 1 - np.abs(place[:, None] - np.arange(old))).astype(dtype)


def op__native_batch_norm_legit_no_training(x, weight, bias, mean, variance, momentum, least):
    shape = (1, -1) + (1,) * (x.ndim - 2)
    scale = (1 if weight is None else weight) / np.sqrt(variance + np.float32(least))
    shift = (0 if bias is None else bias) - mean * scale
    return x * scale.reshape(shape) + shift.reshape(shape), None, None


def op_native_layer_norm(x, shape, weight, bias, least):
    axes = tuple(range(-len(shape), 0))
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    x = (x - mean) / np.sqrt(variance + np.float32(least))
    return (x if weight is None else x * weight) + (0 if bias is None else bias), None, None


def op_view(x, shape):
    return x.reshape(shape)


op_reshape = op__unsafe_view = op_view


def op_permute(x, axes):
    return x.transpose(axes)


def op_unsqueeze(x, axis):
    return np.expand_dims(x, axis)


def op_squeeze(x, axes):
    return x.squeeze(tuple(axis for axis in np.atleast_1d(axes) if x.shape[axis] == 1))


def op_expand(x, shape):
    old = (1,) * (len(shape) - x.ndim) + x.shape
    return np.broadcast_to(x, [there if new == -1 else new for new, there in zip(shape, old, strict=True)])


def op_cat(parts, axis=0):
    return np.concatenate(parts, axis)


def op_slice(x, axis=0, start=None, end=None, step=1):
    return x[(slice(None),) * (axis % x.ndim) + (slice(start, end, step),)]


def op_select(x, axis, index):
    return x.take(index, axis)


def op_clone(x):
    return x


op_alias = op_detach = op_clone


def op__to_copy(x, dtype=None):
    return x if dtype is None else x.astype(dtype)


def op_sym_size(x, axis):
    return x.shape[axis]


def op_getitem(x, index):
    return x[index]
