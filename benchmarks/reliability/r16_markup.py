"""R16: names of classes that are markup: no page that mtl writes takes them for anything but words."""

from __future__ import annotations

import random
from html.parser import HTMLParser
from pathlib import Path

from .children import Child
from .row import Findings

_NAMES = (
    *(
        "<img src=x onerror=alert(1)>",
        "<script>alert(1)<",
        "'\"&amp;",
        "${x}`",
        "__proto__",
        "constructor",
        "a,b",
    ),
    *("é日本", "%s", " lead", "[red]rich[", "C:\\x*?", "](javascript:alert(1))"),
)
_UNREADABLE = ("x\ny", "a\u2028b", "\x1b[31mred", "a\u202eb", "\x9b31m")
"""Names that may be refused, but never reach a terminal as they are."""
_PARTS = ("<img src=x onerror", "<script>alert(1)<", "](javascript:")
_PAGES = (".html", ".js", ".md", ".json", ".hpp", ".py")


class Markup:
    """One run whose classes have such names, and everything that is exported of it."""

    name = "R16"
    title = "class names that are markup, in the report, the page, the bundle and what the terminal is told"
    promise = "shown as words; no script, no element, no control character of theirs"
    count = 32

    def run(self, count: int, seed: int, work: Path) -> Findings:
        random_numbers = random.Random(seed)
        _write_data(work / "data", _NAMES, random_numbers)
        run = work / "run"
        found = Findings()
        flags = ("--dataset", "image-folder", "--data-dir", work / "data", "--set", "dataset.channels=1")
        done = Child().mtl(
            "compose", *flags, "--tasks", "classify", "--encoder", "mlp", "--epochs", "1", "--out", run
        )
        found.note("compose", "done", broken=done.fault((0,)) or _terminal(done.output))
        if done.status:
            return found
        folders = [run]
        for form in ("web", "bundle", "triton")[: max(0, count - 3)]:
            made = Child().mtl("export", run, "--format", form, "--to", work / form)
            found.note(
                f"export {form}", f"status {made.status}", broken=made.fault((0, 2)) or _terminal(made.output)
            )
            folders.append(work / form)
        for command in (
            ["verify", run],
            ["evaluate", run],
            ["predict", run / "model.onnx", _a_picture(work)],
        ):
            said = Child().mtl(*command)
            found.note(str(command[0]), "done", broken=said.fault((0,)) or _terminal(said.output))
        for folder in folders:
            for page in sorted(folder.rglob("*")):
                if page.suffix in _PAGES and page.stat().st_size < 8 << 20:
                    _look(page, found)
        for index, name in enumerate(_UNREADABLE[: max(0, count - found.trials)]):
            data = work / f"unreadable-{index}"
            _write_data(data, ("a", name), random_numbers)
            words = ("--dataset", "image-folder", "--data-dir", data, "--tasks", "classify", "--dry-run")
            said = Child().mtl("compose", *words)
            broken = said.fault((0, 2)) or _terminal(said.output)
            found.note(f"a class {name!r}", f"status {said.status}", broken=broken)
        return found


class Elements(HTMLParser):
    """Collects what a browser would run, or load from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        running = [name for name in given if name.startswith("on")]
        if running or given.get("src") == "x" or "javascript:" in str(given.get("href")):
            self.found.append(f"<{tag} {' '.join(running)}>")


def _look(page: Path, found: Findings) -> None:
    text = page.read_text("utf-8", "replace")
    broken = None
    if page.suffix == ".html":
        parser = Elements()
        parser.feed(text)
        broken = f"elements {parser.found[:3]}" if parser.found else None
    # Where markup is no HTML, a bracket is what makes a link.
    parts = {".html": _PARTS[:2], ".md": _PARTS}.get(page.suffix, ())
    if not broken and (hits := [part for part in parts if part in text]):
        broken = f"holds {hits[0]!r} as it is"
    found.note(f"{page.parent.name}/{page.name}", "words", broken=broken)


def _terminal(output: str) -> str | None:
    sent = [sign for sign in ("\x1b[31m", "\x9b", "\u202e", "\u2028") if sign in output]
    return f"the terminal is sent {sent[0]!r}" if sent else None


def _a_picture(work: Path) -> Path:
    return next(path for path in sorted((work / "data").rglob("*.png")) if "rich" in str(path))


def _write_data(folder: Path, names: tuple[str, ...], random_numbers: random.Random) -> None:
    from PIL import Image

    for split in ("train", "test"):
        for index, name in enumerate(names):
            (folder / split / name).mkdir(parents=True)
            for number in range(8):
                picture = Image.frombytes("L", (28, 28), random_numbers.randbytes(784))
                picture = picture.point(lambda value, index=index: value // 8 + 12 * index)
                picture.save(folder / split / name / f"{number}.png")


ROW = Markup()
