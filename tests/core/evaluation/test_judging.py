"""The data of a run as an exporter sees it."""

from __future__ import annotations

import numpy as np
import pytest

from mtl.core.base.errors import UsageError
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.data.samples import Splits, load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.evaluation.evaluation import evaluate
from mtl.core.evaluation.judging import SplitJudge
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.running.exporting import export_subject


def composed(registry: Registry, **tree: object) -> tuple[Composition, Splits]:
    made = compose(read(RecipeSource({"encoder": "mlp", **tree}), registry), registry)
    return made, load_splits(made.dataset, validation=0.2, split_seed=0)


@pytest.fixture(scope="module")
def noisy(registry: Registry) -> tuple[Composition, Splits]:
    return composed(registry, tasks=["denoise", "classify"])


def test_the_leading_metric_is_the_first_with_a_better_direction(noisy: tuple[Composition, Splits]) -> None:
    leading = SplitJudge(*noisy).leading
    assert {task: (item.metric, item.direction) for task, item in leading.items()} == {
        "denoise": ("psnr", "higher"),
        "classify": ("accuracy", "higher"),
    }


def test_training_samples_are_seeded_few_and_as_the_model_sees_them(
    noisy: tuple[Composition, Splits],
) -> None:
    judge, train = SplitJudge(*noisy), noisy[1].train.image
    one, again, other = (judge.training_samples(50, seed)["image"] for seed in (0, 0, 1))
    assert (one.shape, one.dtype) == ((50, *train.shape[1:]), np.float32)
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    # Noisy: few of the values are whole 255ths.
    assert np.isclose(one * 255, np.rint(one * 255), atol=1e-4).mean() < 0.9
    assert len(judge.training_samples(10**6, 0)["image"]) == len(train)


def test_the_reference_is_what_evaluation_finds(noisy: tuple[Composition, Splits]) -> None:
    found = SplitJudge(*noisy).reference()
    assert set(found) == {"validation", "test"}
    expected = evaluate(noisy[0], noisy[1].test, "test").metrics
    for task, values in found["test"].items():
        for metric, value in values.items():
            assert value == pytest.approx(expected[task][metric], abs=1e-6)


def test_only_what_is_asked_for_is_measured(noisy: tuple[Composition, Splits]) -> None:
    classes = len(noisy[0].targets["classify"].classes)  # type: ignore[union-attr]

    def zero(feed):
        assert feed["image"].dtype == np.float32
        return {"classify": np.eye(classes, dtype=np.float32)[np.zeros(len(feed["image"]), dtype=int)]}

    found = SplitJudge(*noisy).measure(zero, ["classify"])
    assert list(found["test"]) == ["classify"]
    assert found["test"]["classify"]["accuracy"] == pytest.approx(0.1, abs=0.05)


def test_a_part_keeps_the_inputs_that_it_reads(registry: Registry) -> None:
    made, splits = composed(registry, tasks=["random-sum", "classify"])
    subject = export_subject(made, splits.validation, {"test": {"classify": {"accuracy": 1.0}}})
    assert [spec.name for spec in subject.only(["random-sum"]).inputs] == ["number"]
    part = subject.only(["classify"])
    assert part.inputs == ()
    assert set(part.samples) == {"image"}
    assert part.metadata["subset_of"] == ["random-sum", "classify"]
    assert part.metadata["test_metrics"] == {"classify": {"accuracy": 1.0}}
    fused, _ = composed(registry, encoder="two-input-cnn", tasks=["random-sum", "classify"])
    subject = export_subject(fused, splits.validation, {})
    assert [spec.name for spec in subject.only(["classify"]).inputs] == ["number"]


def test_all_tasks_are_no_part_and_unknown_ones_are_refused(noisy: tuple[Composition, Splits]) -> None:
    subject = export_subject(noisy[0], noisy[1].validation, {})
    assert subject.only(["classify", "denoise"]) is subject
    with pytest.raises(UsageError, match="did you mean 'classify'"):
        subject.only(["clasify"])
    with pytest.raises(UsageError, match="at least one"):
        subject.only([])
