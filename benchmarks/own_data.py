"""Real pictures with a table of one's own, from the table to the answers of the exported file.

    python -m benchmarks.own_data --data-dir DIR     # all: half an hour on one quiet core
    python -m benchmarks.own_data --write            # only the document, from the kept results

`DIR` holds CIFAR-10 as picture files, `{train,test}/CLASS/*.jpg`. Of these 1,000 pictures per class for
training and 200 for testing are written into a table with three labels: the class, whether it is an animal,
and the mean brightness in 0..255; of each label one in five is missing. `mtl compose --data` trains on it,
and `mtl predict` answers from the exported file for the picture files of the table; its metrics are computed
here, from the definitions. The results are kept in `benchmarks/results/own-data.json`; a test holds
docs/data.md to them.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mtl.core.folders.run_folder import versions

from .marked import with_marked

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "data.md"
RESULTS = Path(__file__).parent / "results" / "own-data.json"

PER_CLASS = {"train": 1000, "test": 200}
HOLES = 0.2
ANIMALS = ("bird", "cat", "deer", "dog", "frog", "horse")
LABELS = ("class", "animal", "brightness")
LEADING = {"class": "accuracy", "animal": "accuracy", "brightness": "rmse"}
ENCODER = "encoder={name: small-resnet, widths: [16, 32, 64], depth: 1}"
TRAINING = ("--set", ENCODER, "--set", "train.schedule=cosine", "--epochs", "15")
SAME = 1e-4
"""How far metrics of the file may be from those of the run, relatively: rounding."""


def build(pictures: Path, table: Path) -> None:
    """Write the table: a row per picture, a hole in a fifth of each label."""
    draw = np.random.default_rng(0)
    table.parent.mkdir(parents=True, exist_ok=True)
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", *LABELS, "split"])
        for part, count in PER_CLASS.items():
            for folder in sorted((pictures / part).iterdir()):
                for path in sorted(folder.glob("*.jpg"))[:count]:
                    labels = [
                        folder.name,
                        "yes" if folder.name in ANIMALS else "no",
                        f"{brightness(path):.2f}",
                    ]
                    cells = [
                        "" if hole else label
                        for label, hole in zip(labels, draw.random(3) < HOLES, strict=True)
                    ]
                    writer.writerow([path.relative_to(pictures), *cells, part])


def brightness(path: Path) -> float:
    """Return the mean of a picture's numbers, in 0..255."""
    with Image.open(path) as picture:
        return float(np.asarray(picture.convert("RGB"), dtype=np.float64).mean())


def run_command(arguments: Sequence[str]) -> None:
    status = subprocess.run([sys.executable, "-m", "mtl", *arguments], check=False).returncode
    if status:
        raise SystemExit(status)


def measured(
    rows: Sequence[Mapping[str, str]], answers: Sequence[Mapping[str, str]]
) -> dict[str, dict[str, float]]:
    """Return the metrics of answers to the test rows of the table, over the labels that are there."""
    pairs = {
        label: [
            (row[label], answer[label])
            for row, answer in zip(rows, answers, strict=True)
            if row["split"] == "test" and row[label]
        ]
        for label in LABELS
    }
    said = {"yes": "animal", "no": "not animal"}
    errors = np.array([float(answer) - float(label) for label, answer in pairs["brightness"]])
    return {
        "class": {"accuracy": float(np.mean([label == answer for label, answer in pairs["class"]]))},
        "animal": {"accuracy": float(np.mean([said[label] == answer for label, answer in pairs["animal"]]))},
        "brightness": {"rmse": float(np.sqrt((errors**2).mean())), "mae": float(np.abs(errors).mean())},
    }


def refuse_differences(file: Mapping[str, Any], run: Mapping[str, Any]) -> None:
    """Stop when the exported file does not reach from the picture files what the run reached."""
    for label, metrics in file.items():
        for name, value in metrics.items():
            if abs(value - run[label][name]) > SAME * abs(run[label][name]):
                raise SystemExit(f"{label}: {name} of the file is {value}, of the run {run[label][name]}")


def collected(out: Path, pictures: Path) -> dict[str, Any]:
    """Return what is kept: metrics of the run and of its file, and of a constant answer; machine and date."""
    run, table, answers = out / "run", out / "photos.csv", out / "answers.csv"
    run_command(["predict", str(run), str(table), "--root", str(pictures), "--to", str(answers)])
    rows = list(csv.DictReader(table.open(newline="")))
    found = json.loads((run / "metrics.json").read_text())
    file = measured(rows, list(csv.DictReader(answers.open(newline=""))))
    refuse_differences(file, found["test"])
    environment = json.loads((run / "environment.json").read_text())
    return {
        "command": f"mtl compose --data photos.csv --set dataset.root=DIR {shlex.join(TRAINING)}",
        "date": datetime.fromtimestamp((run / "metrics.json").stat().st_mtime, UTC).date().isoformat(),
        "device": environment["device"],
        "platform": platform.machine(),
        "torch": versions()["torch"],
        "seed": environment["seed"],
        "rows": {part: sum(row["split"] == part for row in rows) for part in PER_CLASS},
        "holes": {label: sum(not row[label] for row in rows) for label in LABELS},
        "test": {label: {name: found["test"][label][name] for name in file[label]} for label in LABELS},
        "file": file,
        "baseline": {
            label: {name: found["baseline"][label][name] for name in file[label]} for label in LABELS
        },
    }


def markdown(kept: Mapping[str, Any]) -> str:
    """Return the table as it stands in the document."""
    rows = [
        f"| {label} | {metric} | {kept['test'][label][metric]:.4f} | {kept['file'][label][metric]:.4f} "
        f"| {kept['baseline'][label][metric]:.4f} |"
        for label, metric in LEADING.items()
    ]
    head = (
        f"`{kept['command']}`, seed {kept['seed']}, {kept['rows']['train']:,} rows for training and "
        f"{kept['rows']['test']:,} for testing, {kept['date']}:"
    )
    return "\n".join(
        [
            head,
            "",
            "| task | metric | the run | the file, by `mtl predict` | constant answer |",
            "|---|---|---|---|---|",
            *rows,
        ]
    )


def document(text: str, kept: Mapping[str, Any]) -> str:
    """Return the document with the table between its markers."""
    return with_marked(text, "measured: own data", markdown(kept))


def main(arguments: Sequence[str] | None = None) -> None:
    """Build the table, train, answer from the files, keep the results, and write the document."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, help="where the pictures are")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/own-data"), help="where table and run are kept"
    )
    parser.add_argument("--write", action="store_true", help="only the document, from the kept results")
    given = parser.parse_args(arguments)
    if not given.write:
        if given.data_dir is None:
            parser.error("--data-dir names the folder of the pictures")
        table = given.out / "photos.csv"
        if not (given.out / "run" / "metrics.json").is_file():
            build(given.data_dir, table)
            root = f"dataset.root={given.data_dir.absolute()}"
            run_command(
                ["compose", "--data", str(table), "--set", root, *TRAINING, "--out", str(given.out / "run")]
            )
        RESULTS.write_text(json.dumps(collected(given.out, given.data_dir), indent=1) + "\n")
    DOCUMENT.write_text(document(DOCUMENT.read_text(), json.loads(RESULTS.read_text())))


if __name__ == "__main__":
    main()
