"""The body of an inference request and of its answer: JSON, with tensors inside or as bytes behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ..metadata import IMAGE
from .pictures import pictures_from_bytes, pictures_from_json, type_of
from .refusal import Refusal
from .served_model import VERSION, ServedModel
from .tensors import TensorForm, from_bytes, from_json

Bytes = bytes | memoryview
"""A part of an answer's body; a view is of memory that nobody writes to any more."""

BYTES = "BYTES"
"""The datatype of a tensor whose elements are files."""

_LONGEST = 256
"""Characters of an `id` that is sent back."""


@dataclass(frozen=True)
class InferRequest:
    """What a client asks: inputs that fit the model, and which outputs it wants, each as bytes or not.

    `pictures` are files that are still to be decoded: the input `image`, which `feed` does not have then.
    """

    feed: Mapping[str, NDArray[Any]]
    outputs: Mapping[str, bool]
    id: str | None
    pictures: Sequence[bytes] = ()


def read_request(body: bytes, header: int | None, model: ServedModel) -> InferRequest:
    """Return the request in a body whose JSON ends after `header` bytes (None: with the body).

    Raises `Refusal` with status 400 for whatever does not fit the protocol or the model.
    """
    if not body:
        raise Refusal("the body is empty; a JSON object is needed")
    length = len(body) if header is None else header
    if not 0 < length <= len(body):
        raise Refusal(f"the JSON header of {length} bytes does not fit a body of {len(body)} bytes")
    document = _parse(memoryview(body)[:length])
    tail = _Tail(memoryview(body)[length:])
    feed, pictures = _inputs(document.get("inputs"), tail, model)
    if tail.left:
        raise Refusal(f"{tail.left} bytes behind the JSON header belong to no input")
    return InferRequest(feed, _outputs(document, model), _id(document), pictures)


def read_picture_request(body: bytes, model: ServedModel) -> InferRequest:
    """Return the request of a body that is a picture file; all outputs are wanted, as JSON.

    Raises `Refusal` when the model reads no pictures, or something beside them.
    """
    if not body:
        raise Refusal("the body is empty; a picture is needed")
    if not model.pictured:
        raise Refusal("the model reads no pictures that files can be", 415)
    if beside := [name for name in model.inputs if name != IMAGE]:
        raise Refusal(
            f"the model needs the input {beside[0]!r} too; send the picture beside it, as a BYTES tensor"
        )
    return InferRequest({}, dict.fromkeys(model.outputs, False), None, (body,))


def write_answer(
    request: InferRequest, outputs: Mapping[str, NDArray[Any]], model: ServedModel
) -> tuple[list[Bytes], int | None]:
    """Return the parts of the body, and how long its JSON is when bytes follow."""
    tensors = []
    parts: list[Bytes] = []
    for name, binary in request.outputs.items():
        values = np.ascontiguousarray(outputs[name], dtype="<f4")
        tensor: dict[str, Any] = {"name": name, "datatype": "FP32", "shape": values.shape}
        if binary:
            tensor["parameters"] = {"binary_data_size": values.nbytes}
            parts.append(values.data.cast("B"))
        elif not np.isfinite(values).all():
            raise Refusal(f"output {name!r} is not finite, which JSON cannot say; ask for binary data", 500)
        else:
            tensor["data"] = values.ravel()
        tensors.append(tensor)
    document = {"model_name": model.name, "model_version": VERSION, "outputs": tensors}
    if request.id is not None:
        document["id"] = request.id
    text = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    return [text, *parts], len(text) if parts else None


class _Tail:
    """The bytes behind the JSON, taken from the front."""

    def __init__(self, data: memoryview) -> None:
        self._data = data

    @property
    def left(self) -> int:
        return len(self._data)

    def take(self, form: TensorForm, size: Any) -> memoryview:
        if type(size) is not int or not 0 <= size <= self.left:
            raise Refusal(
                f"input {form.name!r}: binary_data_size is no number of the {self.left} bytes that are left"
            )
        taken, self._data = self._data[:size], self._data[size:]
        return taken


def _parse(text: memoryview) -> dict[str, Any]:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refusal(f"the body is not JSON: {_no_json(text, error)}") from None
    if not isinstance(document, dict):
        raise Refusal("the body must be a JSON object")
    return document


def _no_json(text: memoryview, error: orjson.JSONDecodeError) -> str:
    if kind := type_of(text):
        return (
            f"it is a picture; say so with the header Content-Type: {kind} (curl: -H 'Content-Type: {kind}')"
        )
    try:
        text.tobytes().decode()
    except UnicodeDecodeError as undecodable:
        return f"it is no text (UTF-8) from byte {undecodable.start + 1} on"
    return str(error)[:200]


def _inputs(tensors: Any, tail: _Tail, model: ServedModel) -> tuple[dict[str, NDArray[Any]], Sequence[bytes]]:
    feed: dict[str, NDArray[Any]] = {}
    pictures: Sequence[bytes] = ()
    batches: dict[str, int] = {}
    for tensor in _objects("inputs", tensors):
        form = _known("input", tensor.get("name"), model.inputs)
        if form.name in batches:
            raise Refusal(f"input {form.name!r} is given twice")
        if form.name == IMAGE and model.pictured and tensor.get("datatype") == BYTES:
            pictures = _pictures(form, tensor, tail)
            batches[form.name] = len(pictures)
        else:
            feed[form.name] = _values(form, tensor, tail)
            batches[form.name] = len(feed[form.name])
    if missing := [name for name in model.inputs if name not in batches]:
        raise Refusal(f"the model needs the input {missing[0]!r}")
    if len(set(batches.values())) > 1:
        raise Refusal(f"the batches of the inputs differ: {batches}")
    # onnxruntime takes inputs by name; joining batches takes them in one order.
    return {name: feed[name] for name in model.inputs if name in feed}, pictures


def _pictures(form: TensorForm, tensor: Mapping[str, Any], tail: _Tail) -> Sequence[bytes]:
    """Return the files of a BYTES tensor `[N]` or `[N, 1]`."""
    shape = tensor.get("shape")
    named = isinstance(shape, list) and len(shape) in (1, 2) and all(type(size) is int for size in shape)
    if not isinstance(shape, list) or not named or shape[1:] not in ([], [1]) or shape[0] < 1:
        raise Refusal(f"input {form.name!r}: pictures as {BYTES} have shape [B], at least [1]")
    data = _data(form, tensor, tail)
    read = pictures_from_bytes if isinstance(data, memoryview) else pictures_from_json
    return read(form.name, shape[0], data)


def _values(form: TensorForm, tensor: Mapping[str, Any], tail: _Tail) -> NDArray[Any]:
    if tensor.get("datatype") != form.datatype:
        raise Refusal(
            f"input {form.name!r} has datatype {_shown(tensor.get('datatype'))}; "
            f"the model reads {form.datatype}"
        )
    shape = form.check_shape(tensor.get("shape"))
    data = _data(form, tensor, tail)
    read = from_bytes if isinstance(data, memoryview) else from_json
    values = read(form, shape, data)
    form.check_values(values)
    return values


def _data(form: TensorForm, tensor: Mapping[str, Any], tail: _Tail) -> Any:
    """Return the data of an input: a view of its bytes behind the JSON, or what the JSON says."""
    parameters = _parameters(f"input {form.name!r}", tensor)
    if "binary_data_size" in parameters:
        if "data" in tensor:
            raise Refusal(f"input {form.name!r} has both data and binary_data_size")
        return tail.take(form, parameters["binary_data_size"])
    if "data" not in tensor:
        raise Refusal(f"input {form.name!r} has neither data nor binary_data_size")
    return tensor["data"]


def _outputs(document: Mapping[str, Any], model: ServedModel) -> dict[str, bool]:
    binary = _parameters("the request", document).get("binary_data_output", False) is True
    wanted = document.get("outputs")
    # Absent means all of them; so does an empty list, which some clients send.
    if wanted is None or wanted == []:
        return dict.fromkeys(model.outputs, binary)
    found: dict[str, bool] = {}
    for tensor in _objects("outputs", wanted):
        form = _known("output", tensor.get("name"), model.outputs)
        if form.name in found:
            raise Refusal(f"output {form.name!r} is asked for twice")
        parameters = _parameters(f"output {form.name!r}", tensor)
        if "classification" in parameters:
            raise Refusal(f"output {form.name!r}: the extension classification is not offered")
        found[form.name] = parameters.get("binary_data", binary) is True
    return found


def _objects(what: str, items: Any) -> Sequence[Mapping[str, Any]]:
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise Refusal(f"{what} must be a list of at least one JSON object")
    return items


def _parameters(what: str, holder: Mapping[str, Any]) -> Mapping[str, Any]:
    parameters = holder.get("parameters", {})
    if not isinstance(parameters, dict):
        raise Refusal(f"{what}: parameters must be a JSON object")
    if shared := [name for name in parameters if name.startswith("shared_memory")]:
        raise Refusal(f"{what}: the extension of {shared[0]} is not offered")
    return parameters


def _known(role: str, name: Any, forms: Mapping[str, TensorForm]) -> TensorForm:
    if not isinstance(name, str) or name not in forms:
        raise Refusal(f"the model has no {role} {_shown(name)}; it has {', '.join(forms)}")
    return forms[name]


def _id(document: Mapping[str, Any]) -> str | None:
    given = document.get("id")
    if given is not None and (not isinstance(given, str) or len(given) > _LONGEST):
        raise Refusal(f"id must be a text of at most {_LONGEST} characters")
    return given


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
