"""COCO annotations: categories and keypoints of pictures."""

from __future__ import annotations

import json
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mtl.core.base.errors import UsageError
from mtl.plugins.datasets.coco import Coco
from mtl.plugins.datasets.coco_labels import read_coco, sides
from mtl.plugins.forms import Multilabel, Points

NAMES = ["nose", "left_eye", "right_eye"]
COUNT = 12


def annotations(**changes: Any) -> dict[str, Any]:
    """Twelve pictures of 20 x 10 with a person in each; the first has a smaller one, too, and a dog."""
    person = {"id": 7, "name": "person", "keypoints": NAMES}
    images = [{"id": 100 + n, "file_name": f"{n}.png", "width": 20, "height": 10} for n in range(COUNT)]
    objects = [
        {"image_id": 100 + n, "category_id": 7, "area": 50, "keypoints": [5, n / 2, 2, 10, 5, 1, 0, 0, 0]}
        for n in range(COUNT)
    ]
    objects.append({"image_id": 100, "category_id": 7, "area": 9, "keypoints": [1, 1, 2, 1, 1, 2, 1, 1, 2]})
    objects.append({"image_id": 100, "category_id": 9, "bbox": [0, 0, 3, 3]})
    categories = [person, {"id": 9, "name": "dog"}]
    return {"images": images, "annotations": objects, "categories": categories, **changes}


@pytest.fixture
def write(tmp_path: Path):
    def write(**changes: Any) -> Path:
        for number in range(COUNT):
            random = np.random.default_rng(number)
            Image.fromarray(random.integers(256, size=(10, 20, 3), dtype=np.uint8)).save(
                tmp_path / f"{number}.png"
            )
        (tmp_path / "coco.json").write_text(json.dumps(annotations(**changes)))
        return tmp_path / "coco.json"

    return write


def test_points_are_those_of_the_largest_object_relative_to_the_picture(write):
    found = read_coco(write()).labels["points"]
    assert found.spec == Points(tuple(NAMES))
    np.testing.assert_allclose(found.values[0], [[0.25, 0.0], [0.5, 0.5], [nan, nan]])
    np.testing.assert_allclose(found.values[3], [[0.25, 0.15], [0.5, 0.5], [nan, nan]], rtol=1e-6)
    assert found.described == "3 points: nose, left_eye, right_eye"


def test_categories_are_those_that_a_picture_shows(write):
    found = read_coco(write()).labels["categories"]
    assert found.spec == Multilabel(("person", "dog"))
    assert found.values.tolist() == [[1, 1], *[[1, 0]] * (COUNT - 1)]


def test_it_is_a_data_set_with_a_task_for_each_label(write):
    dataset = Coco(file=write(), size=8)
    spec, splits = dataset.spec(), dataset.load()
    assert dataset.tasks() == {
        "categories": {"task": "attributes", "label": "categories"},
        "points": {"task": "keypoints", "label": "points"},
    }
    assert sum(len(columns) for columns in splits.values()) == COUNT
    for columns in splits.values():
        for name, form in spec.labels.items():
            assert form.column_problem(columns.labels[name], len(columns)) is None
    assert spec.symmetries["points"].mirror == (0, 2, 1)
    assert any("3 points: nose" in line for line in dataset.understood())


def test_a_picture_without_points_has_no_such_label(write):
    found = annotations()
    del found["annotations"][5]["keypoints"]
    label = read_coco(write(annotations=found["annotations"])).labels["points"]
    assert label.present.tolist() == [row != 5 for row in range(COUNT)]
    assert label.described.endswith("; 1 absent")


def test_a_point_outside_of_its_picture_is_invisible(write):
    objects = [{"image_id": 100, "category_id": 7, "keypoints": [21, 5, 2, 10, 5, 2, -1, 5, 2]}]
    values = read_coco(write(annotations=objects)).labels["points"].values[0]
    assert np.isnan(values[:, 0]).tolist() == [True, False, True]


DOG, PERSON = {"id": 9, "name": "dog"}, {"id": 7, "name": "person"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"images": None}, "cannot be read as COCO annotations"),
        (
            {"categories": [{"id": 7, "name": "person"}, {"id": 9, "name": "dog"}], "images": []},
            "annotation 0",
        ),
        ({"annotations": [{"image_id": 1, "category_id": 7}]}, "annotation 0 is of the image_id 1, which"),
        (
            {"annotations": [{"image_id": 100, "category_id": 1}]},
            "annotation 0 is of the category_id 1, which",
        ),
        (
            {"annotations": [{"image_id": 100, "category_id": 7, "keypoints": [1, 1, 2]}]},
            "annotation 0 has 3 numbers for 3 points",
        ),
        ({"categories": [{"id": 7, "name": "x"}], "annotations": []}, "there is nothing to tell"),
        ({"images": [], "annotations": []}, "has no images"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(write, changes, said):
    path = write(**changes)
    with pytest.raises(UsageError) as refused:
        read_coco(path)
    assert str(path) in refused.value.message
    assert said in refused.value.message


@pytest.mark.parametrize(
    ("names", "mirror"),
    [(("left eye", "right eye"), (1, 0)), (("L", "R"), None), (("left ear", "tail"), None)],
)
def test_sides_are_read_off_the_names(names, mirror):
    found = sides(names)
    assert (None if found is None else found.mirror) == mirror
