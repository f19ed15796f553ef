"""The mean over an image turned and mirrored: it moves with the image, and training is left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import mtl
from mtl.core.base.errors import Incompatible, RecipeError
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.composition.orbit import ELEMENTS, Orbit
from mtl.core.contracts import Form
from mtl.core.contracts.batch import Batch
from mtl.core.contracts.specs import ImageSpec, Symmetry
from mtl.core.contracts.symmetry import transform_square
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.plugins.forms import Binary, Categorical, Image

Build = Callable[..., Composition]
DIGITS = {"dataset": "digits", "encoder": "mlp", "tasks": ["classify", "parity", "denoise", "rotation"]}
SHAPES = {
    "dataset": {"name": "shapes-synthetic", "train_size": 20, "test_size": 10},
    "encoder": "mlp",
    "tasks": {"shape-class": {"head": "kind-counts"}, "shape-count": {}, "autoencode": {}},
}


@pytest.fixture
def build(registry: Registry) -> Build:
    def build(tree: dict[str, Any], choice: str | None = None) -> Composition:
        given = {} if choice is None else {"test_time_augmentation": choice}
        source = RecipeSource({**tree, **given})
        return compose(read(source, registry), registry, source)

    return build


def images_for(composition: Composition, count: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, *composition.dataset_spec.image.shape, generator=generator)


def turned(image: torch.Tensor, turns: int, mirrored: bool) -> torch.Tensor:
    return torch.rot90(image.flip(-1) if mirrored else image, turns, (-2, -1))


@pytest.mark.parametrize("choice", ["mirror", "quarter-turns", "square"])
@pytest.mark.parametrize("tree", [DIGITS, SHAPES], ids=["digits", "shapes"])
def test_what_it_answers_moves_with_the_image(build: Build, tree: dict[str, Any], choice: Any) -> None:
    composition = build(tree, choice)
    model = composition.model.eval()
    image = images_for(composition)
    answers = model(image)
    for turns, mirrored in ELEMENTS[choice]:
        moved = model(turned(image, turns, mirrored))
        for name, answer in answers.items():
            torch.testing.assert_close(moved[name], expected(composition, name, answer, turns, mirrored))


def expected(composition: Composition, name: str, answer: torch.Tensor, turns: int, mirrored: bool) -> Any:
    """Return where an answer goes, worked out by hand."""
    if name in ("denoise", "autoencode"):
        return turned(answer, turns, mirrored)
    if name == "rotation":
        old = [(-1) ** mirrored * (new - turns) % 4 for new in range(4)]
        return answer[:, old]
    if name == "shape-count":
        return moved_counts(composition, answer, turns, mirrored)
    if name == "shape-class":
        task = composition.tasks[name].task
        classes = composition.tasks[name].target.classes  # type: ignore[union-attr]
        kinds = composition.dataset_spec.labels["counts"].names  # type: ignore[union-attr]
        rows = torch.zeros(len(classes), 6)
        for row, text in zip(rows, classes, strict=True):
            for term in text.split(" + "):
                kind, number = term.split()
                row[kinds.index(kind)] = int(number)
        goes_to = task.target(Batch(rows, {"counts": moved_counts(composition, rows, turns, mirrored)}, {}))
        moved = torch.empty_like(answer)
        moved[:, goes_to] = answer
        return moved
    return answer


def moved_counts(composition: Composition, counts: torch.Tensor, turns: int, mirrored: bool) -> torch.Tensor:
    count = len(counts)
    batch = Batch(torch.zeros(count, 1, 2, 2), {"counts": counts}, {})
    every = torch.full((count,), turns), torch.full((count,), mirrored)
    return transform_square(batch, *every, composition.dataset_spec).labels["counts"]


def test_it_is_the_mean_of_what_the_model_says_of_each_view(build: Build) -> None:
    plain, averaged = build(DIGITS).model.eval(), build(DIGITS, "mirror").model.eval()
    image = images_for(build(DIGITS))
    one, other = plain(image), plain(image.flip(-1))
    found = averaged(image)
    torch.testing.assert_close(found["parity"], (one["parity"] + other["parity"]) / 2)
    torch.testing.assert_close(found["denoise"], (one["denoise"] + other["denoise"].flip(-1)) / 2)


def test_shifts_show_both_mirrors_in_place_and_a_pixel_along_the_diagonal(build: Build) -> None:
    orbit = build({**DIGITS, "tasks": ["classify", "parity"]}, "mirror-shifts").model.orbit
    assert orbit is not None
    plane = torch.arange(12.0).view(1, 1, 3, 4)
    right = torch.tensor([[0.0, 0, 1, 2], [0, 0, 1, 2], [4, 4, 5, 6]])
    left = torch.tensor([[5.0, 6, 7, 7], [9, 10, 11, 11], [9, 10, 11, 11]])
    views = orbit.views(plane)[:, 0]
    for found, expected in zip(views[::2], (plane[0, 0], right, left), strict=True):
        assert torch.equal(found, expected)
    assert torch.equal(orbit.views(plane.flip(-1))[::2, 0], views[1::2])
    assert torch.equal(orbit.mean("classify", torch.arange(12.0).view(6, 2)), torch.tensor([[5.0, 6.0]]))


def test_images_are_not_shifted_where_an_answer_would_move(build: Build) -> None:
    with pytest.raises(RecipeError, match="'mirror-shifts' shifts images, and the answer of task 'denoise'"):
        build(DIGITS, "mirror-shifts")


def test_extra_inputs_stay_with_their_sample(build: Build) -> None:
    tree = {"dataset": "digits", "encoder": "mlp", "tasks": ["random-sum"]}
    plain, averaged = build(tree).model.eval(), build(tree, "mirror").model.eval()
    image, inputs = images_for(build(tree)), {"number": torch.tensor([1, 5, 9])}
    both = plain(image, inputs)["random-sum"] + plain(image.flip(-1), inputs)["random-sum"]
    torch.testing.assert_close(averaged(image, inputs)["random-sum"], both / 2)


def test_training_is_left_alone(build: Build) -> None:
    plain, averaged = build(DIGITS), build(DIGITS, "square")
    image = images_for(plain)
    assert plain.model.state_dict().keys() == averaged.model.state_dict().keys()
    for name, answer in plain.model.train()(image).items():
        assert torch.equal(averaged.model.train()(image)[name], answer)


def test_a_recipe_without_it_keeps_its_hash(build: Build) -> None:
    assert "test_time_augmentation" not in build(DIGITS, "none").recipe.to_plain()
    assert build(DIGITS, "none").recipe.hash() == build(DIGITS).recipe.hash()
    assert build(DIGITS, "mirror").recipe.hash() != build(DIGITS).recipe.hash()
    plain = build(DIGITS, "mirror").recipe.to_plain()
    assert build(plain).recipe.to_plain() == plain


@pytest.mark.parametrize("tasks", [["classify", "denoise"], ["classify", "random-sum", "rotation"]])
def test_the_exported_file_answers_what_the_model_answers(tmp_path: Any, tasks: list[str]) -> None:
    import onnxruntime

    recipe = {**DIGITS, "tasks": tasks, "test_time_augmentation": "square"}
    run = mtl.compose(recipe=recipe, epochs=1, out=tmp_path / "run")
    image = images_for(run.composition)
    inputs = {"number": torch.tensor([1, 5, 9])} if "random-sum" in tasks else {}
    feed = {"image": image.numpy(), **{name: value.numpy() for name, value in inputs.items()}}
    answers = []
    for file in (
        tmp_path / "run" / "model.onnx",
        run.export(tmp_path / "part.onnx", tasks=[tasks[0]]).files[0],
    ):
        session = onnxruntime.InferenceSession(file)
        given = {node.name: feed[node.name] for node in session.get_inputs()}
        outputs = [node.name for node in session.get_outputs()]
        answers.append(dict(zip(outputs, session.run(outputs, given), strict=True)))
    with torch.inference_mode():
        expected = run.model.eval().predict(image, inputs)
    assert [list(found) for found in answers] == [tasks, tasks[:1]]
    for found in answers:
        for name, answer in found.items():
            np.testing.assert_allclose(answer, expected[name].numpy(), atol=1e-5)


def test_turns_of_images_that_are_not_square_are_refused(build: Build, tmp_path: Any) -> None:
    from PIL import Image as Picture

    for split in ("train", "test"):
        for kind in ("a", "b"):
            folder = tmp_path / split / kind
            folder.mkdir(parents=True)
            Picture.new("L", (12, 10)).save(folder / "one.png")
    tree = {
        "dataset": {"name": "image-folder", "data_dir": str(tmp_path), "size": None, "channels": 1},
        "encoder": "mlp",
        "tasks": ["classify"],
    }
    with pytest.raises(RecipeError, match="'square' turns images, which must be square; they are 10 x 12"):
        build(tree, "square")
    build(tree, "mirror")


@pytest.mark.parametrize(
    ("target", "symmetry", "message"),
    [
        (Binary(), Symmetry((), ()), "states a symmetry for a binary answer"),
        (Image(1, 8, 8), Symmetry((), ()), "states a symmetry for an image"),
        (Categorical(("a", "b", "c")), Symmetry((0, 1), (1, 0)), "for 3 entries"),
        (Categorical(("a", "b")), Symmetry((0, 0), (1, 0)), "for 2 entries"),
        (Image(1, 8, 6), None, "those of task 'task' are 8 x 6"),
    ],
)
def test_answers_that_cannot_be_moved_back_are_refused(
    target: Form, symmetry: Symmetry | None, message: str
) -> None:
    with pytest.raises(Incompatible, match=message):
        Orbit("square", ImageSpec(1, 8, 8), {"task": target}, {"task": symmetry})


def test_another_choice_is_refused(build: Build) -> None:
    ways = "none, mirror, mirror-shifts, quarter-turns, square"
    message = f"test_time_augmentation must be one of {ways}, got 'all'"
    with pytest.raises(RecipeError, match=message):
        build(DIGITS, "all")
