"""The grid: what is trained, what it is held against, and what cannot be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mtl.core.base.errors import MissingRequirementError, RecipeError, UsageError
from mtl.core.comparison.axes import Axis, component_axis
from mtl.core.comparison.grid import Grid
from mtl.core.composition.composer import compose
from mtl.core.contracts.hookspecs import hookimpl
from mtl.core.contracts.records import Component
from mtl.core.discovery.plugin_loading import Provider
from mtl.core.discovery.registry import Registry, discover
from mtl.plugins.balancers.sum import Sum

Make = Callable[..., Grid]


class NeedsGradients(Sum):
    needs_gradients = True


class NeedsSolver(Sum):
    def __init__(self, tasks: Any) -> None:
        raise MissingRequirementError(
            "balancer 'solving' needs the package solver", hint="pip install solver"
        )


class Plugin:
    @hookimpl
    def mtl_components(self) -> list[Component]:
        return [
            Component("balancer", "by-gradient", "Needs gradients", f"{__name__}:NeedsGradients"),
            Component("balancer", "solving", "Needs a package", f"{__name__}:NeedsSolver"),
        ]


@pytest.fixture(scope="module")
def more() -> Registry:
    """The installed plugins and the balancers of this file."""
    found = discover()
    found.manager.register(Plugin(), name="tests/balancers")
    return Registry(found.manager, [*found.providers, Provider("balancers", "tests", "")])


def test_every_combination_and_every_single_task_is_a_cell_at_every_seed(grid: Make) -> None:
    laid_out = grid(("none", "hard"), Axis("train.batch_size", (16, 32)), seeds=(0, 3, 7))
    assert [variant.name for variant in laid_out.variants] == [
        "none, batch_size=16",
        "none, batch_size=32",
        "hard, batch_size=16",
        "hard, batch_size=32",
    ]
    # Four variants; two tasks alone for each batch size.
    assert len(laid_out.cells) == 3 * (4 + 2 * 2)
    assert len({cell.key for cell in laid_out.cells}) == len(laid_out.cells)
    assert {cell.seed for cell in laid_out.cells} == {0, 3, 7}


def test_parameters_are_those_of_the_equations(grid: Make) -> None:
    laid_out = grid(("none", "hard", "cross-stitch"), assignments=("encoder.hidden=[64,32]",))
    counts = {variant.name: variant.parameters["total"] for variant in laid_out.variants}
    assert counts == {"none": 104_706, "hard": 52_386, "cross-stitch": 104_714}
    assert set(laid_out.variants[0].parameters_alone.values()) == {52_353}


def test_weights_share_their_single_task_runs(grid: Make) -> None:
    axis = Axis("tasks.even.weight", ("0.2", "0.8"), written=True)
    laid_out = grid("hard", axis)
    assert laid_out.variants[0].alone == laid_out.variants[1].alone
    assert all(
        choice.weight == 1.0 for cell in laid_out.variants[0].alone.values() for choice in cell.recipe.tasks
    )


def test_a_single_task_run_is_the_task_alone_with_the_same_training(grid: Make) -> None:
    variant = grid("cross-stitch").variants[0]
    alone = variant.alone["third"].recipe
    assert variant.cell is not None
    assert [choice.name for choice in alone.tasks] == ["third"]
    assert (alone.train, alone.encoder, alone.dataset) == (
        variant.cell.recipe.train,
        variant.cell.recipe.encoder,
        variant.cell.recipe.dataset,
    )
    assert (alone.sharing.name, alone.balancer.name) == ("hard", "sum")


def test_a_task_alone_still_sees_the_noise_of_the_other_without_learning_it(
    grid: Make, registry: Registry
) -> None:
    variant = grid("hard", tasks=("denoise", "classify")).variants[0]
    weights = {
        name: {choice.name: choice.weight for choice in cell.recipe.tasks}
        for name, cell in variant.alone.items()
    }
    assert weights == {"denoise": {"denoise": 1.0}, "classify": {"denoise": 0.0, "classify": 1.0}}
    composed = compose(variant.alone["classify"].recipe, registry)
    counts = composed.parameters()
    assert variant.parameters_alone["classify"] == counts["encoder"] + counts["heads"]["classify"]


def test_with_views_of_their_own_tasks_alone_are_alone(grid: Make) -> None:
    variant = grid("hard", tasks=("denoise", "classify"), assignments=("views=per-task",)).variants[0]
    assert [choice.name for choice in variant.alone["classify"].recipe.tasks] == ["classify"]


def test_tasks_alone_draw_samples_as_the_whole_does(grid: Make, registry: Registry) -> None:
    by = "train.sampling={by: classify}"
    variant = grid("hard", tasks=("denoise", "classify"), assignments=("views=per-task", by)).variants[0]
    alone = variant.alone["denoise"].recipe
    assert {choice.name: choice.weight for choice in alone.tasks} == {"denoise": 1.0, "classify": 0.0}
    assert alone.train.sampling is not None
    by = "train.sampling={by: digit}"
    variant = grid("hard", tasks=("denoise", "classify"), assignments=("views=per-task", by)).variants[0]
    assert [choice.name for choice in variant.alone["denoise"].recipe.tasks] == ["denoise"]


def test_what_is_said_of_absent_parameters_falls_away_in_single_task_runs(grid: Make) -> None:
    own = ("heads.even.*", "heads.th*", "sharing.units.*")
    rules = ", ".join(f"{{match: '{pattern}', learning_rate: x0.1}}" for pattern in own)
    freeze = "train.freeze=['heads.third.*.bias']"
    variant = grid(
        "cross-stitch", assignments=(f"train.groups=[{rules}]", freeze, "train.unfreeze_after=1"), epochs=2
    ).variants[0]
    training = {task: cell.recipe.train for task, cell in variant.alone.items()}
    assert [rule.match for rule in training["even"].groups] == ["heads.even.*"]
    assert [rule.match for rule in training["third"].groups] == ["heads.th*"]
    assert (training["even"].freeze, training["even"].unfreeze_after) == ((), None)
    assert (training["third"].freeze, training["third"].unfreeze_after) == (("heads.third.*.bias",), 1)


def test_what_only_a_single_task_run_cannot_be_is_told_of_it(grid: Make) -> None:
    with pytest.raises(RecipeError, match="the single-task run of 'even': train: freeze: the pattern"):
        grid("none", assignments=("train.freeze=['sharing.encoders.1.*']",))


def test_a_combination_that_cannot_be_is_a_row_with_its_reason(grid: Make, more: Registry) -> None:
    laid_out = grid(("none", "hard"), component_axis("balancer", ["sum", "by-gradient"]), found=more)
    assert {variant.name: variant.status for variant in laid_out.variants} == {
        "none, sum": "trained",
        "none, by-gradient": "not applicable",
        "hard, sum": "trained",
        "hard, by-gradient": "trained",
    }
    refused = laid_out.variants[1]
    assert refused.reason is not None
    assert "needs shared parameters; sharing 'none'" in refused.reason
    assert refused.exit_status == 0
    assert len(laid_out.cells) == 2 * (3 + 2)


def test_the_only_combination_that_cannot_be_is_an_error(grid: Make, more: Registry) -> None:
    with pytest.raises(RecipeError, match="needs shared parameters"):
        grid("none", component_axis("balancer", "by-gradient"), found=more)


def test_a_missing_package_is_a_row_that_says_what_to_install(grid: Make, more: Registry) -> None:
    laid_out = grid("hard", component_axis("balancer", "sum,solving"), found=more)
    missing = laid_out.variants[1]
    assert missing.reason == "balancer 'solving' needs the package solver; pip install solver"
    assert missing.exit_status == 5


def test_a_missing_package_alone_is_an_error(grid: Make, more: Registry) -> None:
    with pytest.raises(MissingRequirementError, match="needs the package solver"):
        grid("hard", component_axis("balancer", "solving"), found=more)


def test_all_unknown_names_are_told_at_once(grid: Make) -> None:
    with pytest.raises(RecipeError) as caught:
        grid(("hart", "hard", "cross"), component_axis("balancer", "some"))
    assert [problem.message for problem in caught.value.problems] == [
        "unknown sharing 'hart'",
        "unknown sharing 'cross'",
        "unknown balancer 'some'",
    ]


def test_mistakes_of_all_combinations_are_told_once(grid: Make) -> None:
    with pytest.raises(RecipeError) as caught:
        grid(("none", "hard"), Axis("train.epochs", ("0", "1", "x"), written=True))
    assert len(caught.value.problems) == 2


def test_one_task_has_nothing_to_be_held_against(grid: Make) -> None:
    with pytest.raises(UsageError, match="alone is its own single-task run"):
        grid("hard", tasks=("even",))


def test_the_first_metric_with_a_direction_judges(grid: Make) -> None:
    yardsticks = grid("hard", tasks=("denoise", "classify"), metrics={"denoise": "ssim"}).yardsticks
    assert {name: (yardstick.metric, yardstick.direction) for name, yardstick in yardsticks.items()} == {
        "denoise": ("ssim", "higher"),
        "classify": ("accuracy", "higher"),
    }


def test_variants_that_would_be_judged_differently_are_refused(grid: Make) -> None:
    metrics = Axis("tasks.even.metrics", (["accuracy"], ["f1"]))
    message = "task 'even' is judged by accuracy in .* and by f1 in .*: such results cannot be compared"
    with pytest.raises(UsageError, match=message):
        grid("hard", metrics)
    assert grid("hard", metrics, metrics={"even": "loss"}).yardsticks["even"].metric == "loss"


def test_the_loss_may_judge(grid: Make) -> None:
    yardstick = grid("hard", metrics={"even": "loss"}).yardsticks["even"]
    assert (yardstick.direction, yardstick.unit) == ("lower", "loss")


def test_more_seeds_and_values_are_the_same_question_and_another_budget_is_not(grid: Make) -> None:
    plan = grid(("none", "hard")).plan()
    assert grid(("none", "hard", "cross-stitch"), seeds=(0, 1, 2)).plan() == plan
    assert grid(("none", "hard"), epochs=2).plan() != plan
    assert grid(("none", "hard"), metrics={"even": "f1"}).plan() != plan


def test_a_variant_and_its_single_task_runs_have_one_memory_format(grid: Make) -> None:
    # With a view of its own, classify alone has no convolution: by itself it would have the other format.
    laid_out = grid("hard", tasks=("denoise", "classify"), assignments=("views=per-task",))
    (variant,) = laid_out.variants
    assert variant.cell is not None
    formats = [cell.recipe.train.channels_last for cell in (variant.cell, *variant.alone.values())]
    assert formats == [True, True, True]


def test_the_memory_format_can_be_chosen_for_a_whole_grid(grid: Make) -> None:
    laid_out = grid(
        ("hard", "none"), tasks=("denoise", "classify"), assignments=("train.channels_last=false",)
    )
    assert {cell.recipe.train.channels_last for cell in laid_out.cells} == {False}
