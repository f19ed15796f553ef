"""Every command does what its help says, and its examples run."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import onnx
import pytest
from PIL import Image

from mtl.core.cli.main import build_cli

from .hub_server import serving

Command = Callable[..., Any]
CLI = build_cli()
NAMES = CLI.list_commands(click.Context(CLI))

TRAINING = {
    "compose": ["--epochs", "1"],
    "extend": ["--epochs", "1"],
    "prune": ["--epochs", "1", "--max-drop", "classify=100", "--max-drop", "denoise=100"],
    "search": ["--epochs", "1", "--trials", "1"],
}
"""Commands whose examples train, and what makes that brief: twenty epochs take minutes."""

FEW_SAMPLES = ["--set", "train.validation=0.8"]

BEFORE = {"push": ["card runs/demo"], "pull": ["card runs/demo", "push runs/demo NAME/digits"]}
"""What must have been done for the examples of a command."""


def examples_of(name: str) -> list[str]:
    command = CLI.get_command(click.Context(CLI), name)
    assert command is not None
    lines = [line.strip() for line in (command.help or "").splitlines()]
    return [line for line in lines if line.startswith("mtl ")]


@pytest.fixture
def brief_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that ends, as after a signal, once it is ready."""
    server = pytest.importorskip("mtl.exports.serving.server")
    startup = server._Server.startup

    async def start_and_end(self: Any, sockets: Any = None) -> None:
        await startup(self, sockets)
        self.should_exit = True

    monkeypatch.setattr(server._Server, "startup", start_and_end)


@pytest.fixture
def small_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hub on this machine."""
    with serving() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        monkeypatch.setenv("HF_TOKEN", "hf_nobody")
        yield


@pytest.mark.usefixtures("brief_server", "small_hub")
@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_two_examples_that_run(name: str, mtl: Command, demo_copy: Path) -> None:
    examples = examples_of(name)
    assert len(examples) >= 2
    if any("photos.csv" in example for example in examples):
        _write_photos(Path.cwd())
    for before in BEFORE.get(name, ()):
        assert mtl(*before.split()).status == 0
    for example in examples:
        words = shlex.split(example.split(" > ")[0])[1:]
        words += TRAINING.get(name, [])
        if name == "compose" and "--tasks" in words:
            words += FEW_SAMPLES
        if "--devices" in words:
            words += ["--dry-run"]  # `test_devices.py` trains on several
        if name == "resume":
            _interrupt_after_first_epoch(demo_copy)
        result = mtl(*words)
        assert result.status == 0, (example, result.err)


@pytest.mark.parametrize("name", ["list", "show", "copy"])
def test_every_command_of_recipes_has_two_examples_that_run(name: str, mtl: Command) -> None:
    group = CLI.get_command(click.Context(CLI), "recipes")
    assert isinstance(group, click.Group)
    command = group.get_command(click.Context(group), name)
    assert command is not None
    lines = [line.strip() for line in (command.help or "").splitlines()]
    examples = [line for line in lines if line.startswith("mtl ")]
    assert len(examples) >= 2
    for example in examples:
        result = mtl(*shlex.split(example)[1:])
        assert result.status == 0, (example, result.err)


def test_a_shipped_recipe_is_shown_and_copied_as_it_was_written(mtl: Command) -> None:
    shown = mtl("recipes", "show", "mnist-even-third").out
    assert shown.startswith("# Even or odd")
    assert mtl("show", "recipe", "mnist-even-third").out == shown
    assert json.loads(mtl("recipes", "show", "mnist-even-third", "--json").out)["text"] == shown
    assert mtl("recipes", "copy", "mnist-even-third").out == "mnist-even-third.yaml\n"
    assert Path("mnist-even-third.yaml").read_text() == shown
    assert json.loads(mtl("recipes", "copy", "mnist-even-third", ".", "--force", "--json").out) == {
        "recipe": "mnist-even-third",
        "file": "mnist-even-third.yaml",
    }


def test_recipes_are_listed_with_their_data_set_and_tasks(mtl: Command) -> None:
    (listed,) = json.loads(mtl("recipes", "list", "shapes-class-count", "--json").out)
    assert (listed["dataset"], listed["tasks"]) == ("shapes", ["class", "count"])


def _interrupt_after_first_epoch(run: Path) -> None:
    for name in ("metrics.json", "model.onnx", "verify.json", "report.html"):
        (run / name).unlink(missing_ok=True)


def test_evaluating_again_gives_the_metrics_of_the_run(mtl: Command, demo: Path) -> None:
    result = mtl("evaluate", str(demo), "--device", "cpu", "--json")
    assert json.loads(result.out)["metrics"] == json.loads((demo / "metrics.json").read_text())["test"]


def test_verify_accepts_the_file_of_the_run(mtl: Command, demo: Path) -> None:
    assert mtl("verify", str(demo / "model.onnx")).status == 0


def test_verify_refuses_the_file_of_another_training(mtl: Command, demo_copy: Path) -> None:
    arguments = ("--tasks", "denoise,classify", "--epochs", "1", "--seed", "3")
    quick = ("--set", "train.validation=0.8", "--device", "cpu")
    assert mtl("compose", *arguments, *quick, "--out", "other").status == 0
    shutil.copy("other/model.onnx", demo_copy / "model.onnx")
    assert mtl("verify", str(demo_copy)).status == 4


def swap_outputs(model: onnx.ModelProto) -> None:
    """Give the first two outputs of one shape each other's names."""
    first, second = model.graph.output[0].name, model.graph.output[1].name
    names = {first: second, second: first}
    for node in model.graph.node:
        node.output[:] = [names.get(name, name) for name in node.output]
        node.input[:] = [names.get(name, name) for name in node.input]


def change_a_weight(model: onnx.ModelProto) -> None:
    from onnx import numpy_helper

    for index, tensor in enumerate(model.graph.initializer):
        array = numpy_helper.to_array(tensor)
        if array.ndim >= 2 and array.dtype == "float32":
            model.graph.initializer[index].CopyFrom(numpy_helper.from_array(array * 1.01, tensor.name))
            return
    raise AssertionError("no weight found")


def freeze_the_batch(model: onnx.ModelProto) -> None:
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 2


MUTATIONS = {
    "outputs swapped": swap_outputs,
    "weight changed by 1 %": change_a_weight,
    "batch frozen": freeze_the_batch,
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_wrong_export_fails_with_status_4_and_publishes_nothing(
    mutation: str, mtl: Command, tmp_path: Path, twins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mtl.exports import onnx_exporter

    build = onnx_exporter.build_model

    def wrong(*arguments: Any, **options: Any) -> onnx.ModelProto:
        model = build(*arguments, **options)
        MUTATIONS[mutation](model)
        return model

    monkeypatch.setattr(onnx_exporter, "build_model", wrong)
    before = sorted(path.name for path in twins.iterdir())
    (tmp_path / "out").mkdir()
    result = mtl("export", str(twins), "--to", str(tmp_path / "out" / "wrong.onnx"))
    assert result.status == 4, result.err
    assert result.err.startswith("error: ")
    assert not list((tmp_path / "out").glob("*"))
    assert sorted(path.name for path in twins.iterdir()) == before


def test_a_dropped_normalisation_fails_with_status_4_and_publishes_nothing(
    mtl: Command, tmp_path: Path, twins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mtl.core.composition.model import Normalization
    from mtl.exports import onnx_exporter

    build = onnx_exporter.build_model

    def without_normalisation(*arguments: Any, **options: Any) -> onnx.ModelProto:
        with monkeypatch.context() as patched:
            patched.setattr(Normalization, "forward", lambda self, image: image + 0.0)
            return build(*arguments, **options)

    monkeypatch.setattr(onnx_exporter, "build_model", without_normalisation)
    (tmp_path / "out").mkdir()
    result = mtl("export", str(twins), "--to", str(tmp_path / "out" / "wrong.onnx"))
    assert result.status == 4, result.err
    assert not list((tmp_path / "out").glob("*"))


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with two outputs of one shape, which could be taken for each other."""
    from mtl.core.cli.main import run

    folder = tmp_path_factory.mktemp("twins")
    recipe = folder / "recipe.yaml"
    recipe.write_text("tasks: {one: {task: classify}, two: {task: classify}}\nencoder: mlp\n")
    quick = ["--epochs", "1", "--set", "train.validation=0.8", "--device", "cpu"]
    assert run(["compose", "--recipe", str(recipe), "--out", str(folder / "run"), *quick]) == 0
    return folder / "run"


def test_the_schema_accepts_a_resolved_recipe_and_refuses_a_typo(mtl: Command, demo: Path) -> None:
    import jsonschema
    from ruamel.yaml import YAML

    schema = json.loads(mtl("schema").out)
    recipe = YAML(typ="safe", pure=True).load((demo / "recipe.yaml").read_text())
    jsonschema.validate(recipe, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**recipe, "encodr": "lenet"}, schema)


def test_list_matches_a_pattern(mtl: Command) -> None:
    told = json.loads(mtl("list", "encoder", "r*", "--json").out)
    assert [entry["name"] for entry in told] == ["resnet18"]


def test_list_finds_the_networks_that_an_encoder_knows(mtl: Command) -> None:
    told = json.loads(mtl("list", "encoder", "torchvision:*mobilenet_v3*", "--json").out)
    assert [entry["name"] for entry in told] == ["mobilenet_v3_large", "mobilenet_v3_small"]
    assert mtl("list", "encoder", "lenet:*").err == (
        "error: encoder 'lenet' has no models to list\n  hint: mtl list encoder\n"
    )


def test_show_gives_options_and_an_example(mtl: Command) -> None:
    told = json.loads(mtl("show", "encoder", "mlp", "--json").out)
    assert told["distribution"] == "mtl-composer"
    assert {option["name"] for option in told["options"]} >= {"hidden", "activation", "dropout"}
    assert told["example"]["hidden"] == [64, 32]


def test_plugins_lists_the_built_in_ones(mtl: Command) -> None:
    told = json.loads(mtl("plugins", "--json").out)
    assert {plugin["status"] for plugin in told} == {"ok"}
    assert sum(len(plugin["components"]) for plugin in told) > 40


def test_a_broken_plugin_is_named_once_and_stops_nothing(mtl: Command) -> None:
    Path("bad.py").write_text("raise RuntimeError('no luck')")
    result = mtl("--plugin", "bad.py", "list", "task")
    assert result.status == 0
    assert result.err == (
        "warning: plugin 'bad' of bad.py is broken (import): RuntimeError: no luck\n"
        "  hint: mend or uninstall bad.py; details: mtl plugins show bad\n"
    )


def test_a_plugin_adds_a_command(mtl: Command) -> None:
    Path("more.py").write_text(
        "import click\nfrom mtl import hookimpl\n\n"
        "@click.command()\ndef hello():\n    click.echo('hi')\n\n"
        "@hookimpl\ndef mtl_commands(cli):\n    cli.add_lazy('hello', __name__ + ':hello', 'Greets.')\n"
    )
    assert mtl("--plugin", "more.py", "hello").out == "hi\n"


def test_a_plugin_cannot_take_over_a_command(mtl: Command) -> None:
    Path("more.py").write_text(
        "from mtl import hookimpl\n\n"
        "@hookimpl\ndef mtl_commands(cli):\n    cli.add_lazy('compose', 'x:y', 'Mine.')\n"
    )
    result = mtl("--plugin", "more.py", "--help")
    assert result.status == 0
    assert "failed in mtl_commands: command 'compose' exists already" in result.err
    assert "Mine." not in result.out


def test_doctor_reports_every_check(mtl: Command) -> None:
    result = mtl("doctor", "--json")
    assert result.status == 0
    assert {finding["status"] for finding in json.loads(result.out)} <= {"ok", "note"}


def test_doctor_names_what_may_be_installed_too(mtl: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ['click>=8; extra == "here"', 'no-such>=2; extra == "there"', 'no-other>=2; extra == "test"']
    monkeypatch.setattr("mtl.core.cli.doctor.home_distribution", lambda: SimpleNamespace(requires=asked))
    found = {item["check"]: item for item in json.loads(mtl("doctor", "--json").out)}
    assert found["extra here"]["status"] == "ok"
    assert found["extra here"]["detail"].startswith("click 8")
    assert (found["extra there"]["status"], found["extra there"]["detail"]) == (
        "note",
        "not installed: no-such; where it is wanted: pip install 'mtl-composer[there]'",
    )
    assert "extra test" not in found


def test_doctor_looks_at_a_cache_from_which_others_take_files(
    mtl: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MTL_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("os.walk", lambda folder: [(str(folder), [], ["gone"])])
    findings = json.loads(mtl("doctor", "--json").out)
    assert [item["status"] for item in findings if item["check"] == "cache"] == ["ok"]


def test_an_internal_error_is_one_line_with_status_1(mtl: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("oh")

    monkeypatch.setattr("mtl.core.cli.list_.print_table", fail)
    result = mtl("list", "task")
    assert result.status == 1
    assert result.err.startswith("error: internal: RuntimeError: oh\n  hint: ")
    assert "Traceback" in mtl("--debug", "list", "task").err


def _write_photos(folder: Path) -> None:
    """Write a table of 24 dark and bright pictures."""
    lines = ["file,bright"]
    for index in range(24):
        Image.new("RGB", (28, 28), (20 + 200 * (index % 2) + index,) * 3).save(folder / f"{index}.png")
        lines.append(f"{index}.png,{'yes' if index % 2 else 'no'}")
    (folder / "photos.csv").write_text("\n".join(lines) + "\n")
