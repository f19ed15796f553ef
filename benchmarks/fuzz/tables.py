"""Tables of own pictures: their text, their columns, and the pictures that they or a command line name."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .good_run import GoodRun
from .target import Read, Target, written

_CSV = b'file,colour,weight,split\na.png,"red, dark",1.5,train\nb/c.png,blue,?,test\na.png,red,2,\n'
_SEMICOLONS = 'Datei;Farbe;Gewicht\r\na.png;grün;1,5\r\nb/c.png;"rot";2,5\r\n'
_TABS = b"file\tname\na.png\tred\nb/c.png\tblue\n"
_LINES = b'{"file_name": "a.png", "yes": true, "n": 1.5}\n{"file_name": "b/c.png", "yes": null, "box": [1]}\n'
_ROWS = 24


def tables(good: GoodRun) -> Iterator[Target]:
    """Yield the targets: texts of tables, encodings, the data set `table`, and what `predict` is given."""
    texts = [_CSV, _SEMICOLONS.encode("utf-8-sig"), _SEMICOLONS.encode("utf-16"), _SEMICOLONS.encode()]
    rows = _rows()
    yield Target("table.csv", texts, written("table.csv", _read), "table.csv", rows)
    yield Target("table.tsv", [_TABS], written("table.tsv", _read), "table.tsv", rows)
    yield Target("table.jsonl", [_LINES], written("table.jsonl", _read), "table.jsonl", _objects())
    coded = [name + b"\0" + _SEMICOLONS.encode("cp1252") for name in (b"cp1252", b"latin-1", b"hex")]
    yield Target("encoding", coded, _encoded, "table.csv|dataset.encoding", _encodings())
    learned = [_many(), _many(b";"), _many(b"\t")]
    yield Target("table data set", learned, _data_set, "table|dataset.|pictures", rows, together=60)
    yield Target("parquet", [good.parquet], _library, "kept.parquet", together=20)
    named = [_CSV, _TABS, b"file_name,other\na.png,b/c.png\n"]
    yield Target("predict table", named, _named_by("table.csv"), "table.csv|pictures", rows, together=200)
    yield Target("predict lines", [_LINES], _named_by("table.jsonl"), "table.jsonl|pictures", _objects())
    patterns = [b"*.png", b"b/*", b"**/*.p?g", b"[ab]*", b"a.png", b"b", b"table.csv"]
    yield Target("predict place", patterns, _place, "pictures", _patterns(), together=200)


def _read(path: Path) -> object:
    from mtl.core.data.tables import read_table

    return read_table(path)


def _many(mark: bytes = b",") -> bytes:
    """Return a table with enough rows for parts and classes."""
    numbers = random.Random(1)
    lines = [b"file,kind,size,ok,patient"]
    for row in range(_ROWS):
        cells = [f"{row}.png", "xyz"[row % 3], f"{numbers.random():.3f}"]
        lines.append(",".join([*cells, "yn"[row % 2], str(row // 4)]).encode())
    return b"\n".join(lines).replace(b",", mark) + b"\n"


def _pictures(work: Path) -> Path:
    from PIL import Image

    place = work / "pictures"
    (place / "b").mkdir(parents=True)
    for number, name in enumerate(("a.png", "b/c.png", *(f"{row}.png" for row in range(_ROWS)))):
        Image.new("L", (28, 28), number).save(place / name)
    return place


def _encoded(work: Path) -> Read:
    def act(content: bytes) -> object:
        from mtl.core.data.tables import read_table

        name, _, text = content.partition(b"\0")
        (work / "table.csv").write_bytes(text)
        return read_table(work / "table.csv", name.decode("utf-8", "surrogateescape"))

    return act


def _data_set(work: Path) -> Read:
    place = _pictures(work)

    def act(content: bytes) -> object:
        from mtl.plugins.datasets.table import PictureTable

        (place / "table.csv").write_bytes(content)
        dataset = PictureTable(file=place / "table.csv", allow_duplicates=True)
        dataset.spec(), dataset.tasks(), dataset.understood(), dataset.sources()
        return dataset.load()

    return act


def _library(work: Path) -> Read:
    import datasets

    # Each input is another data set for the library, which keeps them all.
    datasets.config.HF_DATASETS_CACHE = work / "library"

    def act(content: bytes) -> object:
        from mtl.plugins.datasets.hf import HuggingFace

        (work / "kept.parquet").write_bytes(content)
        return HuggingFace(file=work / "kept.parquet", allow_duplicates=True).load()

    return act


def _named_by(name: str) -> Any:
    def opened(work: Path) -> Read:
        place = _pictures(work)

        def act(content: bytes) -> object:
            from mtl.exports.named_images import Naming, named_images

            (place / name).write_bytes(content)
            return named_images([place / name], Naming())

        return act

    return opened


def _place(work: Path) -> Read:
    """Return what names pictures by a place in a folder; whatever lies outside is not asked for."""
    place = _pictures(work)
    (place / "table.csv").write_bytes(_CSV)

    def act(content: bytes) -> object:
        from mtl.exports.named_images import Naming, named_images

        text = os.fsdecode(content).replace("\0", "").replace("..", "").lstrip("/")
        return named_images([place / text], Naming())

    return act


def _cells() -> Any:
    from hypothesis import strategies as st

    words = [
        "a.png",
        "b/c.png",
        "b\\c.png",
        "../a.png",
        "red",
        "yes",
        "no",
        "train",
        "test",
        "nan",
        "1,5",
        "",
    ]
    return st.one_of(
        st.sampled_from(words),
        st.text(max_size=8),
        st.integers().map(str),
        st.floats().map(str),
        st.text(max_size=4).map(lambda text: f'"{text}"'),
        st.sampled_from(["a" * 300 + ".png", "b\\" + "a" * 300 + ".png"]),
    )


def _rows() -> Any:
    """Return a strategy of tables with marks, ends of lines and encodings of all kinds."""
    from hypothesis import strategies as st

    heads = st.lists(
        st.one_of(st.sampled_from(["file", "file_name", "split", "kind", "patient id"]), _cells()), max_size=5
    )
    marks, ends = st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(["\n", "\r\n", "\r", "\n\n"])

    @st.composite
    def table(draw: Any) -> bytes:
        head, mark, end = draw(heads), draw(marks), draw(ends)
        width = len(head) + draw(st.sampled_from([0, 0, 0, 0, 0, 1]))
        rows = draw(st.lists(st.lists(_cells(), min_size=width, max_size=width), max_size=12))
        if draw(st.booleans()):  # cells in which marks are what they are
            rows = [[cell.replace('"', "").replace(mark, "") for cell in row] for row in rows]
        text = end.join(mark.join(row) for row in [head, *rows])
        encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32"]))
        content: bytes = text.encode(encoding, "surrogatepass")
        return content

    return table()


def _objects() -> Any:
    from hypothesis import strategies as st

    leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _cells())
    values = st.one_of(leaves, st.lists(leaves, max_size=2), st.dictionaries(_cells(), leaves, max_size=2))
    keys = st.one_of(st.sampled_from(["file_name", "kind", "n"]), st.text(max_size=5))
    records = st.lists(st.dictionaries(keys, values, max_size=4), max_size=6)
    return records.map(lambda found: "\n".join(map(json.dumps, found)).encode())


def _encodings() -> Any:
    from encodings.aliases import aliases

    from hypothesis import strategies as st

    known = sorted(
        {*aliases, *aliases.values(), "idna", "punycode", "unicode_escape", "undefined", "utf-8-sig"}
    )
    names = st.one_of(st.sampled_from(known), st.text(max_size=8))
    pairs = st.tuples(names, st.one_of(_rows(), st.binary(max_size=60)))
    return pairs.map(
        lambda pair: pair[0].replace("\0", "").encode("utf-8", "surrogatepass") + b"\0" + pair[1]
    )


def _patterns() -> Any:
    from hypothesis import strategies as st

    parts = st.one_of(
        st.sampled_from(["*", "**", "?", "[", "]", "!", "a", ".png", ".csv", "b", "/", "a" * 300]),
        st.text(max_size=3),
    )
    return st.lists(parts, max_size=6).map(lambda found: "".join(found).encode("utf-8", "surrogatepass"))
