"""`mtl compose` leaves a complete run folder, and tells programs what it did."""

from __future__ import annotations

import csv
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mtl.core.cli.progress import LineProgress

Command = Callable[..., Any]
QUICK = ("--set", "train.validation=0.8", "--device", "cpu")


def test_the_run_folder_holds_everything(demo: Path) -> None:
    assert sorted(path.name for path in demo.iterdir()) == [
        "checkpoint",
        "environment.json",
        "history.csv",
        "metrics.json",
        "model.onnx",
        "recipe.yaml",
        "report.html",
        "snapshots",
        "verify.json",
    ]
    assert not list(demo.parent.glob(".*"))


def test_metrics_stand_by_split_task_and_metric_beside_a_baseline(demo: Path) -> None:
    metrics = json.loads((demo / "metrics.json").read_text())
    for split in ("test", "validation"):
        assert set(metrics[split]) == {"denoise", "classify"}
        assert 0 <= metrics[split]["classify"]["accuracy"] <= 1
        assert metrics[split]["denoise"]["psnr"] > 10
    assert metrics["baseline"]["denoise"]["psnr"] == pytest.approx(21.2, abs=0.2)
    assert metrics["baseline_answer"]["denoise"] == "the input, unchanged"


def test_the_history_has_a_line_per_epoch(demo: Path) -> None:
    with (demo / "history.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {"train/denoise/loss", "validation/classify/accuracy", "seconds"} <= set(rows[0])


def test_the_environment_names_versions_plugins_device_and_seed(demo: Path) -> None:
    environment = json.loads((demo / "environment.json").read_text())
    assert environment["versions"]["torch"]
    assert environment["device"].startswith("cpu")
    assert environment["seed"] == 0
    assert any(plugin["distribution"] == "mtl-composer" for plugin in environment["plugins"])


def test_the_recipe_of_a_run_runs_again_to_the_same_numbers(demo: Path, mtl: Command) -> None:
    result = mtl(
        "compose", "--recipe", str(demo / "recipe.yaml"), "--out", "again", "--device", "cpu", "--json"
    )
    assert result.status == 0, result.err
    assert (
        json.loads(result.out)["metrics"]["test"] == json.loads((demo / "metrics.json").read_text())["test"]
    )
    assert Path("again/model.onnx").read_bytes() == (demo / "model.onnx").read_bytes()
    assert Path("again/recipe.yaml").read_text() == (demo / "recipe.yaml").read_text()


def test_no_path_of_this_machine_is_in_the_exported_file(demo: Path) -> None:
    content = (demo / "model.onnx").read_bytes()
    assert b"/work" not in content
    assert str(Path.home()).encode() not in content
    assert b".py" not in content


def test_json_ends_with_run_metrics_and_export(mtl: Command) -> None:
    result = mtl("compose", "--tasks", "parity", "--encoder", "mlp", "--epochs", "1", *QUICK, "--json")
    assert result.status == 0, result.err
    told = json.loads(result.out)
    assert told["run"] == "runs/parity-mlp-001"
    assert set(told) == {"run", "metrics", "export"}
    assert told["export"]["files"][0] == "runs/parity-mlp-001/model.onnx"
    assert told["export"]["verification"]["passed"] is True


def test_a_new_run_gets_the_next_free_name(mtl: Command) -> None:
    quick = ("compose", "--tasks", "parity", "--encoder", "mlp", "--epochs", "1", *QUICK)
    assert mtl(*quick).status == 0
    assert mtl(*quick).status == 0
    assert sorted(path.name for path in Path("runs").iterdir()) == ["parity-mlp-001", "parity-mlp-002"]


def test_force_replaces_a_run(mtl: Command) -> None:
    quick = ("compose", "--tasks", "parity", "--encoder", "mlp", "--epochs", "1", *QUICK, "--out", "run")
    assert mtl(*quick).status == 0
    assert mtl(*quick).status == 2
    assert mtl(*quick, "--seed", "5", "--force").status == 0
    assert "seed: 5" in Path("run/recipe.yaml").read_text()
    assert sorted(path.name for path in Path().iterdir()) == ["run"]


def test_a_dry_run_gives_parameters_recipe_inputs_and_outputs(mtl: Command) -> None:
    result = mtl("compose", "--tasks", "classify,random-sum", "--encoder", "mlp", "--dry-run", "--json")
    assert result.status == 0
    plan = json.loads(result.out)
    parameters = plan["parameters"]
    assert parameters["total"] == parameters["encoder"] + sum(parameters["heads"].values())
    assert parameters["encoder"] == 784 * 64 + 64 + 64 * 32 + 32
    assert plan["inputs"] == [
        {"name": "image", "dtype": "float32", "shape": ["batch", 1, 28, 28]},
        {"name": "number", "dtype": "int64", "shape": ["batch"]},
    ]
    assert [(output["name"], output["shape"]) for output in plan["outputs"]] == [
        ("classify", ["batch", 10]),
        ("random-sum", ["batch", 19]),
    ]
    assert plan["recipe"]["tasks"]["classify"]["head"] == {"name": "linear", "dropout": 0.0}
    assert list(Path().iterdir()) == []


def test_flags_win_over_the_recipe_and_set_wins_over_flags(mtl: Command) -> None:
    Path("recipe.yaml").write_text(
        "tasks: {classify: {weight: 0.5}, parity: {}}\n"
        "encoder: {name: mlp, hidden: [8]}\ntrain: {epochs: 3}\n"
    )
    arguments = ("--recipe", "recipe.yaml", "--epochs", "5", "--set", "train.epochs=7", "--tasks", "classify")
    result = mtl("compose", *arguments, "--encoder", "mlp", "--dry-run", "--json")
    recipe = json.loads(result.out)["recipe"]
    assert recipe["train"]["epochs"] == 7
    assert list(recipe["tasks"]) == ["classify"]
    assert recipe["tasks"]["classify"]["weight"] == 0.5
    assert recipe["encoder"]["hidden"] == [8]


def test_the_same_task_may_appear_twice_under_different_names(mtl: Command) -> None:
    Path("recipe.yaml").write_text(
        "tasks:\n  even: {task: multiple-of, of: 2}\n  third: {task: multiple-of, of: 3}\nencoder: mlp\n"
    )
    result = mtl("compose", "--recipe", "recipe.yaml", "--epochs", "1", *QUICK, "--json")
    assert result.status == 0, result.err
    assert set(json.loads(result.out)["metrics"]["test"]) == {"even", "third"}


class Interrupting(LineProgress):
    """Presses Ctrl-C after the second epoch."""

    def epoch(self, epoch: int, row: Any, best: bool) -> None:
        if epoch == 2:
            raise KeyboardInterrupt


def test_an_interrupted_run_is_readable_and_resumes_to_the_same_numbers(
    mtl: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = ("compose", "--tasks", "denoise,classify", "--epochs", "3", *QUICK)
    assert mtl(*quick, "--out", "straight").status == 0
    with monkeypatch.context() as patched:
        patched.setattr("mtl.core.cli.progress.LineProgress", Interrupting)
        result = mtl(*quick, "--out", "stopped")
    assert result.status == 130
    assert result.err.endswith("\nstopped is readable; go on with: mtl resume stopped\n")
    assert "\ninterrupted" in result.err
    assert sorted(path.name for path in Path("stopped").iterdir()) == [
        "checkpoint",
        "environment.json",
        "history.csv",
        "recipe.yaml",
        "snapshots",
    ]
    result = mtl("resume", "stopped", "--device", "cpu")
    assert result.status == 0
    assert "goes on after epoch 2 of 3\n" in result.err
    metrics = [json.loads(Path(run, "metrics.json").read_text()) for run in ("straight", "stopped")]
    assert metrics[0]["test"] == metrics[1]["test"]
    assert Path("straight/model.onnx").read_bytes() == Path("stopped/model.onnx").read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_control_c_ends_the_process_with_130(tmp_path: Path, number: signal.Signals) -> None:
    command = [
        sys.executable,
        "-m",
        "mtl",
        "compose",
        "--tasks",
        "parity",
        "--encoder",
        "mlp",
        "--epochs",
        "9999",
    ]
    process = subprocess.Popen(
        [*command, "--out", "run", "--device", "cpu"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        # A job in the background of a shell starts with Ctrl-C ignored, and its children too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr is not None
    with process:
        for line in process.stderr:
            if line.startswith("epoch 2/"):
                process.send_signal(number)
                break
        try:
            _, rest = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "run is readable; go on with: mtl resume run" in rest
    assert "Traceback" not in rest
    assert not list((tmp_path / "run").rglob("*.partial"))


def test_a_full_disk_is_named_and_what_was_written_stays_readable(tmp_path: Path) -> None:
    # With 200 kB a file the recipe fits, the weights of this encoder do not.
    command = [
        sys.executable,
        "-m",
        "mtl",
        "compose",
        "--tasks",
        "parity",
        "--encoder",
        "mlp",
        "--epochs",
        "1",
    ]
    done = subprocess.run(
        [*command, "--set", "encoder.hidden=[500]", "--out", "run", *QUICK],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
    )
    assert done.returncode == 5, done.stderr
    assert "error: the disk is full: cannot write run/checkpoint/epoch-00001.safetensors" in done.stderr
    assert (tmp_path / "run" / "recipe.yaml").is_file()
    assert list((tmp_path / "run" / "checkpoint").iterdir()) == []


def test_data_is_on_stdout_and_progress_on_stderr(mtl: Command) -> None:
    result = mtl("compose", "--tasks", "parity", "--encoder", "mlp", "--epochs", "1", *QUICK)
    assert result.out.splitlines()[0].split() == ["task", "metric", "value", "baseline"]
    assert "epoch 1/1" in result.err


def test_the_datas_folder_follows_the_data_set_whatever_the_order(mtl: Command) -> None:
    plans = [
        mtl("compose", "--tasks", "classify", *flags, "--dry-run", "--json").out
        for flags in (
            ("--dataset", "mnist", "--data-dir", "data"),
            ("--data-dir", "data", "--dataset", "mnist"),
        )
    ]
    assert plans[0] == plans[1]
    assert json.loads(plans[0])["recipe"]["dataset"]["data_dir"] == str(Path("data").absolute())


def test_tasks_picked_from_a_list_keep_their_options(mtl: Command) -> None:
    Path("recipe.yaml").write_text("tasks:\n  - denoise: {amount: 0.5}\n  - classify\n")
    told = mtl("compose", "--recipe", "recipe.yaml", "--tasks", "denoise", "--dry-run", "--json").out
    assert json.loads(told)["recipe"]["tasks"]["denoise"]["amount"] == 0.5


def test_an_option_of_the_default_head_can_be_set_alone(mtl: Command) -> None:
    told = mtl(
        "compose", "--tasks", "denoise", "--set", "tasks.denoise.head.width=8", "--dry-run", "--json"
    ).out
    head = json.loads(told)["recipe"]["tasks"]["denoise"]["head"]
    assert (head["name"], head["width"]) == ("decoder", 8)


def test_a_task_and_its_head_may_not_contradict_each_other(mtl: Command) -> None:
    told = mtl("compose", "--tasks", "autoencode", "--dry-run", "--json").out
    Path("recipe.yaml").write_text(json.dumps(json.loads(told)["recipe"]))
    result = mtl("compose", "--recipe", "recipe.yaml", "--set", "tasks.autoencode.latent=3", "--dry-run")
    assert result.status == 2
    assert "has latent 10, the task itself 3" in result.err


@pytest.mark.parametrize("name", ["image", "number"])
def test_a_task_named_like_an_input_is_refused_before_training(name: str, mtl: Command) -> None:
    Path("recipe.yaml").write_text(f"tasks:\n  {name}: {{task: classify}}\n  sum: {{task: random-sum}}\n")
    result = mtl("compose", "--recipe", "recipe.yaml", "--out", "run")
    assert result.status == 2
    assert f"task {name!r} has the name of an input" in result.err
    assert not Path("run").exists()


def test_a_failing_replacement_keeps_the_replaced_run(mtl: Command) -> None:
    quick = ("compose", "--tasks", "parity", "--encoder", "mlp", "--epochs", "1", *QUICK, "--out", "run")
    assert mtl(*quick).status == 0
    kept = Path("run/model.onnx").read_bytes()
    for _ in range(2):
        result = mtl(*quick, "--force", "--set", "train.learning_rate=1e30")
        assert result.status == 2
        assert "the run that was to be replaced is kept in " in result.err
    assert Path(".run.replaced/model.onnx").read_bytes() == kept
    assert mtl(*quick, "--force").status == 0
    assert sorted(path.name for path in Path().iterdir()) == ["run"]


def test_a_run_that_was_set_aside_comes_back_and_is_never_deleted(mtl: Command, demo: Path) -> None:
    shutil.copytree(demo, ".run.replaced")  # --force was killed before it made the new folder
    result = mtl("compose", "--tasks", "parity", "--encoder", "mlp", "--epochs", "1", *QUICK, "--out", "run")
    assert result.status == 2
    assert "run was about to be replaced; the run that was there is kept in" in result.err
    assert "hint: mtl resume run puts it back" in result.err
    assert mtl("resume", "run", "--device", "cpu").status == 0
    assert sorted(path.name for path in Path().iterdir()) == ["run"]


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_a_folder_with_nothing_in_it_is_used(force: tuple[str, ...], mtl: Command) -> None:
    Path("run").mkdir()
    Path("run/.recipe.yaml.01234567.partial").write_text("")  # killed while the recipe was written
    quick = ("compose", "--tasks", "parity", "--encoder", "mlp", "--epochs", "1", *QUICK, "--out", "run")
    assert mtl(*quick, *force).status == 0
    assert not list(Path("run").glob(".*"))


def test_two_commands_without_a_folder_get_two(mtl: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    # The other command makes its folder while this one loads its data.
    load = "mtl.core.running.loading.load_splits"
    from mtl.core.data.samples import load_splits

    def slowly(*given: Any, **named: Any) -> Any:
        Path("runs/parity-mlp-001").mkdir(parents=True, exist_ok=True)
        return load_splits(*given, **named)

    monkeypatch.setattr(load, slowly)
    quick = ("compose", "--tasks", "parity", "--encoder", "mlp", "--epochs", "1", *QUICK, "--json")
    result = mtl(*quick)
    assert result.status == 0, result.err
    assert json.loads(result.out)["run"] == "runs/parity-mlp-002"


def test_a_plugin_that_fails_during_a_run_is_named_and_stops_nothing(mtl: Command) -> None:
    Path("loud.py").write_text(
        "from mtl import hookimpl\n\n"
        "@hookimpl\ndef mtl_epoch_ended(run, epoch, row):\n    raise ValueError('logger down')\n"
    )
    quick = ("compose", "--tasks", "parity", "--encoder", "mlp", "--epochs", "1", *QUICK)
    result = mtl("--plugin", "loud.py", *quick)
    assert result.status == 0
    assert "failed in mtl_epoch_ended: ValueError: logger down" in result.err


def test_an_export_may_not_overwrite_another_file_of_the_run(mtl: Command, demo_copy: Path) -> None:
    report = (demo_copy / "report.html").read_bytes()
    result = mtl("export", str(demo_copy), "--to", str(demo_copy / "report.html"))
    assert result.status == 2
    assert (demo_copy / "report.html").read_bytes() == report


def test_exporting_again_keeps_the_recipes_export_options(mtl: Command) -> None:
    quick = ("compose", "--tasks", "parity", "--encoder", "mlp", "--epochs", "1", *QUICK, "--out", "run")
    assert mtl(*quick, "--set", "export.raw=true").status == 0
    assert mtl("export", "run", "--input", "uint8").status == 0
    verification = json.loads(Path("run/verify.json").read_text())
    assert (verification["raw"], verification["input"]) == (True, "uint8")
