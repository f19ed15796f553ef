"""The preparation of vectors: NumPy, torch and onnxruntime agree on every row, whatever it holds."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mtl.core.composition.preparation import VectorPreparation
from mtl.core.contracts.inputs import VectorSpec, column_problem

SPEC = VectorSpec("row", ("age", "weight"), {"colour": ("red", "green"), "size": ("s", "m", "l")})
NUMBERS = st.one_of(st.just(float("nan")), st.floats(-1e6, 1e6, width=32))
PLACES = st.sampled_from([float("nan"), -1.0, 0.0, 1.0, 2.0, 3.0, 7.0])
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS, PLACES, PLACES), min_size=2, max_size=8)


def written_out(
    train: NDArray[np.float32], rows: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the prepared rows by the equations of `VectorPreparation`, and what each may be off by."""
    parts, allowed = [], []
    flags = []
    for column in (0, 1):
        known = train[~np.isnan(train[:, column]), column].astype(np.float64)
        mean = known.mean() if len(known) else 0.0
        deviation = np.sqrt(np.square(known - mean).mean()) if len(known) else 0.0
        deviation = deviation if deviation > max(1e-7 * abs(mean), 1e-30) else 1.0
        hole = np.isnan(rows[:, column])
        value = np.where(hole, 0.0, (rows[:, column].astype(np.float64) - mean) / deviation)
        parts.append(value)
        # A mean, a difference and a quotient, each rounded to float32 once.
        size = np.abs(np.nan_to_num(rows[:, column])).astype(np.float64) + abs(mean)
        allowed.append(4 * np.finfo(np.float32).eps * (size / deviation + np.abs(value)) + 1e-6)
        flags.append(np.where(hole & np.isnan(train[:, column]).any(), 1.0, 0.0))
    parts += flags
    for column, count in ((2, 2), (3, 3)):
        place = rows[:, column]
        place = np.where((place >= 0) & (place < count), place, count)
        parts += [(place == choice).astype(np.float64) for choice in range(count + 1)]
    prepared = np.stack(parts, axis=1)
    off = np.zeros_like(prepared)
    off[:, :2] = np.stack(allowed, axis=1)
    return prepared, off


@settings(max_examples=40, deadline=None)
@given(ROWS, ROWS)
@example(train=[(0.0, 0.0, 0.0, 0.0), (1.2e-38, 1e-12, 0.0, 0.0)], rows=[(2.0, 2.0, 0.0, 0.0)])
def test_torch_prepares_rows_by_the_equations(
    train: list[tuple[float, ...]], rows: list[tuple[float, ...]]
) -> None:
    known, asked = np.array(train, np.float32), np.array(rows, np.float32)
    preparation = VectorPreparation(SPEC)
    preparation.fit(torch.from_numpy(known))
    expected, off = written_out(known, asked)
    got = preparation(torch.from_numpy(asked)).double().numpy()
    assert got.shape == (len(rows), SPEC.prepared)
    assert (np.abs(got - expected) <= off).all()


@pytest.fixture(scope="module")
def exported() -> tuple[VectorPreparation, onnxruntime.InferenceSession]:
    train = np.array([[1.0, np.nan, 0, 1], [3.0, 5.0, 1, 2], [8.0, 5.5, np.nan, 0]], np.float32)
    preparation = VectorPreparation(SPEC).eval()
    preparation.fit(torch.from_numpy(train))
    program = torch.onnx.export(
        preparation,
        (torch.zeros(2, 4),),
        dynamo=True,
        dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
        verbose=False,
    )
    assert program is not None
    return preparation, onnxruntime.InferenceSession(program.model_proto.SerializeToString())


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_onnxruntime_prepares_rows_as_torch_does(
    exported: tuple[VectorPreparation, onnxruntime.InferenceSession], rows: list[tuple[float, ...]]
) -> None:
    preparation, session = exported
    asked = np.array(rows, np.float32)
    (got,) = session.run(None, {session.get_inputs()[0].name: asked})
    np.testing.assert_allclose(got, preparation(torch.from_numpy(asked)).numpy(), rtol=1e-6, atol=1e-6)


def test_a_number_without_holes_in_training_has_no_flag() -> None:
    preparation = VectorPreparation(VectorSpec("row", ("age", "weight")))
    preparation.fit(torch.tensor([[1.0, torch.nan], [3.0, 2.0]]))
    hole = preparation(torch.full((1, 2), torch.nan))
    assert hole.tolist() == [[0.0, 0.0, 0.0, 1.0]]


def test_equal_numbers_and_holes_alone_are_divided_by_one() -> None:
    preparation = VectorPreparation(VectorSpec("row", ("same", "never")))
    preparation.fit(torch.tensor([[0.1, torch.nan], [0.1, torch.nan], [0.1, torch.nan]]))
    assert preparation.std.tolist() == [1.0, 1.0]


def test_a_row_by_name_becomes_places_and_holes() -> None:
    row = {"age": "3.5", "colour": "green", "size": "huge"}
    assert np.array_equal(SPEC.encode(row), [3.5, np.nan, 1.0, np.nan], equal_nan=True)


@pytest.mark.parametrize("row", [{"age": "3 kg"}, {"age": True}, {"age": float("inf")}, {"length": 3}])
def test_a_row_that_cannot_be_one_is_refused_by_column(row: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(row))):
        SPEC.encode(row)


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (np.zeros((2, 4)), "float32"),
        (np.zeros((2, 3), np.float32), "float32"),
        (np.full((2, 4), np.inf, np.float32), "infinite"),
        (np.full((2, 4), 2.5, np.float32), "'colour'"),
        (np.array([[0, 0, 0, 3], [0, 0, 1, 1]], np.float32), "'size'"),
    ],
)
def test_a_column_that_is_no_vector_is_named(column: NDArray[np.float32], said: str) -> None:
    assert said in str(column_problem(SPEC, column, 2))


def test_drawn_rows_could_be_real() -> None:
    drawn = SPEC.draw(200, np.random.default_rng(0), np.array([[1, 2, 0, 0], [4, 9, 1, 2]], np.float32))
    assert column_problem(SPEC, drawn, 200) is None
    assert np.isnan(drawn).any()
    assert np.nanmin(drawn[:, 1]) >= 2
    assert np.nanmax(drawn[:, 1]) <= 9
