"""The packages in examples/ are found, checked, trained and exported; the tutorial is the first of them."""

from __future__ import annotations

import ast
import copy
import json
import re
import runpy
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import mtl
from mtl.core.base.errors import RecipeError, UsageError, VerificationError
from mtl.core.cli.main import run as command_line
from mtl.core.contracts import ExportSubject
from mtl.core.discovery.home import HOME
from mtl.core.discovery.plugin_discovery import version_of
from mtl.core.discovery.registry import Registry, discover, installed
from mtl.core.ecosystem.index import page, read_index
from mtl.core.running.exporting import export_subject
from mtl.core.testing.bench import SIZES, Bench
from mtl.core.testing.pictures import Pictures

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
TUTORIAL = ROOT / "docs" / "plugins.md"
BARS = EXAMPLES / "mtl-bars"
INDEX = ROOT / "docs" / "plugin-index"
LINES = 90
"""Lines of Python of the first example: all that are not blank and not docstring."""

NAMES = ("mtl-bars", "mtl-extras")
PACKAGES = sorted(path.parent for path in EXAMPLES.glob("**/pyproject.toml"))
"""All packages; `.ci/run` installs them and runs the tests that each has."""


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """The registry with all examples, as if pip had installed them."""
    for folder in PACKAGES:
        name = folder.name
        project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        info = tmp_path / "site" / f"{name.replace('-', '_')}-{project['version']}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        )
        points = project["entry-points"]["mtl"].items()
        (info / "entry_points.txt").write_text(
            "\n".join(["[mtl]", *(f"{key} = {value}" for key, value in points)])
        )
        monkeypatch.syspath_prepend(str(folder))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    installed.cache_clear()
    yield discover()
    installed.cache_clear()
    packages = {folder.name.replace("-", "_") for folder in PACKAGES}
    for module in [module for module in sys.modules if module.split(".")[0] in packages]:
        del sys.modules[module]


def quick(registry: Registry, path: Path, **settings: object) -> mtl.Run:
    """Return a run of one epoch on bars."""
    return mtl.compose(
        ["bar-position", "classify"],
        dataset="bars",
        encoder={"name": "tiny-cnn", "width": 2},
        epochs=1,
        out=path,
        device="cpu",
        registry=registry,
        **settings,  # type: ignore[arg-type]
    )


def test_the_examples_are_found_with_all_their_components(examples: Registry) -> None:
    found = {provider.distribution: provider.status for provider in examples.providers}
    names = {folder.name for folder in PACKAGES}
    assert {found[name] for name in names} == {"ok"}
    components = {
        entry.qualified_name: entry.component.kind
        for entry in examples.entries()
        if entry.provider.distribution in names
    }
    assert components == {
        "mtl-angles/angle": "form",
        "mtl-angles/direction": "task",
        "mtl-angles/half-chord": "loss",
        "mtl-angles/mean-angle": "metric",
        "mtl-angles/needles": "dataset",
        "mtl-bars/bars": "dataset",
        "mtl-bars/tiny-cnn": "encoder",
        "mtl-bars/bar-position": "task",
        "mtl-bars/bounded": "head",
        "mtl-bars/huber": "loss",
        "mtl-extras/late-split": "sharing",
        "mtl-extras/inverse-loss": "balancer",
        "mtl-extras/safetensors-weights": "exporter",
        "mtl-numpy/numpy-source": "exporter",
        "mtl-shards/shards": "dataset",
        "mtl-timm-extras/timm-pooled": "encoder",
        "mtl-webhook/webhook": "tracker",
    }


def test_the_index_in_the_documents_is_of_these_examples_and_all_conform(examples: Registry) -> None:
    plugins = read_index(INDEX)
    assert (INDEX / "index.md").read_text() == page(plugins)
    assert list(plugins) == sorted(folder.name for folder in PACKAGES)
    for name, row in plugins.items():
        checked = row["conformance"][version_of(HOME)]["checked"]
        entries = [entry for entry in examples.entries() if entry.provider.distribution == name]
        components = {(entry.component.kind, entry.component.name) for entry in entries}
        assert {(item["kind"], item["name"]) for item in checked} == components | {("plugin", name)}
        assert sum(item["failed"] for item in checked) == 0
        assert all(item["ok"] > item["skipped"] for item in checked), name


def test_the_kit_has_right_answers_of_a_form_that_takes_few_numbers(examples: Registry) -> None:
    section = Bench(examples).pictures(SIZES[0])
    pictures = Pictures(**{name: value for name, value in section.items() if name != "name"})
    form, columns = pictures.spec().labels["angle"], pictures.load()["train"]
    assert form.column_problem(columns.labels["angle"], len(columns)) is None


@pytest.mark.slow
def test_angles_train_and_are_answered(examples: Registry, tmp_path: Path) -> None:
    run = mtl.compose(
        ["direction"],
        dataset={"name": "needles", "train_size": 100},
        encoder={"name": "mlp", "hidden": [8]},
        epochs=1,
        out=tmp_path / "run",
        device="cpu",
        registry=examples,
        set={"test_time_augmentation": "square"},
    )
    assert run.verify()["passed"] is True
    assert 0 <= run.metrics["test"]["direction"]["mean-angle"] <= 180


def test_the_first_example_trains_and_exports(examples: Registry, tmp_path: Path) -> None:
    run = quick(examples, tmp_path / "run")
    recipe = (run.path / "recipe.yaml").read_text()
    assert "mtl-bars/bounded" in recipe
    assert "mtl-bars/huber" in recipe
    assert run.verify()["passed"] is True
    answer = run.model.predict(torch.rand(5, 1, 16, 16))["bar-position"]
    assert bool(((answer > 0) & (answer < 1)).all())


def test_the_second_example_trains_exports_and_counts(
    examples: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = quick(
        examples,
        tmp_path / "run",
        sharing="late-split",
        balancer="inverse-loss",
        set={"export": "safetensors-weights"},
    )
    assert (run.path / "model.safetensors").is_file()
    assert run.verify()["passed"] is True
    capsys.readouterr()
    assert command_line(["sizes", str(run.path), "--json"]) == 0
    sizes = json.loads(capsys.readouterr().out)
    assert sizes["encoder, shared"] == 2 * 9 + 2
    assert (
        sizes["all"] == sum(sizes.values()) - sizes["all"] == sum(p.numel() for p in run.model.parameters())
    )
    assert command_line(["sizes", str(run.path)]) == 0
    assert "head bar-position" in capsys.readouterr().out


def test_a_split_after_the_last_stage_is_refused(examples: Registry, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot share 3 stages: the encoder has 2"):
        quick(examples, tmp_path / "run", sharing={"name": "late-split", "shared": 3})


def test_tasks_share_the_first_stages_and_nothing_else(examples: Registry) -> None:
    encoder = examples.find("encoder", "tiny-cnn").load()
    from mtl.core.contracts.specs import ImageSpec

    scheme = examples.find("sharing", "late-split").load()(
        ("a", "b"), lambda: encoder(ImageSpec(1, 8, 8), ()), shared=1
    )
    outputs = scheme(torch.rand(3, 1, 8, 8), {}, ("a", "b"))
    assert torch.equal(outputs["a"][0], outputs["b"][0])
    assert not torch.equal(outputs["a"][1], outputs["b"][1])


def test_inverse_loss_makes_the_terms_equal(examples: Registry) -> None:
    balancer = examples.find("balancer", "inverse-loss").load()
    losses = torch.tensor([0.02, 0.5, 4.0])
    terms = balancer("abc").weights(losses, None) * losses
    torch.testing.assert_close(terms, terms[0].expand(3))
    torch.testing.assert_close(balancer("abc", power=0.0).weights(losses, None), torch.ones(3))


@pytest.fixture
def subject(examples: Registry) -> ExportSubject:
    """A small untrained model of both tasks with some samples."""
    from mtl.core.composition.composer import compose
    from mtl.core.data.samples import load_splits
    from mtl.core.recipe.recipe_reader import read
    from mtl.core.recipe.recipe_source import RecipeSource

    tree = {"dataset": "bars", "encoder": "tiny-cnn", "tasks": ["bar-position", "classify"]}
    made = compose(read(RecipeSource(tree), examples), examples)
    splits = load_splits(made.dataset, validation=0.1, split_seed=0)
    return export_subject(made, splits.validation, {})


def test_weights_that_compute_something_else_are_not_published(
    examples: Registry, subject: ExportSubject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = examples.find("exporter", "safetensors-weights").load()()
    module = sys.modules[type(exporter).__module__]
    right = module.save
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"before")

    def wrong(state: dict[str, torch.Tensor], **settings: object) -> bytes:
        first = next(name for name, value in state.items() if value.is_floating_point() and value.ndim > 1)
        data: bytes = right({**state, first: state[first] + 1}, **settings)
        return data

    monkeypatch.setattr(module, "save", wrong)
    with pytest.raises(VerificationError, match="does not compute what the model computes"):
        exporter.export(subject, path)
    assert path.read_bytes() == b"before"
    assert [file.name for file in tmp_path.glob("*.safetensors*")] == ["model.safetensors"]


def test_numbers_that_are_none_are_not_published(
    examples: Registry, subject: ExportSubject, tmp_path: Path
) -> None:
    exporter = examples.find("exporter", "safetensors-weights").load()()
    with torch.no_grad():
        next(subject.model.parameters()).fill_(float("nan"))
    with pytest.raises(VerificationError):
        exporter.export(subject, tmp_path / "model.safetensors")
    assert not (tmp_path / "model.safetensors").exists()


def test_damaged_weights_and_foreign_folders_are_refused(
    examples: Registry, subject: ExportSubject, tmp_path: Path
) -> None:
    exporter = examples.find("exporter", "safetensors-weights").load()()
    path = tmp_path / "model.safetensors"
    (file,) = exporter.export(subject, path).files
    assert exporter.verify(subject, file)["passed"] is True
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(VerificationError, match="does not hold this model's weights"):
        exporter.verify(subject, path)
    with pytest.raises(UsageError, match="cannot read"):
        exporter.verify(subject, tmp_path / "none")
    with pytest.raises(UsageError, match="cannot write"):
        exporter.export(subject, tmp_path / "none" / "model.safetensors")


def test_exporting_leaves_the_model_alone(examples: Registry, subject: ExportSubject, tmp_path: Path) -> None:
    before = copy.deepcopy(subject.model.state_dict())
    examples.find("exporter", "safetensors-weights").load()().export(subject, tmp_path / "model.safetensors")
    assert all(torch.equal(value, subject.model.state_dict()[name]) for name, value in before.items())


def test_a_bar_is_where_its_label_says(examples: Registry) -> None:
    columns = examples.find("dataset", "bars").load()(seed=3).load()["test"]
    for image, direction, position in zip(
        columns.image[:, 0], columns.labels["direction"], columns.labels["position"][:, 0], strict=True
    ):
        line = image.mean(axis=int(direction))
        assert line.argmax() == round(15 * position)


def code_lines(path: Path) -> int:
    """Return the number of lines that are neither blank nor docstring."""
    text = path.read_text()
    documented: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            documented.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return sum(
        bool(line.strip()) and number not in documented for number, line in enumerate(text.splitlines(), 1)
    )


def test_the_first_example_keeps_its_limit() -> None:
    assert sum(code_lines(path) for path in (BARS / "mtl_bars").rglob("*.py")) <= LINES


def test_the_tutorial_is_the_first_example() -> None:
    blocks = re.findall(
        r"^\*\*`([^`]+)`\*\*(?: \(continued\))?\n\n```\w+\n(.*?)\n```$",
        TUTORIAL.read_text(),
        re.DOTALL | re.MULTILINE,
    )
    told: dict[str, list[str]] = {}
    for name, code in blocks:
        told.setdefault(name, []).append(code)
    files = {
        str(path.relative_to(BARS)): path.read_text()
        for path in [BARS / "pyproject.toml", *BARS.rglob("*.py")]
    }
    assert {name: "\n\n\n".join(parts) + "\n" for name, parts in told.items()} == files


def test_the_tutorial_gives_the_commands_of_the_readme() -> None:
    (commands,) = re.findall(r"```sh\n(.*?)```", (BARS / "README.md").read_text(), re.DOTALL)
    assert f"```sh\n{commands}```" in TUTORIAL.read_text()


@pytest.mark.parametrize("name", NAMES)
def test_an_example_passes_the_kit(name: str, examples: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line(["plugin", "check", str(EXAMPLES / name), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["status"] for row in rows} <= {"ok", "skipped"}
    assert sum(row["status"] == "ok" for row in rows) > 20


def test_the_pictures_of_own_data_are_a_table_that_is_understood(tmp_path: Path) -> None:
    script = runpy.run_path(str(EXAMPLES / "own-data" / "make_pictures.py"))
    script["main"](tmp_path / "photos")
    data = installed().find("dataset", "table").load()(file=tmp_path / "photos" / "photos.csv")
    said = dict(line.strip().split(": ", 1) for line in data.understood()[1:5])
    assert said["file"] == "path"
    assert said["colour"].startswith("class of 3: blue, green, red; ")
    assert said["night"].startswith("yes or no: ")
    assert said["covered"].startswith("number from ")
    assert list(data.tasks()) == ["colour", "night", "covered"]
