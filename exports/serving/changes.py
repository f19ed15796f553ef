"""Whether a new file of a model answers those who knew the old one."""

from __future__ import annotations

from .served_model import ServedModel


def change(old: ServedModel, new: ServedModel) -> str | None:
    """Return why clients of the old model would misread the new one, None when they would not.

    The inputs must be the same; every old output must be there, in its form, with its labels and units. More
    outputs do no harm.
    """
    if list(old.inputs) != list(new.inputs):
        return f"its inputs are {', '.join(new.inputs)}, and were {', '.join(old.inputs)}"
    for name, form in old.inputs.items():
        if new.inputs[name] != form:
            return f"its input {name!r} has another type, shape, range or columns than before"
    if gone := [name for name in old.outputs if name not in new.outputs]:
        return f"it has no output {gone[0]!r} any more"
    for name in old.outputs:
        if old.outputs[name] != new.outputs[name] or old.meaning(name) != new.meaning(name):
            return f"its output {name!r} has another shape, other labels or units than before"
    return None
