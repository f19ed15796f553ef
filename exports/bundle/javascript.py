"""JavaScript that runs a bundle's model in Node: onnxruntime-node, whose API onnxruntime-web shares."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ...core.contracts import Bars, Map, Marks, Mask, Picture, Tags
from ..metadata import IMAGE, ModelCard, Output
from .contents import label_files, sample_files
from .pictures import javascript_function, javascript_lines
from .python import image_meaning, input_meaning, meaning


def javascript(card: ModelCard) -> str:
    """Return a program that answers for the first sample as the Python code does."""
    return "\n".join(_lines(card)) + "\n"


def _lines(card: ModelCard) -> Iterator[str]:
    files = sample_files(card.input_names)
    yield from (
        'const fs = require("node:fs");',
        'const ort = require("onnxruntime-node");',
        "",
        "const bytes = (file) => new Uint8Array(fs.readFileSync(file));",
        'const lines = (file) => fs.readFileSync(file, "utf-8").split("\\n");',
        'const show = (...parts) => console.log(parts.join("\\t"));',
        "",
        *javascript_function(card),
        "async function main() {",
        '  const session = await ort.InferenceSession.create("model.onnx");',
    )
    if card.image:
        yield f"  // {image_meaning(card)}"
        yield from javascript_lines(card, files[IMAGE])
        shape = json.dumps([1, *card.image.shape])
        yield f'  const feed = {{ {IMAGE}: new ort.Tensor("{card.pixels}", pixels, {shape}) }};'
    else:
        yield "  const feed = {};"
    for spec in card.inputs:
        yield f"  // {input_meaning(spec)}"
        kind = "BigInt64Array" if spec.dtype == "int64" else "Float32Array"
        values, shape = f'new {kind}(bytes("{files[spec.name]}").buffer)', json.dumps([1, *spec.shape])
        yield f'  feed[{json.dumps(spec.name)}] = new ort.Tensor("{spec.dtype}", {values}, {shape});'
    yield "  const answers = await session.run(feed);"
    for output in card.outputs:
        yield "  {"
        yield from (f"    {line}" for line in _answer(output, label_files(card).get(output.name, "")))
        yield "  }"
    yield from ("}", "", "main();")


def _answer(output: Output, labels: str) -> Iterator[str]:
    name, drawing = json.dumps(output.name), output.target.drawing
    half = "0" if output.raw else "0.5"
    yield f"const scores = Array.from(answers[{name}].data); // {meaning(output)}"
    if isinstance(drawing, Picture):
        yield "const mean = scores.reduce((sum, value) => sum + value, 0) / scores.length;"
        yield f"show({name}, mean.toFixed(4));"
        return
    yield f'const names = lines("{labels}");'
    if isinstance(drawing, Mask):
        yield f"const plane = scores.length / {len(drawing.labels)};"
        yield "const counts = names.map(() => 0);"
        yield "for (let pixel = 0; pixel < plane; pixel++) {"
        yield "  let best = 0; // the class of this pixel"
        yield "  for (let next = 1; next * plane < scores.length; next++)"
        yield "    if (scores[next * plane + pixel] > scores[best * plane + pixel]) best = next;"
        yield "  counts[best]++;"
        yield "}"
        yield "for (let index = 0; index * plane < scores.length; index++)"
        yield f"  show({name}, names[index], (counts[index] / plane).toFixed(4));"
    elif isinstance(drawing, Map):
        yield f"const plane = scores.length / {len(drawing.labels)};"
        yield "for (let index = 0; index * plane < scores.length; index++) {"
        yield "  const values = scores.slice(index * plane, (index + 1) * plane);"
        yield "  const mean = values.reduce((sum, value) => sum + value, 0) / plane;"
        yield f"  show({name}, names[index], mean.toFixed(4));"
        yield "}"
    elif isinstance(drawing, Tags):
        yield "scores.forEach((value, index) => {"
        yield f"  if (value >= {half}) show({name}, names[index], value.toFixed(4));"
        yield "});"
    elif isinstance(drawing, Marks):
        yield "names.slice(0, -1).forEach((label, index) => {"
        yield "  const place = scores.slice(3 * index, 3 * index + 3).map((value) => value.toFixed(4));"
        yield f"  show({name}, label, ...place);"
        yield "});"
    elif isinstance(drawing, Bars) and not drawing.single:
        yield "const best = scores.indexOf(Math.max(...scores));"
        yield f"show({name}, names[best], scores[best].toFixed(4));"
    elif isinstance(drawing, Bars):
        yield f"show({name}, names[Number(scores[0] >= {half})], scores[0].toFixed(4));"
    else:
        yield f"scores.forEach((value, index) => show({name}, names[index], value.toFixed(4)));"
