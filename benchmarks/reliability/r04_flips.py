"""R4: bits flip in every kind of file that is read back: named, mended, or without consequence."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

from .children import Child, Done
from .disturbing import Action, Disturbance, operations
from .jobs import composed, difference, digest, quick, result
from .row import Findings


class Flips:
    """Half of the flips hit what `resume` reads, a quarter `export` and `evaluate`, a quarter `predict`."""

    name = "R4"
    title = "flipped bits in checkpoints, manifests, recipes, histories, snapshots and exported files"
    promise = "the damage is named (status 2 or 4), or the result is the same to the last byte"
    count = 2000

    def run(self, count: int, seed: int, work: Path) -> Findings:
        random_numbers = random.Random(seed)
        found = Findings()
        _flip_interrupted(count // 2, random_numbers, work, found)
        finished = composed(work / "finished", epochs=1)
        _flip_finished(count // 4, random_numbers, finished, work, found)
        _flip_exported(count - count // 2 - count // 4, random_numbers, finished, work, found)
        return found


def _flip_interrupted(count: int, random_numbers: random.Random, work: Path, found: Findings) -> None:
    whole, log, start, here = work / "whole", work / "operations", work / "start", work / "run"
    done = Child(disturbance=Disturbance(whole, log=log)).call(quick("run", whole))
    assert done.status == 0, done.output
    wanted = result(whole)
    did = operations(log)
    second = [
        number for number, (name, path) in enumerate(did, 1) if "manifest" in path and name == "rename"
    ][1]
    done = Child(disturbance=Disturbance(start, second + 2, Action.KILL)).call(quick("run", start))
    assert done.killed, done.output
    files = [path for path in _files(start) if not path.name.endswith((".partial", "lock"))]
    for number in range(count):
        file = files[number % len(files)].relative_to(start)
        where = _damaged(start, here, file, random_numbers)
        done = Child().call(quick("resume", here))
        same = done.status == 0 and not difference(wanted, result(here))
        _note(found, f"resume: {file} {where}", done, "same bytes" if same else None, file)


def _flip_finished(
    count: int, random_numbers: random.Random, finished: Path, work: Path, found: Findings
) -> None:
    here = work / "run"
    wanted = digest((finished / "model.onnx").read_bytes())
    judged = _judged(Child().mtl("evaluate", finished, "--json"))
    assert judged is not None
    files = [
        path
        for path in _files(finished)
        if path.name in ("recipe.yaml", "metrics.json", "manifest.json", "environment.json")
        or path.name.startswith("best")
    ]
    for number in range(count):
        file = files[number % len(files)].relative_to(finished)
        where = _damaged(finished, here, file, random_numbers)
        if number // len(files) % 2:
            done = Child().mtl("evaluate", here, "--json")
            same = done.status == 0 and _judged(done) == judged
            _note(found, f"evaluate: {file} {where}", done, "same metrics" if same else None, file)
            continue
        to = work / "out.onnx"
        for path in work.glob("out*"):
            path.unlink()
        done = Child().mtl("export", here, "--to", to)
        # Without weights in it: what was measured is told in the metadata, and is no part of the model.
        same = done.status == 0 and (
            digest(to.read_bytes()) == wanted or _weights(to) == _weights(finished / "model.onnx")
        )
        _note(found, f"export: {file} {where}", done, "same model" if same else None, file)


def _judged(done: Done) -> object:
    """Return what an evaluation found, or None when it said nothing that can be read."""
    try:
        return json.loads(done.output[done.output.index("{") :])["metrics"]
    except (ValueError, KeyError):
        return None


def _flip_exported(
    count: int, random_numbers: random.Random, finished: Path, work: Path, found: Findings
) -> None:
    import numpy as np
    from PIL import Image

    here, picture = work / "run", work / "picture.png"
    size = (28, 28)
    Image.fromarray((np.arange(784).reshape(size) % 256).astype(np.uint8)).save(picture)

    def predict(run: Path) -> Done:
        return Child().mtl("predict", run / "model.onnx", picture, "--json", "--resize")

    def answers(done: Done) -> object:
        try:
            return json.loads(done.output)["predictions"][0]["answers"]
        except (ValueError, KeyError):
            return None

    wanted = answers(predict(finished))
    for _ in range(count):
        where = _damaged(finished, here, Path("model.onnx"), random_numbers)
        done = predict(here)
        same = done.status == 0 and answers(done) == wanted
        _note(found, f"predict: {where}", done, "same answer" if same else None, Path("model.onnx"))


def _damaged(start: Path, here: Path, file: Path, random_numbers: random.Random) -> str:
    """Copy a folder, flip one bit or four of a file in the copy, and return where."""
    shutil.rmtree(here, ignore_errors=True)
    shutil.copytree(start, here)
    content = bytearray((here / file).read_bytes())
    places = []
    for _ in range(random_numbers.choice((1, 1, 1, 4))):
        place = (random_numbers.randrange(len(content)), random_numbers.randrange(8))
        content[place[0]] ^= 1 << place[1]
        places.append(f"byte {place[0]} bit {place[1]}")
    (here / file).write_bytes(content)
    return ", ".join(places)


def _note(found: Findings, trial: str, done: Done, same: str | None, file: Path) -> None:
    if done.status == 0:
        found.note(trial, same or "", broken=None if same else "status 0, and another result without a word")
    elif fault := done.fault((2, 4)):
        found.note(trial, "", broken=fault)
    else:
        named = file.name in done.output
        found.note(trial, "named", broken=None if named else f"the file is not named: {done.last_words}")


def _files(path: Path) -> list[Path]:
    return [file for file in sorted(path.rglob("*")) if file.is_file() and file.stat().st_size]


def _weights(path: Path) -> dict[str, bytes]:
    import onnx

    return {tensor.name: tensor.raw_data for tensor in onnx.load(path).graph.initializer}


ROW = Flips()
