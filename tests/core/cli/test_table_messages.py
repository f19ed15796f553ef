"""What is wrong with a table of one's own is one line with a hint, status 2, and leaves nothing behind.

The expected texts are the files in `golden_tables/`; after a deliberate change run with `MTL_GOLDEN=write`
and read the difference.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

GOLDEN = Path(__file__).parent / "golden_tables"
COUNT = 12


def table(header: str, *cells: str, names: str = "{}.png") -> bytes:
    """A table of twelve pictures; `cells` are those of the rows, from the first on again."""
    rows = [f"{names.format(number)},{cells[number % len(cells)]}" for number in range(COUNT)]
    return "\n".join([f"file,{header}", *rows, ""]).encode()


PLACES: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "path-nowhere": (table("a", "x", "y", names="img/{}.png"), ()),
    "path-elsewhere": (table("a", "x", "y", names="{}.jpg"), ()),
    "path-without-ending": (table("a", "x", "y", names="{}"), ("--set", "dataset.columns.file=path")),
    "path-leads-out": (table("a", "x", "y", names="../{}.png"), ()),
    "link-leads-out": (table("a", "x", "y", names="out/{}.png"), ()),
    "paths-missing": (table("a", "x", "y") + b",x\n", ()),
    "two-path-columns": (table("other,a", "1.png,x", "0.png,y"), ()),
    "pictures-broken": (table("a", "x", "y", names="broken/{}.png"), ()),
    "picture-in-two-parts": (table("split,a", "train,x", "test,y", "val,x", names="same/{}.png"), ()),
}
LABELS: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "one-value": (table("a", "x"), ()),
    "one-value-stated": (table("a", "x"), ("--set", "dataset.columns.a=class")),
    "class-only-in-test": (table("split,a", "train,x", "train,y", "test,z", "val,y"), ()),
    "unit": (table("mass", *(f"{n}.5 kg" for n in range(COUNT))), ()),
    "comma": (table("mass", '"3,5"', '"4,25"', "5"), ()),
    "mixed-types": (table("age", "31", "45", "unknown", "28", "19.5", "64"), ()),
    "contradiction": (table("a", "x", "y", names="0.png"), ()),
    "class-misspelled": (
        table("a", "red", "blue", "gren"),
        ("--set", "dataset.columns.a.classes=[red,blue,green]"),
    ),
    "yes-or-no": (table("a", "yes", "no", "maybe"), ("--set", "dataset.columns.a=yes-no")),
    "part-unknown": (table("split,a", "train,x", "fold 1,y"), ()),
    "group-in-two-parts": (table("split,patient,a", "train,p,x", "test,p,y", "val,q,y"), ()),
    "points-half": (table("x,y", "1,2", "1,"), ()),
    "points-outside": (table("x,y", "1,2", "30,2"), ()),
}
MASKS: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "mask-of-another-size": (table("mask", "masks/small.png"), ("--set", "dataset.columns.mask=mask")),
    "mask-with-unknown-value": (
        table("mask", "masks/0.png", "masks/7.png"),
        ("--set", "dataset.columns.mask.type=mask", "--set", "dataset.columns.mask.classes=[sky,road]"),
    ),
    "mask-in-colours": (table("mask", "1.png"), ("--set", "dataset.columns.mask=mask")),
    "mask-broken": (table("mask", "masks/0.png", "masks/half.png"), ("--set", "dataset.columns.mask=mask")),
    "mask-missing": (table("mask", "masks/0.png", "masks/9.png"), ("--set", "dataset.columns.mask=mask")),
}
FILES: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "excel": (b"PK\x03\x04 and nothing more", ()),
    "old-excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ()),
    "parquet-by-another-name": (b"PAR1 and nothing more", ()),
    "gzip": (b"\x1f\x8b\x08\x00", ()),
    "empty": (b"", ()),
    "names-alone": (b"file,a\n", ()),
    "no-line-of-names": (b"0.png,x\n1.png,y\n", ()),
    "other-encoding": (table("a", "rot", "gr\u00fcn").decode().encode("cp1252"), ()),
    "encoding-unknown": (table("a", "x", "y"), ("--set", "dataset.encoding=utf-9")),
    "utf-16-without-mark": (table("a", "x", "y").decode().encode("utf-16-le"), ()),
    "row-too-short": (b"file,a,b\n0.png,x\n1.png,y,z\n", ()),
    "quote-open": (b'file,a\n0.png,"x\n1.png,y\n', ()),
    "column-twice": (b"file,a,a\n0.png,x,y\n", ()),
}
CASES = {**PLACES, **LABELS, **MASKS, **FILES}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve pictures of 8 x 8 that differ, some that are broken, some that are the same, and masks."""
    root = tmp_path / "data"
    for name in ("same", "broken", "masks"):
        (root / name).mkdir(parents=True)
    for number in range(COUNT):
        pixels = np.random.default_rng(number).integers(256, size=(8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f"{number}.png")
        Image.fromarray(np.full((8, 8, 3), number // 2, np.uint8)).save(root / "same" / f"{number}.png")
        whole = (root / f"{number}.png").read_bytes()
        (root / "broken" / f"{number}.png").write_bytes(whole[:60] if number % 3 else whole)
    for name, value, side in (("0", 0, 8), ("7", 7, 8), ("small", 1, 4)):
        Image.fromarray(np.full((side, side), value, np.uint8)).save(root / "masks" / f"{name}.png")
    (root / "masks" / "half.png").write_bytes((root / "masks" / "7.png").read_bytes()[:50])
    (root / "out").symlink_to(tmp_path)
    (root / "elsewhere").mkdir()
    for number in range(COUNT):
        Image.fromarray(np.full((8, 8, 3), number, np.uint8)).save(root / "elsewhere" / f"{number}.jpg")
        (tmp_path / f"{number}.png").write_bytes((root / f"{number}.png").read_bytes())
    return root


@pytest.mark.parametrize("name", CASES)
def test_a_table_with_a_mistake_gets_its_message(name: str, mtl: Callable[..., Any], folder: Path) -> None:
    content, settings = CASES[name]
    (folder / "photos.csv").write_bytes(content)
    before = sorted(folder.parent.rglob("*"))
    tiny = ("--encoder", "mlp", "--epochs", "1", "--device", "cpu", "--out", "run")
    result = mtl("compose", "--data", str(folder / "photos.csv"), *settings, *tiny)
    lines = result.err.replace(str(folder), "DATA").replace(str(folder.parent), "PARENT").splitlines()
    error = next((index for index, line in enumerate(lines) if line.startswith("error: ")), 0)
    shown = "\n".join(lines[error:]) + "\n"
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("MTL_GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(shown)
    assert shown == golden.read_text()
    assert result.status == 2
    assert sorted(folder.parent.rglob("*")) == before


def test_every_golden_file_belongs_to_a_case() -> None:
    assert sorted(path.stem for path in GOLDEN.iterdir()) == sorted(CASES)


@pytest.mark.parametrize("name", CASES)
def test_every_message_is_one_error_line_with_a_hint(name: str) -> None:
    error, hint = (GOLDEN / f"{name}.txt").read_text().splitlines()
    assert error.startswith("error: ")
    assert hint.startswith("  hint: ")


def test_a_mark_at_the_start_of_a_table_is_no_letter_of_its_first_name(
    mtl: Callable[..., Any], folder: Path
) -> None:
    text = table("a", "x", "y").decode()
    for encoding in ("utf-8-sig", "utf-16"):
        (folder / "photos.csv").write_bytes(text.encode(encoding))
        result = mtl(
            "compose", "--data", str(folder / "photos.csv"), "--encoder", "mlp", "--dry-run", "--json"
        )
        assert result.status == 0, result.err
        assert '"  file: path"' in result.out


def test_broken_pictures_are_left_out_counted_and_listed_on_demand(
    mtl: Callable[..., Any], folder: Path
) -> None:
    (folder / "photos.csv").write_bytes(table("a", "x", "y", names="broken/{}.png"))
    tiny = ("--encoder", "mlp", "--set", "encoder.hidden=[8]", "--epochs", "1", "--device", "cpu")
    result = mtl("compose", "--data", str(folder / "photos.csv"), *tiny, "--skip-broken", "--out", "run")
    assert "warning: left out: 8 of 12 pictures cannot be read: " in result.err
    assert "broken/1.png" in result.err


def test_pictures_in_two_parts_are_gone_on_with_on_demand(mtl: Callable[..., Any], folder: Path) -> None:
    cells = ("train,x", "test,y", "val,x", "train,y")
    (folder / "photos.csv").write_bytes(table("split,a", *cells, names="same/{}.png"))
    tiny = ("--encoder", "mlp", "--set", "encoder.hidden=[8]", "--epochs", "1", "--device", "cpu")
    result = mtl("compose", "--data", str(folder / "photos.csv"), *tiny, "--allow-duplicates", "--out", "run")
    assert result.status == 0, result.err
