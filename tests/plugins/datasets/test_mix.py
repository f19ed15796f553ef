"""Several data sets become one, and no picture of one part is in another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mtl.core.base.errors import RecipeError, UsageError
from mtl.core.contracts import Columns, Dataset, Preparation
from mtl.core.contracts.specs import DatasetSpec, ImageSpec
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.exports.images import read_image
from mtl.plugins.datasets.digits import Digits
from mtl.plugins.datasets.mix import Mix
from mtl.plugins.datasets.mix_columns import absent, fitted
from mtl.plugins.datasets.table import PictureTable
from mtl.plugins.datasets.table_parts import PARTS
from mtl.plugins.forms import Binary, Categorical, Multilabel, PixelClasses, Points, Regression
from mtl.plugins.forms import Image as ImageForm

from .table_samples import write_pictures, write_table

CATS = Categorical(("cat", "dog"))


class Source(Dataset):
    """Pictures of which number `n` has `n` in its first pixels; labels by column."""

    def __init__(
        self, parts: dict[str, list[int]], labels: dict[str, Any], channels: int = 1, side: int = 2
    ) -> None:
        self.parts, self.labels, self.form = parts, labels, ImageSpec(channels, side, side)

    def spec(self) -> DatasetSpec:
        return DatasetSpec(self.form, self.labels)

    def load(self) -> dict[str, Columns]:
        found = {}
        for part, numbers in self.parts.items():
            image = np.zeros((len(numbers), *self.form.shape), dtype=np.uint8)
            image[:, :, 0, 0] = np.array(numbers)[:, None] % 256
            image[:, :, 0, 1] = np.array(numbers)[:, None] // 256
            labels = {
                name: np.array(numbers, dtype=np.float32)[:, None]
                if isinstance(form, Regression)
                else np.array(numbers, dtype=np.int64) % 2
                for name, form in self.labels.items()
            }
            found[part] = Columns(image, labels)
        return found


def numbers_of(columns: Columns) -> list[int]:
    return [int(pixels[0, 0, 0]) + 256 * int(pixels[0, 0, 1]) for pixels in columns.image]


def mixed(**sources: Dataset) -> Mix:
    return Mix(sources=sources)  # type: ignore[arg-type] - as the composer builds it


def test_rows_are_joined_and_have_holes_where_their_source_has_no_column() -> None:
    one = Source({"train": list(range(20)), "test": [20, 21]}, {"animal": CATS})
    other = Source({"train": list(range(30, 50)), "test": [50]}, {"weight": Regression(("kg",))})
    data = mixed(one=one, other=other)
    assert data.spec() == DatasetSpec(
        ImageSpec(1, 2, 2),
        {"animal": CATS, "weight": Regression(("kg",)), "source": Categorical(("one", "other"))},
    )
    splits = data.load()
    assert {part: len(columns) for part, columns in splits.items()} == {
        "train": 36,
        "validation": 4,
        "test": 3,
    }
    for columns in splits.values():
        for index, number in enumerate(numbers_of(columns)):
            first = number < 30
            assert columns.labels["animal"][index] == (number % 2 if first else -1)
            weight = columns.labels["weight"][index, 0]
            assert np.isnan(weight) if first else weight == number
            assert columns.labels["source"][index] == (0 if first else 1)


def test_columns_of_one_name_are_one_where_they_have_one_form() -> None:
    parts = {"train": list(range(10)), "test": [10]}
    same = {"animal": CATS, "kind": Binary("a", "b")}
    other = {"animal": CATS, "kind": Binary("c", "d"), "source": CATS}
    data = mixed(one=Source(parts, same), other=Source(parts, other))
    assert list(data.spec().labels) == ["animal", "one.kind", "other.kind", "other.source", "source"]
    assert data.understood() == [
        "one: animal, kind; image [1, 2, 2]",
        "other: animal, kind, source; image [1, 2, 2]",
        "column 'animal' is one of one and other",
        "column 'kind' of one is 'one.kind'",
        "column 'kind' of other is 'other.kind'",
        "column 'source' of other is 'other.source'",
        "pictures are brought to image [1, 2, 2]",
    ]
    tasks = data.tasks()
    assert {name: task["label"] for name, task in tasks.items()} == {
        "animal": "animal",
        "kind": "one.kind",
        "other-kind": "other.kind",
        "source": "other.source",
    }


def test_a_picture_that_is_tested_on_is_never_trained_on() -> None:
    one = Source({"train": list(range(40)), "test": list(range(40, 50))}, {"animal": CATS})
    other = Source(
        {"train": list(range(38, 80)), "validation": list(range(10)), "test": list(range(20, 25))},
        {"weight": Regression(("kg",))},
    )
    data = mixed(one=one, other=other)
    splits = data.load()
    found = {part: set(numbers_of(columns)) for part, columns in splits.items()}
    for part in PARTS:
        for another in PARTS:
            assert part == another or not found[part] & found[another]
    assert found["test"] == {*range(20, 25), *range(40, 50)}
    assert sum(len(columns) for columns in splits.values()) == 50 + 57
    assert "one: 5 pictures go to test, where another data set has them" in data.remarks()
    assert "other: 10 pictures go to test, where another data set has them" in data.remarks()


def test_duplicates_within_one_data_set_are_its_own_affair() -> None:
    one = Source({"train": [1, 2, 3, 4], "validation": [9], "test": [1]}, {"animal": CATS})
    other = Source({"train": [10, 11], "validation": [12], "test": [13]}, {"animal": CATS})
    splits = mixed(one=one, other=other).load()
    assert numbers_of(splits["train"]) == [1, 2, 3, 4, 10, 11]
    assert numbers_of(splits["test"]) == [1, 13]


def test_a_data_set_that_is_all_tested_by_another_is_refused() -> None:
    one = Source({"train": [1, 2], "validation": [9], "test": [3]}, {"animal": CATS})
    other = Source({"train": [10], "validation": [11], "test": [1, 2]}, {"animal": CATS})
    with pytest.raises(UsageError, match="one: no row is left for training: one: 2 pictures go to test"):
        mixed(one=one, other=other).load()


def test_pictures_are_brought_to_the_largest_form_or_to_that_of_the_recipe() -> None:
    parts = {"train": list(range(10)), "test": [10]}
    sources = {"one": Source(parts, {"a": CATS}, 1, 4), "other": Source(parts, {"b": CATS}, 3, 2)}
    assert mixed(**sources).load()["train"].image.shape[1:] == (3, 4, 4)
    data = Mix(sources=sources, size=(6, 8), channels=1)  # type: ignore[arg-type]
    assert data.spec().image == ImageSpec(1, 6, 8)
    assert data.load()["test"].image.shape == (2, 1, 6, 8)


def test_four_channels_are_mixed_with_their_like_only() -> None:
    parts = {"train": list(range(10)), "test": [10]}
    four = Source(parts, {"a": CATS}, 4)
    assert mixed(one=four, other=four).spec().image == ImageSpec(4, 2, 2)
    with pytest.raises(UsageError, match="one: pictures of 4 channels cannot be brought to"):
        mixed(one=four, other=Source(parts, {"a": CATS}, 4, 3)).spec()


def test_a_picture_is_brought_to_a_form_as_its_file_would_be(tmp_path: Path) -> None:
    from PIL import Image

    from mtl.exports.images import read_image

    pixels = np.random.default_rng(0).integers(256, size=(1, 3, 7, 5), dtype=np.uint8)
    Image.fromarray(pixels[0].transpose(1, 2, 0)).save(tmp_path / "a.png")
    for form in (ImageSpec(1, 7, 5), ImageSpec(3, 9, 4), ImageSpec(1, 3, 3)):
        assert (fitted(pixels, form)[0] == read_image(tmp_path / "a.png", form, resize=True)).all()


def tables(folder: Path) -> dict[str, Any]:
    names = write_pictures(folder, 20)
    write_table(folder / "a.csv", "file,odd", [f"{name},{n % 2}" for n, name in enumerate(names[:12])])
    write_table(folder / "b.csv", "file,weight", [f"{name},{n / 4}" for n, name in enumerate(names[6:])])
    return {"a": {"name": "table", "file": "a.csv"}, "b": {"name": "table", "file": "b.csv", "test": 0.3}}


def test_a_recipe_names_data_sets_and_gets_their_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: Registry
) -> None:
    monkeypatch.chdir(tmp_path)
    tree = {"dataset": {"name": "mix", "sources": tables(tmp_path)}}
    recipe = read(RecipeSource(tree), registry)
    assert [task.name for task in recipe.tasks] == ["odd", "weight"]
    held = recipe.dataset.to_plain()["sources"]
    assert held["a"]["file"] == str(tmp_path / "a.csv")
    assert (held["a"]["test"], held["b"]["test"]) == (0.2, 0.3)
    assert read(RecipeSource(recipe.to_plain()), registry) == recipe


def test_mistakes_in_a_data_set_of_a_mixture_are_told_where_they_are(
    tmp_path: Path, registry: Registry
) -> None:
    sources = {"a": {"name": "tabel"}, "b": {"name": "table", "tests": 1}}
    with pytest.raises(RecipeError) as caught:
        read(RecipeSource({"dataset": {"name": "mix", "sources": sources}, "tasks": ["denoise"]}), registry)
    assert "unknown dataset 'tabel'" in str(caught.value)
    assert "dataset 'table': unknown option 'tests'" in str(caught.value)


def test_what_a_data_set_refuses_is_told_with_its_name_and_place(tmp_path: Path) -> None:
    data = mixed(photos=PictureTable())
    with pytest.raises(UsageError) as caught:
        data.spec()
    assert str(caught.value) == (
        "photos: the data set needs a table\n  hint: pass it with --set dataset.sources.photos.file=FILE"
    )


def test_nothing_and_names_that_are_none_are_refused() -> None:
    with pytest.raises(UsageError, match="mix: no data sets are named"):
        Mix()
    with pytest.raises(UsageError, match="a data set's name is of letters"):
        Mix(sources={"a b": {}})


def test_what_is_cached_depends_on_all_files(tmp_path: Path) -> None:
    tables(tmp_path)
    data = mixed(a=PictureTable(file=tmp_path / "a.csv"), b=PictureTable(file=tmp_path / "b.csv"))
    assert {tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "19.png"} <= set(data.sources() or ())
    assert mixed(a=Source({}, {})).sources() is None


def test_a_mask_that_a_source_lacks_is_absent_in_bytes():
    form = PixelClasses(("sky", "road"), 2, 2)
    column = absent(form, 3)
    assert (column.dtype, column.shape) == (np.uint8, (3, 2, 2))
    assert form.column_problem(column, 3) is None
    assert not form.present(torch.from_numpy(column)).any()


def test_files_are_brought_to_the_form_of_all_in_one_step(tmp_path):
    """A picture that is scaled twice is another one than `mtl predict` makes of its file."""
    for number in range(20):
        pixels = np.random.default_rng(number).integers(0, 256, (90, 70, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    rows = [f"{number}.png,{'ab'[number % 2]}" for number in range(20)]
    (tmp_path / "t.csv").write_text("\n".join(["photo,kind", *rows]))
    source = PictureTable(file=tmp_path / "t.csv", size=50, columns={"photo": {"type": "path"}})
    mixture = Mix(
        sources={"photos": source}, size=9, preparation={"resize": "crop", "interpolation": "bicubic"}
    )
    preparation = mixture.preparation()
    assert preparation == Preparation(ImageSpec(3, 9, 9), "crop", "bicubic")
    made = {read_image(tmp_path / f"{number}.png", preparation).tobytes() for number in range(20)}
    loaded = mixture.load()
    assert {one.tobytes() for part in loaded.values() for one in part.image} == made
    assert mixture.picture_sizes()[0] == (90, 70)
    assert mixture.spec().image == preparation.image


def test_a_mixture_of_no_files_has_no_preparation():
    assert Mix(sources={"a": Digits(), "b": Digits()}).preparation() is None


def test_columns_of_every_form_have_a_task_and_one_that_has_none_is_told() -> None:
    parts = {"train": list(range(10)), "test": [10]}
    forms = {
        "animal": CATS,
        "tags": Multilabel(("a", "b")),
        "places": Points(("nose",)),
        "picture": ImageForm(1, 2, 2),
    }
    data = mixed(one=Source(parts, forms))
    assert {name: body["task"] for name, body in data.tasks().items()} == {
        "animal": "classify",
        "tags": "attributes",
        "places": "keypoints",
    }
    told = "column 'picture' of one has no task of its own: no usual one answers with image"
    assert told in data.understood()


def test_a_hint_names_the_option_where_the_recipe_has_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        mixed(left=PictureTable(file=tmp_path / "gone.csv")).spec()
    assert refused.value.hint is not None
    assert refused.value.hint.endswith(": --set dataset.sources.left.file=FILE")


def test_numbers_weigh_more_beside_classes_of_another_source() -> None:
    parts = {"train": list(range(10)), "test": [10]}
    data = mixed(one=Source(parts, {"animal": CATS}), other=Source(parts, {"weight": Regression(("kg",))}))
    assert data.balancer(["animal", "weight"]) == {"name": "weighted", "weights": {"weight": 10.0}}
    assert data.balancer(["weight"]) == {}
