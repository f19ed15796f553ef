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
from mtl.core.contracts import Preparation
from mtl.core.contracts.specs import ImageSpec
from mtl.plugins.datasets.coco import Coco
from mtl.plugins.datasets.coco_labels import read_coco
from mtl.plugins.datasets.table_planes import MapLabel
from mtl.plugins.datasets.table_points import sides
from mtl.plugins.forms import Multilabel, PixelClasses, Points

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


def outlined(*objects: dict[str, Any]) -> dict[str, Any]:
    """Annotations of two categories whose objects lie in the first picture, of 20 x 10."""
    return {
        "categories": [PERSON, DOG],
        "annotations": [{"image_id": 100, "category_id": 7, **thing} for thing in objects],
    }


WHOLE = Preparation(ImageSpec(3, 10, 20), "stretch")
SQUARE = [[2, 1, 6, 1, 6, 5, 2, 5]]


def rows_of(masks: MapLabel) -> np.ndarray:
    shape, kind = masks.kind
    found = np.empty((COUNT, *shape), kind)
    for row, out in enumerate(found):
        masks.write(row, out)
    return found


def test_outlines_become_a_task_of_masks(write):
    dataset = Coco(file=write(**outlined({"segmentation": SQUARE})), size=(10, 20))
    assert dataset.tasks()["masks"] == {"task": "segment", "label": "masks"}
    form = dataset.spec().labels["masks"]
    assert form == PixelClasses(("background", "person", "dog"), 10, 20)
    for columns in dataset.load().values():
        assert form.column_problem(columns.labels["masks"], len(columns)) is None
    assert sum("masks" in line for line in dataset.understood()) == 1


def test_smaller_objects_lie_over_larger_ones_and_boxes_alone_are_not_known(write):
    small = {"category_id": 9, "area": 4, "segmentation": [[3, 2, 5, 2, 5, 4, 3, 4]]}
    found = read_coco(
        write(**outlined(small, {"area": 16, "segmentation": SQUARE}, {"area": 1, "bbox": [10, 0, 2, 3]}))
    )
    expected = np.zeros((10, 20), dtype=np.uint8)
    expected[1:5, 2:6], expected[2:4, 3:5], expected[:3, 10:12] = 1, 2, 255
    masks = found.masks(WHOLE)
    np.testing.assert_array_equal(rows_of(masks)[0], expected)
    assert not rows_of(masks)[1:].any()
    # At half the size a pixel has what lies at its centre.
    np.testing.assert_array_equal(
        rows_of(found.masks(Preparation(ImageSpec(3, 5, 10), "stretch")))[0], expected[1::2, 1::2]
    )


@pytest.mark.parametrize("counts", [[21, 4, 6, 4, 165], "e0460o4"])
def test_run_lengths_go_down_the_columns(write, counts):
    runs = {"size": [10, 20], "counts": counts}
    values = rows_of(read_coco(write(**outlined({"segmentation": runs, "iscrowd": 1}))).masks(WHOLE))[0]
    expected = np.zeros((10, 20), dtype=np.uint8)
    expected[1:5, 2], expected[1:5, 3] = 1, 1
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ([[1, 2, 3, 4]], "a polygon is x and y of three corners or more"),
        ([[1, 2, 3, 4, 5, None]], "a polygon is x and y of three corners or more"),
        ({"size": [10, 20], "counts": [3]}, "run lengths of 3 pixels for 10 x 20"),
        ({"size": [10**6, 10**6], "counts": [10**12]}, "run lengths for 1000000 x 1000000 pixels"),
        ([[0.5] * 20_002], "a polygon has 10,001 corners; at most 10,000 are read"),
        ({"size": [20, 10], "counts": [200]}, "run lengths of 20 x 10 pixels"),
        ({"size": [10, 20], "counts": "~"}, "'~' is no character of packed run lengths"),
        ({"size": [10, 20], "counts": "P"}, "packed run lengths end within a number"),
        ("x", "cannot be read as outlines"),
    ],
)
def test_outlines_that_are_none_are_told_with_their_picture(write, where, said):
    found = read_coco(write(**outlined({"segmentation": where})))
    with pytest.raises(
        UsageError, match=r"coco\.json: picture '0\.png': cannot be read as outlines"
    ) as refused:
        found.masks(WHOLE)
    assert said in refused.value.message


@pytest.mark.parametrize("way", ["crop", "pad"])
def test_points_and_masks_go_where_their_pictures_go(write, way):
    square = {"segmentation": [[6, 2, 12, 2, 12, 8, 6, 8]]}
    found = read_coco(write(**outlined(square)))
    stated = Preparation(ImageSpec(3, 10, 10), way, "nearest")
    mask = rows_of(found.masks(stated))[0]
    # The picture is 10 x 20: its middle is cut out, or it is half as large between bars of no label.
    expected = np.zeros((10, 10), dtype=np.uint8)
    if way == "crop":
        expected[2:8, 1:7] = 1
    else:
        expected[:2], expected[7:] = 255, 255
        expected[3:6, 3:6] = 1
    np.testing.assert_array_equal(mask, expected)
