"""The built-in forms: what their columns may hold, and values that are absent or out of range."""

import numpy as np
import pytest
import torch

from mtl.core.base.errors import UsageError
from mtl.core.composition.losses import masked_loss
from mtl.core.composition.standardization import Standardization, standardized
from mtl.core.contracts.specs import DatasetSpec, ImageSpec
from mtl.core.data.samples import Samples, Splits, refuse_unlabelled
from mtl.plugins.forms import Multilabel, Regression
from mtl.plugins.losses.mean_absolute_error import MeanAbsoluteError
from mtl.plugins.losses.mean_squared_error import MeanSquaredError
from mtl.plugins.losses.smooth_l1 import SmoothL1
from mtl.plugins.metrics.mean_absolute_error import MeanAbsoluteError as Mae
from mtl.plugins.metrics.root_mean_squared_error import RootMeanSquaredError
from mtl.plugins.metrics.value_errors import ValueErrors

NAN = float("nan")
TWO = Regression(("height", "width"), "cm")
TARGET = torch.tensor([[1.0, 10.0], [NAN, 30.0], [NAN, NAN], [5.0, NAN]])
RAW = torch.tensor([[2.0, 12.0], [7.0, 33.0], [7.0, 7.0], [1.0, 7.0]])


@pytest.mark.parametrize(
    ("loss", "wanted"),
    [
        (MeanAbsoluteError, (1.5 + 3.0 + 4.0) / 3),
        (MeanSquaredError, (2.5 + 9.0 + 16.0) / 3),
        (SmoothL1, ((0.5 + 1.5) / 2 + 2.5 + 3.5) / 3),
    ],
)
def test_a_loss_leaves_out_absent_values_alone(loss, wanted):
    raw = RAW.clone().requires_grad_()
    mean, count = masked_loss(loss(TWO), raw, TARGET)
    assert (mean.item(), count.item()) == (pytest.approx(wanted), 3)
    mean.backward()
    assert raw.grad[TARGET.isnan()].tolist() == [0.0] * 4
    assert raw.grad[~TARGET.isnan()].all()


def test_a_standardised_loss_leaves_out_absent_values_alone():
    loss = standardized(MeanAbsoluteError(TWO), "train")
    loss.standardization.fit(TARGET[[0, 1, 3]])
    # height: 1 and 5, so mean 3 and deviation 2; width: 10 and 30, so 20 and 10.
    assert loss.standardization.mean.tolist() == [3.0, 20.0]
    assert loss.standardization.std.tolist() == [2.0, 10.0]
    wanted = ((0.5 + 0.2) / 2 + 0.3 + 2.0) / 3
    assert masked_loss(loss, RAW, TARGET)[0].item() == pytest.approx(wanted)


def test_a_value_that_is_never_there_keeps_its_units():
    standardization = Standardization(2)
    standardization.fit(torch.tensor([[1.0, NAN], [3.0, NAN]]))
    assert (standardization.mean.tolist(), standardization.std.tolist()) == ([2.0, 0.0], [1.0, 1.0])


def test_the_baseline_is_the_mean_of_each_values_own_labels():
    there = TARGET[TWO.present(TARGET)]
    total, count = TWO.tally(there)
    assert (total / count).tolist() == [3.0, 20.0]


def test_errors_are_over_the_values_that_are_known():
    for metric, wanted in ((Mae, (1 + 2 + 3 + 4) / 4), (RootMeanSquaredError, ((1 + 4 + 9 + 16) / 4) ** 0.5)):
        judge = metric(TWO)
        judge.update(RAW[:2], TARGET[:2])
        judge.update(RAW[3:], TARGET[3:])
        assert float(judge.compute()) == pytest.approx(wanted)
    table = ValueErrors(TWO)
    table.update(RAW, TARGET)
    wanted = [[2, (17 / 2) ** 0.5, 2.5], [2, (13 / 2) ** 0.5, 2.5]]
    assert table.compute().tolist() == [pytest.approx(row) for row in wanted]


def test_a_value_without_a_training_label_is_refused():
    labels = {"size": torch.tensor([[1.0, NAN], [2.0, NAN]])}
    part = Samples(torch.zeros(2, 1, 8, 8, dtype=torch.uint8), labels)
    spec = DatasetSpec(ImageSpec(1, 8, 8), {"size": TWO})
    with pytest.raises(UsageError, match="needs 'width' of 'size', and no sample of the train split has it"):
        refuse_unlabelled(Splits(part, part, part), {"told": ("size",)}, spec)


def test_predictions_are_cut_to_the_range_with_torch_and_without():
    form = Regression(("age",), "years", least=0, most=120)
    raw = torch.tensor([[-5.0], [50.0], [1e6]])
    assert form.predict(raw).tolist() == form.predict_array(raw.numpy()).tolist() == [[0.0], [50.0], [120.0]]
    assert Regression(("age",), least=0).predict(raw).tolist() == [[0.0], [50.0], [1e6]]
    assert form.meaning(raw=False) == "values in years, 0 to 120"
    assert form.meaning(raw=True) == "values in years, not cut"


def test_a_range_is_kept_in_files_and_no_range_leaves_nothing_there():
    form = Regression(("age",), "years", most=120)
    assert form.to_json() == {"form": "regression", "names": ("age",), "units": "years", "most": 120}
    values = {"names": ["age"], "units": "years"}
    assert Regression.from_json({**values, "most": 120}) == form
    assert Regression.from_json(values) == Regression(("age",), "years")
    for wrong in ({"most": "high"}, {"most": float("inf")}, {"least": 3, "most": 3}, {"lowest": 0}):
        with pytest.raises(ValueError, match=r"most|least|fields"):
            Regression.from_json({**values, **wrong})


COLUMNS = [
    (TWO, np.zeros((3, 2)), "must be float32 [3, 2], got float64 [3, 2]"),
    (TWO, np.zeros(3, dtype=np.float32), "must be float32 [3, 2], got float32 [3]"),
    (TWO, np.array([[1, 2], [3, np.inf], [1, 1]], dtype=np.float32), "must be finite; entry [1, 1] is inf"),
    (
        Regression(("a", "b"), least=0, most=2),
        np.array([[1, 2], [3, np.nan], [-1, 1]], dtype=np.float32),
        "must be 0 to 2; entry [1, 0] is 3, and 1 more like it",
    ),
    (
        Multilabel(("a", "b")),
        np.array([[1, 2], [0, -1], [1, 1]], dtype=np.int8),
        "must lie in 0..1, or be -1 where absent; entry [0, 1] is 2",
    ),
]


@pytest.mark.parametrize(("form", "column", "problem"), COLUMNS, ids=[case[2] for case in COLUMNS])
def test_a_column_that_cannot_be_is_told_with_its_entry(form, column, problem):
    assert form.column_problem(column, 3) == problem


def test_absent_numbers_are_no_problem():
    assert TWO.column_problem(TARGET.numpy(), 4) is None
    assert Multilabel(("a",)).column_problem(np.array([[-1], [1]], dtype=np.int8), 2) is None
