"""Columns that a model reads: rows without pictures, and columns beside pictures."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mtl
from mtl.core.base.errors import RecipeError, UsageError
from mtl.core.cli.main import run as command
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.exports.inference import ExportedModel
from mtl.plugins.datasets.table import PictureTable

ROWS = 60


def rows(pictures: bool = False) -> list[dict[str, Any]]:
    """Return rows of flats, with holes; with a picture each if wanted."""
    random = np.random.default_rng(0)
    found = []
    for number in range(ROWS):
        area, town = float(random.integers(30, 200)), str(random.choice(["Ulm", "Bonn", "Jena"]))
        price = 1500 * area + 20000 * (town == "Ulm") + int(random.integers(900))
        row: dict[str, Any] = {"id": number + 1, "area": area if number % 7 else "", "rooms": number % 5}
        row |= {"town": town if number % 9 else "?", "sold": ("no", "yes")[number % 2], "price": price}
        found.append({"file": f"{number}.png", **row} if pictures else row)
    return found


def write(path: Path, found: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(found[0]))
        writer.writeheader()
        writer.writerows(found)
    return path


@pytest.fixture
def flats(tmp_path: Path) -> Path:
    return write(tmp_path / "flats.csv", rows())


@pytest.fixture
def pictured(tmp_path: Path) -> Path:
    random = np.random.default_rng(1)
    for number in range(ROWS):
        Image.fromarray(random.integers(0, 256, (8, 8), np.uint8)).save(tmp_path / f"{number}.png")
    return write(tmp_path / "pictured.csv", rows(pictures=True))


def test_without_pictures_the_last_column_is_told_from_all_others(flats: Path) -> None:
    table = PictureTable(file=flats)
    spec = table.spec()
    assert not spec.image
    assert list(spec.labels) == list(table.tasks()) == ["price"]
    (row,) = spec.inputs
    assert row.numbers == ("area", "rooms")
    assert row.categories == {"town": ("Bonn", "Jena", "Ulm"), "sold": ("no", "yes")}
    assert table.encoder() == "mlp"
    said = "\n".join(table.understood())
    assert "told: price (the last column that can be)" in said
    assert "area: input, number; 9 holes" in said
    assert "id: ignored" in said


def test_rows_are_read_as_places_and_holes(flats: Path) -> None:
    splits = PictureTable(file=flats).load()
    assert {part: columns.image.shape[1:] for part, columns in splits.items()} == dict.fromkeys(
        splits, (0, 0, 0)
    )
    found = np.concatenate([columns.labels["row"] for columns in splits.values()])
    assert found.shape == (ROWS, 4)
    assert int(np.isnan(found[:, 0]).sum()) == 9
    assert set(found[~np.isnan(found[:, 2]), 2].tolist()) == {0.0, 1.0, 2.0}


@pytest.mark.parametrize(
    ("tasks", "told"), [(["sold"], ["sold"]), (["sold", "price"], ["sold", "price"]), (["strange"], None)]
)
def test_tasks_choose_what_is_told(flats: Path, tasks: list[str], told: list[str] | None) -> None:
    assert PictureTable(file=flats).aimed(tasks) == ({} if told is None else {"targets": told})


def test_the_recipe_keeps_what_is_told(flats: Path, registry: Registry) -> None:
    tree = {"dataset": {"name": "table", "file": str(flats)}, "tasks": ["sold"]}
    recipe = read(RecipeSource(tree), registry)
    assert recipe.dataset.options["targets"] == ("sold",) or recipe.dataset.options["targets"] == ["sold"]
    assert recipe.encoder.name == "mlp"


def test_a_recipe_without_tasks_is_the_same_when_it_is_read_again(flats: Path, registry: Registry) -> None:
    first = read(RecipeSource({"dataset": {"name": "table", "file": str(flats)}}), registry)
    assert first.dataset.options["targets"] is None
    assert read(RecipeSource(first.to_plain()), registry) == first


def test_a_column_of_whole_numbers_may_be_stated_a_class(flats: Path) -> None:
    (row,) = PictureTable(file=flats, columns={"rooms": {"type": "class"}}).spec().inputs
    assert row.categories["rooms"] == ("0", "1", "2", "3", "4")


def test_columns_beside_pictures_are_inputs_where_they_are_named(pictured: Path) -> None:
    plain = PictureTable(file=pictured).spec()
    assert (plain.inputs, list(plain.labels)) == ((), ["area", "rooms", "town", "sold", "price"])
    table = PictureTable(file=pictured, inputs=("area", "town"), targets=("price",))
    (row,) = table.spec().inputs
    assert (row.columns, list(table.spec().labels)) == (("area", "town"), ["price"])
    assert table.encoder() == "late-fusion"
    splits = table.load()
    assert {part: columns.labels["row"].shape[1:] for part, columns in splits.items()} == dict.fromkeys(
        splits, (2,)
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"inputs": ("aera",)}, "area"),
        ({"targets": ("id",)}, "no column 'id' is known"),
        ({"inputs": ("price",), "targets": ("price",)}, "is read and told"),
        ({"inputs": ()}, "no column holds paths of pictures"),
    ],
)
def test_columns_that_cannot_be_inputs_are_refused(flats: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as refusal:
        PictureTable(file=flats, **options).spec()
    assert said in f"{refusal.value.message} {refusal.value.hint}"


def test_a_table_without_pictures_is_refused_by_what_reads_pictures(flats: Path, registry: Registry) -> None:
    from mtl.core.composition.composer import compose

    tree = {"dataset": {"name": "table", "file": str(flats)}, "encoder": "lenet"}
    with pytest.raises(RecipeError, match="reads images"):
        compose(read(RecipeSource(tree), registry), registry)


def test_from_a_table_to_a_verified_model_that_takes_raw_values(flats: Path, tmp_path: Path) -> None:
    run = mtl.compose(
        ["price"], data=flats, epochs=1, out=tmp_path / "run", device="cpu", encoder={"hidden": [8]}
    )
    answers = tmp_path / "answers.jsonl"
    assert command(["predict", str(tmp_path / "run"), str(flats), "--to", str(answers)]) == 0
    told = np.array([json.loads(line)["price"] for line in answers.read_text().splitlines()])
    splits = PictureTable(file=flats, targets=("price",)).load()
    model = ExportedModel(tmp_path / "run" / "model.onnx")
    predicted = model.run(row=splits["test"].labels["row"])["price"]
    error = np.sqrt(np.square(predicted - splits["test"].labels["price"]).mean())
    assert isinstance(run, mtl.Run)
    assert run.metrics["test"]["price"]["rmse"] == pytest.approx(float(error), rel=1e-4)
    # What is read from the file is what was read for the test split.
    prices = {row["price"]: place for place, row in enumerate(rows())}
    places = [prices[int(price)] for price in splits["test"].labels["price"][:, 0]]
    assert told[places] == pytest.approx(predicted[:, 0], rel=1e-4)
    assert len(told) == ROWS
