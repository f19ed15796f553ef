"""The code in a bundle that reads picture files: that of training and of prediction, and that of the page."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from ...core.data import picture_pixels
from ..metadata import PREPARATION, ModelCard
from ..web import runtime

PYTHON, JAVASCRIPT, ORIENTATION = "pictures.py", "preparation.mjs", "exif.mjs"


def reads_files(card: ModelCard) -> bool:
    """Whether a model's card says how a picture file becomes its image."""
    return bool(card.image) and PREPARATION in card.metadata and card.preparation.readable


def write_code(card: ModelCard, folder: Path) -> None:
    """Write the code, where files can be read."""
    if not reads_files(card):
        return
    assets = files(runtime.__package__).joinpath("assets")
    (folder / PYTHON).write_bytes(Path(picture_pixels.__file__).read_bytes())
    (folder / JAVASCRIPT).write_bytes(assets.joinpath("preparation.js").read_bytes())
    (folder / ORIENTATION).write_bytes(assets.joinpath("exif.js").read_bytes())


def python_lines(card: ModelCard, sample: str) -> Iterator[str]:
    """Yield lines that set `image` to a picture named on the command line, or else to the first sample."""
    kind = "<f4" if card.pixels == "float32" else "u1"
    scaled = " / np.float32(255)" if card.pixels == "float32" else ""
    if not reads_files(card):
        yield f'image = np.fromfile("{sample}", "{kind}")'
        return
    yield from (
        "if len(sys.argv) > 1:  # a picture file; pip install pillow",
        "    from pictures import prepared",
        "",
        '    preparation = json.loads(Path("mtl.json").read_text(encoding="utf-8"))["model"]["preparation"]',
        f"    image = prepared(Path(sys.argv[1]).read_bytes(), preparation){scaled}",
        "else:",
        f'    image = np.fromfile("{sample}", "{kind}")',
    )


def javascript_lines(card: ModelCard, sample: str) -> Iterator[str]:
    """Yield lines that set `pixels` likewise."""
    floats = f'new Float32Array(bytes("{sample}").buffer)'
    first = floats if card.pixels == "float32" else f'bytes("{sample}")'
    if not reads_files(card):
        yield f"  const pixels = {first};"
        return
    yield f"  const pixels = process.argv[2] ? await picture(process.argv[2]) : {first};"


def javascript_function(card: ModelCard) -> Iterator[str]:
    """Yield a function that reads a picture file as training did; nothing where files cannot be read."""
    if not reads_files(card):
        return
    yield from (
        "// A picture file as the model reads it; npm install sharp, which decodes it.",
        "async function picture(file) {",
        '  const own = (name) => import(require("node:url").pathToFileURL(name).href);',
        f'  const {{ prepared }} = await own("{JAVASCRIPT}");',
        f'  const {{ upright, withoutExif }} = await own("{ORIENTATION}");',
        '  const { preparation } = JSON.parse(fs.readFileSync("mtl.json", "utf-8")).model;',
        '  const opened = require("sharp")(file).toColourspace("srgb").ensureAlpha().raw();',
        "  const { data, info } = await opened.toBuffer({ resolveWithObject: true });",
        "  const stored = { data: new Uint8ClampedArray(data), width: info.width, height: info.height };",
        '  const turned = preparation.orientation === "exif" ? withoutExif(bytes(file)).orientation : 1;',
        "  return prepared(upright(stored, turned), preparation);",
        "}",
        "",
    )
