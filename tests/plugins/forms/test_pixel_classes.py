"""A class per pixel: columns, absent pixels, the constant answer, decisions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mtl.plugins.forms import PixelClasses

FORM = PixelClasses(("a", "b", "c"), 1, 4)


def column(*rows, dtype=np.uint8):
    return np.array(rows, dtype=dtype)[:, None]


@pytest.mark.parametrize(
    "held",
    [
        column([0, 1, 2, 255]),
        column([0, 1, 2, -1], dtype=np.int8),
        column([0, 1, 2, -1], dtype=np.int64),
    ],
    ids=["bytes", "int8", "int64"],
)
def test_a_column_of_bytes_or_of_whole_numbers_gives_the_same_targets(held):
    assert FORM.column_problem(held, 1) is None
    target = FORM.target_of(torch.from_numpy(held))
    assert target.dtype == torch.int64
    assert target.tolist() == [[[0, 1, 2, -1]]]
    assert FORM.present(torch.from_numpy(held)).tolist() == [True]


@pytest.mark.parametrize(
    ("held", "problem"),
    [
        (column([0, 1, 3, 7]), "must hold the classes 0..2 and 255 for no label, got 3, 7"),
        (
            column([0, 1, 2, -1], dtype=np.float32),
            "must be uint8 (255: no label) or whole numbers with a sign",
        ),
        (column([0, 1, 2, 255], dtype=np.int64), "must hold the classes 0..2 and -1 for no label, got 255"),
        (column([0, 1, 2, 255], dtype=np.uint16), "must be uint8"),
        (column([0, 1, 2]), "[1, 1, 4], got uint8 [1, 1, 3]"),
    ],
)
def test_a_column_that_cannot_be_is_refused_with_its_values(held, problem):
    assert problem in FORM.column_problem(held, 1)


def test_bytes_do_not_hold_a_class_that_is_called_like_no_label():
    many = PixelClasses(tuple(map(str, range(256))), 1, 1)
    assert "must be int16 or wider" in many.column_problem(np.zeros((1, 1, 1), np.uint8), 1)
    assert many.column_problem(np.zeros((1, 1, 1), np.int16), 1) is None


def test_a_sample_is_absent_only_without_any_labelled_pixel():
    held = torch.from_numpy(column([255, 255, 255, 255], [255, 0, 255, 255]))
    assert FORM.present(held).tolist() == [False, True]
    assert FORM.present(FORM.target_of(held)).tolist() == [False, True]


def test_the_constant_answer_is_the_most_frequent_class_at_each_pixel_however_it_was_batched():
    target = torch.tensor([[[0, 1, -1, 2]], [[0, 2, -1, 1]], [[1, 2, -1, 2]]])
    parts = [FORM.tally(target[:2]), FORM.tally(target[2:])]
    constant = sum(total for total, _ in parts) / sum(count for _, count in parts)
    # The third pixel never has a label: there it is the class most frequent of all, the third (4 of 9).
    assert constant.argmax(dim=0).tolist() == [[0, 2, 2, 2]]
    torch.testing.assert_close(constant[:, 0, 0], torch.tensor([2 / 3, 1 / 3, 0.0]), atol=1e-5, rtol=0)


def test_predictions_are_probabilities_over_the_classes_of_each_pixel():
    raw = torch.randn(2, 3, 1, 4, generator=torch.Generator().manual_seed(0))
    powers = raw.exp()
    torch.testing.assert_close(FORM.predict(raw), powers / powers.sum(dim=1, keepdim=True))
    np.testing.assert_allclose(FORM.predict_array(raw.numpy()), FORM.predict(raw).numpy(), atol=1e-6)


def test_every_pixel_is_a_decision():
    one = torch.tensor([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3]]).T.reshape(1, 3, 1, 2)
    other = torch.tensor([[0.5, 0.4, 0.1], [0.2, 0.3, 0.5]]).T.reshape(1, 3, 1, 2)
    same, margin = PixelClasses(("a", "b", "c"), 1, 2).decisions(one, other)
    assert same.tolist() == [[[True, False]]]
    torch.testing.assert_close(margin, torch.tensor([[[0.0, 0.2]]]))


def test_its_drawing_holds_the_classes_numbers_with_a_palette():
    answer = torch.tensor([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.8, 0.1, 0.1], [0.8, 0.2, 0.0]]).T
    said = FORM.drawing.describe(answer.reshape(1, 3, 1, 4).numpy())[0]
    assert said.text == "a 75.0 %, c 25.0 %"
    assert said.value == {"width": 4, "height": 1, "shares": {"a": 0.75, "b": 0.0, "c": 0.25}}
    assert said.picture.tolist() == [[0, 2, 0, 0]]
    assert said.pixels[0, 1].tolist() == [0, 128, 0]
