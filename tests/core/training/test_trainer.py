"""Training is reproducible, resumable bit for bit, stops before a bad update, and reads nothing back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from mtl.core.base.errors import UsageError
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.contracts import Balancer
from mtl.core.data.samples import Samples, Splits, load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.evaluation.evaluation import evaluate
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.blocks import Blocks, step_sizes
from mtl.core.training.failure import NotFiniteError
from mtl.core.training.step import Step
from mtl.core.training.trainer import Trainer
from mtl.core.training.update import update_of

CPU = torch.device("cpu")

Build = Callable[..., tuple[Composition, Splits]]


@pytest.fixture
def build(registry: Registry) -> Build:
    """Return a function that composes a small recipe and loads its data."""

    def build(**tree: Any) -> tuple[Composition, Splits]:
        defaults = {"tasks": ["classify", "parity"], "encoder": {"name": "mlp", "dropout": 0.1}}
        train = {"epochs": 3, "validation": 0.8, **tree.pop("train", {})}
        composition = compose(read(RecipeSource({**defaults, **tree, "train": train}), registry), registry)
        return composition, load_splits(composition.dataset, validation=train["validation"], split_seed=0)

    return build


def weights_of(composition: Composition) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in composition.model.parameters()])


def train(composition: Composition, splits: Splits, epochs: int | None = None) -> list[Mapping[str, float]]:
    rows = []
    for result in Trainer(composition, splits, CPU).epochs():
        rows.append({key: value for key, value in result.row.items() if key != "seconds"})
        if result.epoch == epochs:
            break
    return rows


def test_an_epoch_alone_is_the_next_one(build: Build) -> None:
    """Without validation, as benchmarks train."""
    losses = [[float(value) for value in row] for row in _alone(*build(), 2)]
    rows = train(*build(), epochs=2)
    assert losses == [[row["train/classify/loss"], row["train/parity/loss"]] for row in rows]


def _alone(composition: Composition, splits: Splits, epochs: int) -> list[Tensor]:
    trainer = Trainer(composition, splits, CPU)
    return [trainer.train_epoch() for _ in range(epochs)]


EVERYTHING = {
    "schedule": "one-cycle",
    "warm_up": 0.5,
    "clip": 0.5,
    "accumulate": 3,
    "ema": 0.9,
    "groups": [
        {"match": "heads.classify.*", "learning_rate": "x3"},
        {"match": "encoder.*.bias", "frozen": True},
        {"match": "encoder.*", "weight_decay": 0.1},
    ],
}
NOISY = {"tasks": ["denoise", "classify"], "encoder": "lenet", "augmentations": ["shift"]}


def test_the_same_seed_gives_the_same_weights(build: Build) -> None:
    runs = [build(**NOISY, train={"epochs": 1}) for _ in range(2)]
    rows = [train(*run) for run in runs]
    assert rows[0] == rows[1]
    assert torch.equal(weights_of(runs[0][0]), weights_of(runs[1][0]))


def test_another_seed_gives_other_weights(build: Build) -> None:
    runs = [build(seed=seed, train={"epochs": 1}) for seed in (0, 1)]
    assert train(*runs[0]) != train(*runs[1])


def test_training_ignores_the_global_generator(build: Build) -> None:
    rows = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        rows.append(train(*build(encoder="lenet", train={"epochs": 1})))
    assert rows[0] == rows[1]


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_resuming_is_bit_for_bit_what_training_through_is(build: Build, optimizer: str) -> None:
    settings = {"epochs": 3, "optimizer": optimizer, "schedule": "cosine", "learning_rate": 0.01}
    straight, splits = build(tasks=["denoise", "classify"], train=settings)
    rows = train(straight, splits)

    stopped, splits = build(tasks=["denoise", "classify"], train=settings)
    trainer = Trainer(stopped, splits, CPU)
    checkpoint = next(trainer.epochs()).checkpoint
    copied = {name: tensor.clone() for name, tensor in checkpoint.tensors.items()}

    resumed, splits = build(tasks=["denoise", "classify"], train=settings)
    later = Trainer(resumed, splits, CPU)
    later.restore(type(checkpoint)(checkpoint.epoch, copied, checkpoint.state))
    again = [{k: v for k, v in result.row.items() if k != "seconds"} for result in later.epochs()]
    assert again == rows[1:]
    assert torch.equal(weights_of(straight), weights_of(resumed))


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop", "muon"])
def test_resuming_goes_on_with_everything_that_an_update_remembers(build: Build, optimizer: str) -> None:
    tree = {"encoder": {"name": "mlp", "hidden": [8]}, "train": {"optimizer": optimizer, **EVERYTHING}}
    straight, splits = build(**tree)
    epochs = Trainer(straight, splits, CPU).epochs()
    checkpoint = next(epochs).checkpoint
    copied = {name: tensor.clone() for name, tensor in checkpoint.tensors.items()}
    rows = [result.row for result in epochs]
    resumed, splits = build(**tree)
    later = Trainer(resumed, splits, CPU)
    later.restore(type(checkpoint)(checkpoint.epoch, copied, checkpoint.state))
    for row, result in zip(rows, later.epochs(), strict=True):
        assert {**row, "seconds": 0} == {**result.row, "seconds": 0}
    assert torch.equal(weights_of(straight), weights_of(resumed))


def test_losses_go_down(build: Build) -> None:
    rows = train(*build(train={"epochs": 5, "validation": 0.5}))
    assert rows[-1]["train/classify/loss"] < 0.7 * rows[0]["train/classify/loss"]


def test_a_loss_that_is_not_finite_stops_before_the_update(build: Build) -> None:
    composition, splits = build(train={"epochs": 1, "batch_size": 16})
    loss = composition.tasks["parity"].loss
    calls = {"count": 0}
    plain = loss.forward

    def broken(raw: Tensor, target: Tensor) -> Tensor:
        calls["count"] += 1
        return plain(raw, target) * (float("nan") if calls["count"] == 3 else 1.0)

    loss.forward = broken  # type: ignore[method-assign]
    with pytest.raises(NotFiniteError) as caught:
        train(composition, splits)
    assert caught.value.message == "the loss of task 'parity' is not finite at epoch 1, step 3"
    assert (caught.value.status, caught.value.hint) == (2, "lower train.learning_rate, or look at the data")
    assert torch.isfinite(weights_of(composition)).all()


def test_a_later_epoch_that_diverges_says_what_is_kept() -> None:
    assert "epochs before this one are in the checkpoint" in str(NotFiniteError("the loss is not finite", 2))


@pytest.mark.parametrize("more", [{}, {**EVERYTHING, "optimizer": "rmsprop"}], ids=["little", "everything"])
def test_nothing_is_read_back_inside_a_step(
    build: Build, monkeypatch: pytest.MonkeyPatch, more: Mapping[str, Any]
) -> None:
    composition, splits = build(**NOISY, train={"epochs": 1, "batch_size": 16, **more})
    reads: list[str] = []
    inside = {"step": False}
    for name in ("item", "tolist", "numpy", "__bool__", "__float__", "__int__", "cpu", "nonzero"):
        original = getattr(Tensor, name)

        def spy(self: Tensor, *args: Any, _name: str = name, _original: Any = original, **kw: Any) -> Any:
            if inside["step"]:
                reads.append(_name)
            return _original(self, *args, **kw)

        monkeypatch.setattr(Tensor, name, spy)
    trainer = Trainer(composition, splits, CPU)

    def watched(plain: Any) -> Any:
        def call(*args: Any) -> Any:
            inside["step"] = True
            found = plain(*args)
            inside["step"] = False
            return found

        return call

    for part, name in ((type(trainer._step), "__call__"), (Blocks, "lessons"), (Blocks, "restart")):
        monkeypatch.setattr(part, name, watched(getattr(part, name)))
    next(trainer.epochs())
    assert reads == []


def without_labels(samples: Samples, column: str, kept: int) -> Samples:
    label = samples.labels[column].clone()
    label[kept:] = -1
    return Samples(samples.image, {**samples.labels, column: label})


def test_partial_labels_train_on_those_present(build: Build) -> None:
    composition, splits = build(tasks=["classify", "denoise"], train={"epochs": 1})
    some = Splits(without_labels(splits.train, "digit", 40), splits.validation, splits.test)
    row = train(composition, some)[0]
    assert 0 < row["train/classify/loss"] < 10


def test_a_loss_with_tensors_follows_the_model_to_its_device(build: Build) -> None:
    composition, _ = build()
    loss = composition.tasks["classify"].loss
    loss.register_buffer("class_weights", torch.ones(10))
    meta = torch.device("meta")
    Step(composition, update_of(composition), meta)
    assert loss.class_weights.device == meta


def test_a_task_without_any_label_is_an_error(build: Build) -> None:
    composition, splits = build(tasks=["classify", "denoise"], train={"epochs": 1})
    none = Splits(without_labels(splits.train, "digit", 0), splits.validation, splits.test)
    with pytest.raises(UsageError, match="task 'classify' saw no label in epoch 1"):
        train(composition, none)


def test_a_weight_of_zero_leaves_a_task_untrained(build: Build) -> None:
    composition, splits = build(tasks={"classify": {"weight": 0.0}, "parity": {}}, train={"epochs": 1})
    before = composition.model.head("classify").state_dict()
    before = {name: value.clone() for name, value in before.items()}
    train(composition, splits)
    after = composition.model.head("classify").state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_patience_stops_early(build: Build) -> None:
    rows = train(*build(train={"epochs": 50, "patience": 1, "min_delta": 0.9}))
    assert len(rows) == 2


def test_the_chosen_epoch_has_the_best_validation_score(build: Build) -> None:
    composition, splits = build(train={"epochs": 4, "learning_rate": 0.1})
    results = list(Trainer(composition, splits, CPU).epochs())
    tasks = list(composition.tasks)

    def score(row: Mapping[str, float]) -> float:
        first = results[0].row
        return sum(row[f"validation/{task}/loss"] / first[f"validation/{task}/loss"] for task in tasks)

    chosen = max(result.epoch for result in results if result.best)
    assert chosen == 1 + min(range(len(results)), key=lambda index: score(results[index].row))


class Projection(Balancer):
    """Weights the first task alone, and keeps what it was given."""

    needs_gradients = True

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        self.seen = gradients
        return torch.tensor([1.0] + [0.0] * (len(losses) - 1))


def test_a_gradient_balancer_gets_the_gradients_of_shared_parameters(build: Build) -> None:
    composition, splits = build(train={"epochs": 1})
    balancer = Projection(list(composition.tasks))
    object.__setattr__(composition, "balancer", balancer)
    train(composition, splits)
    shared = sum(parameter.numel() for parameter in composition.model.sharing.shared_parameters())
    assert balancer.seen.shape == (2, shared)
    assert balancer.seen.abs().sum() > 0


def test_the_balancers_fixed_weights_choose_the_epoch(build: Build) -> None:
    balancer = {"name": "weighted", "weights": {"classify": 0.0}}
    composition, splits = build(balancer=balancer, train={"epochs": 6, "learning_rate": 0.02})
    results = list(Trainer(composition, splits, CPU).epochs())
    losses = [result.row["validation/parity/loss"] for result in results]
    assert max(result.epoch for result in results if result.best) == 1 + losses.index(min(losses))


def test_mixed_precision_trains_nearly_the_same_model_in_float32(build: Build) -> None:
    rows = []
    for precision in ("float32", "bf16"):
        composition, splits = build(**NOISY, train={"epochs": 2, "precision": precision})
        rows.append(train(composition, splits)[-1])
        assert {parameter.dtype for parameter in composition.model.parameters()} == {torch.float32}
    assert rows[0] != rows[1]
    for name in ("train/denoise/loss", "train/classify/loss"):
        assert rows[1][name] == pytest.approx(rows[0][name], rel=0.1)


def test_the_averaged_weights_are_judged_and_kept(build: Build) -> None:
    composition, splits = build(train={"epochs": 2, "ema": 0.99, "schedule": "linear"})
    trainer = Trainer(composition, splits, CPU)
    for result in trainer.epochs():
        kept = {name: value.clone() for name, value in composition.model.state_dict().items()}
        judged = evaluate(composition, splits.validation, "validation").metrics
        assert judged["classify"]["loss"] == result.row["validation/classify/loss"]
        own = {name[6:]: value for name, value in result.checkpoint.tensors.items() if name[:6] == "model/"}
        assert any(not torch.equal(own[name], value) for name, value in kept.items())
        mean = {
            name: value for name, value in result.checkpoint.tensors.items() if name[:14] == "average/model."
        }
        assert all(
            torch.equal(kept[name.removeprefix("average/model.")], value) for name, value in mean.items()
        )
    assert all(torch.equal(own[name], value) for name, value in composition.model.state_dict().items())


@pytest.mark.parametrize("accumulate", [2, 5, 100])
def test_an_update_is_made_of_so_many_batches(build: Build, accumulate: int) -> None:
    composition, splits = build(train={"epochs": 1, "accumulate": accumulate})
    trainer = Trainer(composition, splits, CPU)
    changes = []
    weights = [weights_of(composition)]

    def note(done: int, total: int) -> None:
        now = weights_of(composition)
        if not torch.equal(now, weights[-1]):
            changes.append(done)
        weights.append(now)

    trainer.on_step = note
    next(trainer.epochs())
    steps = len(weights) - 1
    assert changes == [step for step in range(1, steps + 1) if step % accumulate == 0 or step == steps]


def test_the_rate_of_the_history_is_that_of_the_last_step(build: Build) -> None:
    composition, splits = build(
        train={"epochs": 2, "schedule": "linear", "learning_rate": 0.1, "warm_up": 2.0}
    )
    rows = train(composition, splits)
    steps = len(step_sizes(len(splits.train), composition.recipe.train.batch_size))
    last = 2 * steps - 1
    assert rows[1]["learning_rate"] == pytest.approx(0.1 * (1 - last / (2 * steps)))
    half = (1 - (steps - 1) / (2 * steps)) * steps / (2 * steps)
    assert rows[0]["learning_rate"] == pytest.approx(0.1 * half)
