"""A stranger's plugin adds a data set with an image and a vector, and another with the vector alone.

Nothing else has to know them: they train, are exported and verified, and answer for raw values.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from PIL import Image

import mtl
from mtl.core.base.errors import RecipeError
from mtl.core.cli.main import run as command
from mtl.core.discovery.registry import Registry, discover
from mtl.exports.inference import ExportedModel

PLUGIN = '''
import numpy as np
from mtl.contracts import (
    NO_IMAGE, Categorical, Columns, Component, Dataset, DatasetSpec, ImageSpec, Regression, VectorSpec,
    hookimpl, no_images,
)

ROW = VectorSpec("row", ("length", "mass"), {"colour": ("red", "blue")})
LABELS = {"kind": Categorical(("small", "large")), "price": Regression(("price",), "EUR")}

class Goods(Dataset):
    """Pictures of goods with what is known of them."""
    image = ImageSpec(1, 16, 16)
    def spec(self):
        return DatasetSpec(self.image, LABELS, inputs=(ROW,))
    def load(self):
        return {"train": self.draw(40, 0), "test": self.draw(20, 1)}
    def draw(self, count, seed):
        random = np.random.default_rng(seed)
        row = random.normal((900, 2, 0), (60, 1, 1), (count, 3))
        row[:, 2] = row[:, 2] > 0
        kind, price = row[:, 0] > 900, row[:, 1:2] * 10 + row[:, 2:]
        row[random.random(row.shape) < 0.1] = np.nan
        image = random.integers(0, 256, (count, 1, 16, 16)).astype(np.uint8)
        columns = {"kind": kind.astype(np.int64), "price": price.astype(np.float32)}
        image = image if self.image else no_images(count)
        return Columns(image, {**columns, "row": row.astype(np.float32)})

class Rows(Goods):
    """The same without pictures."""
    image = NO_IMAGE
    def encoder(self):
        return "mlp"

@hookimpl
def mtl_components():
    yield Component("dataset", "goods", "Goods", "mtl_goods:Goods")
    yield Component("dataset", "rows", "Goods without pictures", "mtl_goods:Rows")
'''


@pytest.fixture
def goods(install_plugin: Callable[..., str]) -> Registry:
    install_plugin("mtl-goods", PLUGIN)
    return discover()


def trained(registry: Registry, path: Path, **options: Any) -> Any:
    return mtl.compose(
        ["classify", "regress"], epochs=1, out=path, device="cpu", registry=registry, progress=None, **options
    )


def test_the_plugin_has_at_most_forty_lines() -> None:
    assert sum(1 for line in PLUGIN.splitlines() if line.strip()) <= 40


def test_an_image_and_a_vector_train_and_answer_for_raw_values(goods: Registry, tmp_path: Path) -> None:
    small = {"name": "mlp", "hidden": [8]}
    encoder = {"name": "late-fusion", "image_encoder": small, "vector_encoder": small, "hidden": [8]}
    run = trained(goods, tmp_path / "run", dataset="goods", encoder=encoder)
    model = ExportedModel(run.path / "model.onnx")
    assert model.card.input_names == ("image", "row")
    pixels = np.zeros((2, 1, 16, 16), np.uint8)
    by_name = model.run(pixels, row=[{"length": 900, "colour": "blue"}, {"mass": 2, "colour": "green"}])
    in_order = model.run(pixels, row=np.array([[900, np.nan, 1], [np.nan, 2, np.nan]], np.float32))
    assert all(np.array_equal(by_name[task], in_order[task]) for task in by_name)
    assert not np.array_equal(by_name["regress"][0], by_name["regress"][1])
    Image.new("L", (16, 16)).save(tmp_path / "a.png")
    (tmp_path / "goods.csv").write_text("file,length,mass,colour\na.png,900,,blue\na.png,?,2,green\n")
    answers = tmp_path / "answers.jsonl"
    assert command(["predict", str(run.path), str(tmp_path / "goods.csv"), "--to", str(answers)]) == 0
    told = [json.loads(line) for line in answers.read_text().splitlines()]
    assert [row["regress"] for row in told] == pytest.approx(by_name["regress"][:, 0].tolist(), rel=1e-5)


def test_rows_without_images_train_and_answer_for_raw_values(
    goods: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained(goods, tmp_path / "run", dataset="rows", encoder={"hidden": [8]})
    session = onnxruntime.InferenceSession(run.path / "model.onnx")
    assert [(item.name, item.shape) for item in session.get_inputs()] == [("row", ["batch", 3])]
    (tmp_path / "rows.csv").write_text("length;mass;colour\n900;;blue\n880;2.5;\n")
    capsys.readouterr()
    assert command(["predict", str(run.path), str(tmp_path / "rows.csv"), "--json"]) == 0
    told = [row["answers"] for row in json.loads(capsys.readouterr().out)["predictions"]]
    raw = np.array([[900, np.nan, 1], [880, 2.5, np.nan]], np.float32)
    (expected,) = session.run(["regress"], {"row": raw})
    assert [row["regress"]["values"]["price"] for row in told] == pytest.approx(expected[:, 0].tolist())
    run.export(tmp_path / "model.pt2", exporter="torch-export")
    run.export(tmp_path / "bundle", exporter="bundle")
    assert (
        "length, mass, colour (0..1); NaN where not known" in (tmp_path / "bundle" / "README.md").read_text()
    )
    report = (run.path / "report.html").read_text()
    assert "ROWS.csv" in report
    assert "length = " in report


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dataset": "goods", "encoder": "lenet"}, "does not read the input 'row'"),
        ({"dataset": "rows", "encoder": "lenet"}, "reads images"),
        ({"dataset": "rows", "encoder": "late-fusion"}, "no images"),
        ({"dataset": "digits", "encoder": "late-fusion", "tasks": ["classify"]}, "no vectors"),
        ({"dataset": "rows", "tasks": ["autoencode"]}, "needs images"),
        ({"dataset": "rows", "augmentations": ["gaussian-noise"]}, "changes images"),
        ({"dataset": "rows", "test_time_augmentation": "mirror"}, "is for images"),
        ({"dataset": "goods", "encoder": {"name": "late-fusion", "vector_encoder": "lenet"}}, "reads images"),
        (
            {"dataset": "goods", "encoder": {"name": "late-fusion", "image_encoder": {"hidden": [2]}}},
            "the name of",
        ),
        (
            {
                "dataset": "goods",
                "encoder": {"name": "late-fusion", "image_encoder": {"name": "mlp", "deep": 1}},
            },
            "deep",
        ),
    ],
)
def test_what_does_not_fit_the_inputs_is_refused_before_training(
    goods: Registry, options: dict[str, Any], said: str
) -> None:
    from mtl.core.composition.composer import compose
    from mtl.core.recipe.recipe_reader import read
    from mtl.core.recipe.recipe_source import RecipeSource

    with pytest.raises(RecipeError, match=said):
        compose(read(RecipeSource({"tasks": ["classify"], **options}), goods), goods)
