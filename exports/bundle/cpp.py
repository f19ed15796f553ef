"""C++ that runs a bundle's model: onnxruntime's C++ API and the standard library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import prod

from ...core.contracts import Bars, Map, Marks, Mask, Picture, Tags
from ..metadata import IMAGE, ModelCard, Output
from .contents import label_files, sample_files
from .python import image_meaning, input_meaning, meaning

_HEAD = """\
#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <numeric>
#include <string>
#include <vector>

template <typename T>
std::vector<T> load(const char* file) {
  std::ifstream stream(file, std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(stream)), {});
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

std::vector<std::string> lines(const char* file) {
  std::ifstream stream(file);
  std::vector<std::string> found;
  for (std::string line; std::getline(stream, line);) found.push_back(line);
  return found;
}

int main() {
  Ort::Env env;
  Ort::Session session(env, ORT_TSTR("model.onnx"), Ort::SessionOptions{});
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  std::vector<Ort::Value> inputs;"""


def cpp(card: ModelCard) -> str:
    """Return a program that answers for the first sample as the Python code does."""
    return "\n".join(_lines(card)) + "\n"


def _lines(card: ModelCard) -> Iterator[str]:
    files = sample_files(card.input_names)
    kind = "float" if card.pixels == "float32" else "uint8_t"
    yield _HEAD
    if card.image:
        yield f"  // {image_meaning(card)}"
        yield from _input(0, kind, files[IMAGE], (1, *card.image.shape))
    for index, spec in enumerate(card.inputs, 1 if card.image else 0):
        yield f"  // {input_meaning(spec)}"
        number = "int64_t" if spec.dtype == "int64" else "float"
        yield from _input(index, number, files[spec.name], (1, *spec.shape))
    inputs = ", ".join(map(json.dumps, card.input_names))
    outputs = ", ".join(json.dumps(output.name) for output in card.outputs)
    yield from (
        f"  const char* input_names[] = {{{inputs}}};",
        f"  const char* output_names[] = {{{outputs}}};",
        "  const auto answers = session.Run(Ort::RunOptions{nullptr}, input_names, inputs.data(),",
        f"                                   inputs.size(), output_names, {len(card.outputs)});",
        "  std::cout << std::fixed << std::setprecision(4);",
    )
    for index, output in enumerate(card.outputs):
        yield "  {"
        labels = label_files(card).get(output.name, "")
        yield from (f"    {line}" for line in _answer(index, output, labels))
        yield "  }"
    yield "}"


def _input(index: int, kind: str, file: str, shape: tuple[int, ...]) -> Iterator[str]:
    yield f'  auto values_{index} = load<{kind}>("{file}");'
    sizes = ", ".join(map(str, shape))
    yield f"  const std::array<int64_t, {len(shape)}> shape_{index}{{{sizes}}};"
    yield f"  inputs.push_back(Ort::Value::CreateTensor<{kind}>("
    yield f"      memory, values_{index}.data(), values_{index}.size(),"
    yield f"      shape_{index}.data(), shape_{index}.size()));"


def _answer(index: int, output: Output, labels: str) -> Iterator[str]:
    name, drawing = json.dumps(output.name), output.target.drawing
    size, half = prod(output.target.output_shape), "0.0f" if output.raw else "0.5f"
    yield f"const float* scores = answers[{index}].GetTensorData<float>();  // {meaning(output)}"
    if isinstance(drawing, Picture):
        yield f"const float mean = std::accumulate(scores, scores + {size}, 0.0f) / {size};"
        yield f'std::cout << {name} << "\\t" << mean << "\\n";'
        return
    yield f'const auto names = lines("{labels}");'
    if isinstance(drawing, Mask):
        yield from _mask(name, len(drawing.labels), size)
    elif isinstance(drawing, Map):
        plane = size // len(drawing.labels)
        yield f"for (int i = 0; i < {len(drawing.labels)}; ++i) {{"
        yield f"  const float* values = scores + i * {plane};"
        yield f"  const double mean = std::accumulate(values, values + {plane}, 0.0) / {plane};"
        yield f'  std::cout << {name} << "\\t" << names[i] << "\\t" << mean << "\\n";'
        yield "}"
    elif isinstance(drawing, Tags):
        yield f"for (int i = 0; i < {size}; ++i)"
        yield f"  if (scores[i] >= {half})"
        yield f'    std::cout << {name} << "\\t" << names[i] << "\\t" << scores[i] << "\\n";'
    elif isinstance(drawing, Marks):
        yield f"for (int i = 0; i < {size}; ++i) {{"
        yield f'  if (i % 3 == 0) std::cout << {name} << "\\t" << names[i / 3];'
        yield '  std::cout << "\\t" << scores[i] << (i % 3 == 2 ? "\\n" : "");'
        yield "}"
    elif isinstance(drawing, Bars) and not drawing.single:
        yield f"const auto best = std::max_element(scores, scores + {size}) - scores;"
        yield f'std::cout << {name} << "\\t" << names[best] << "\\t" << scores[best] << "\\n";'
    elif isinstance(drawing, Bars):
        yield f'std::cout << {name} << "\\t" << names[scores[0] >= {half}] << "\\t" << scores[0] << "\\n";'
    else:
        yield f"for (int i = 0; i < {size}; ++i)"
        yield f'  std::cout << {name} << "\\t" << names[i] << "\\t" << scores[i] << "\\n";'


def _mask(name: str, classes: int, size: int) -> Iterator[str]:
    plane = size // classes
    yield f"std::array<int, {classes}> counts{{}};"
    yield f"for (int pixel = 0; pixel < {plane}; ++pixel) {{"
    yield "  int best = 0;  // the class of this pixel"
    yield f"  for (int next = 1; next < {classes}; ++next)"
    yield f"    if (scores[next * {plane} + pixel] > scores[best * {plane} + pixel]) best = next;"
    yield "  ++counts[best];"
    yield "}"
    yield f"for (int i = 0; i < {classes}; ++i)"
    yield f'  std::cout << {name} << "\\t" << names[i] << "\\t" << counts[i] / {plane}.0 << "\\n";'
