"""Checks of modules alone: forms, batches, devices, and their state."""

from __future__ import annotations

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from ..base.errors import described
from .checks import CheckFailed, check, require
from .specimens import Specimen, moved, rows, specimens
from .subjects import Subject

MODULES = ("encoder", "head", "sharing", "loss")
_BATCH = 4
_PLACES = 2
"""In how many places the behaviour, as against the forms, is checked."""


@check("encoder", "head", "sharing")
def check_output_matches_its_spec(subject: Subject) -> None:
    """The outputs have the declared forms, for every image and answer that is accepted."""
    for specimen in specimens(subject):
        module = specimen.module().eval()
        _check_stages(subject, module)
        with torch.no_grad():
            outputs = specimen.run(module, specimen.draw(_BATCH))
        expected = [[_BATCH, *shape] for shape in specimen.shapes(module)]
        got = [list(output.shape) for output in outputs]
        require(
            got == expected,
            f"outputs {expected} {specimen.place}",
            got,
            "declare what the layers give: `feature_specs` of an encoder, `target.output_shape` of a head",
        )
        require(
            all(output.dtype == torch.float32 and bool(output.isfinite().all()) for output in outputs),
            f"finite float32 outputs {specimen.place}",
            ", ".join(str(output.dtype) for output in outputs),
            "return float32, and divide by nothing that may be 0",
        )


@check(*MODULES)
def check_a_batch_does_not_change_its_samples(subject: Subject) -> None:
    """In evaluation mode a sample's result does not depend on the rest of its batch."""
    for specimen in specimens(subject, _PLACES):
        module = specimen.module().eval()
        arguments = specimen.draw(_BATCH)
        with torch.no_grad():
            together = specimen.run(module, arguments)
            alone = [specimen.run(module, rows(arguments, slice(i, i + 1))) for i in range(_BATCH)]
        for index, output in enumerate(together):
            parts = torch.cat([part[index] for part in alone])
            require(
                parts.shape == output.shape and torch.allclose(parts, output, rtol=1e-3, atol=1e-4),
                f"the same results one by one {specimen.place}",
                f"a difference of {_difference(parts, output)} in output {index}",
                "in evaluation mode use no statistics of the batch; return one row per sample",
            )


@check(*MODULES)
def check_state_survives_safetensors(subject: Subject) -> None:
    """The state, saved and loaded without pickle, gives a new module the same results."""
    for specimen in specimens(subject, _PLACES):
        module = specimen.module(seed=0)
        arguments = specimen.draw(_BATCH)
        with torch.no_grad():
            specimen.run(module.train(), arguments)  # running statistics are state, too
        fresh = specimen.module(seed=1)
        state = {name: value.detach().contiguous() for name, value in module.state_dict().items()}
        fresh.load_state_dict(load_tensors(save_tensors(state)))
        with torch.no_grad():
            before = specimen.run(module.eval(), arguments)
            after = specimen.run(fresh.eval(), arguments)
        require(
            all(map(torch.equal, before, after)),
            f"the same results from a new module with the saved state {specimen.place}",
            f"a difference of {max(map(_difference, before, after), key=float)}",
            "keep all that training changes in parameters and buffers; draw nothing in evaluation mode",
        )


@check(*MODULES)
def check_moves_to_another_type_and_device(subject: Subject) -> None:
    """It works in float64, without data on the meta device, and on CUDA where there is one."""
    for specimen in specimens(subject, _PLACES):
        module = specimen.module().eval()
        arguments = specimen.draw(_BATCH)
        with torch.no_grad():
            here = specimen.run(module, arguments)
            double = _run_moved(specimen, module, arguments, torch.float64)
            require(
                all(output.dtype == torch.float64 for output in double),
                f"float64 outputs from a float64 module {specimen.place}",
                ", ".join(str(output.dtype) for output in double),
                "create tensors with the dtype of the input or of a parameter",
            )
            require(
                all(map(_close, here, double)),
                f"the same numbers in float64 {specimen.place}",
                f"a difference of {max(map(_difference, here, double), key=float)}",
                "create tensors with the dtype of the input or of a parameter",
            )
            devices = [torch.device("meta")] + [torch.device("cuda")] * torch.cuda.is_available()
            for device in devices:
                outputs = _run_moved(specimen, specimen.module().eval(), arguments, device)
                require(
                    [output.shape for output in outputs] == [output.shape for output in here]
                    and all(output.device.type == device.type for output in outputs),
                    f"outputs on {device.type} {specimen.place}",
                    ", ".join(f"{list(output.shape)} on {output.device}" for output in outputs),
                    "create tensors on the device of the input",
                )


def _run_moved(
    specimen: Specimen, module: nn.Module, arguments: object, target: torch.dtype | torch.device
) -> tuple[Tensor, ...]:
    try:
        return specimen.run(module.to(target), moved(arguments, target))
    except (RuntimeError, NotImplementedError, TypeError) as error:
        raise CheckFailed(
            f"it to work after `.to({str(target)!r})` {specimen.place}",
            described(error),
            "register tensors as buffers, create others on the device and with the dtype of the input, and "
            "read no values back from the device",
        ) from error


def _check_stages(subject: Subject, module: nn.Module) -> None:
    if subject.kind != "encoder":
        return
    stages, specs = getattr(module, "stages", None), getattr(module, "feature_specs", None)
    if not isinstance(stages, nn.Sequential) or specs is None:
        raise CheckFailed(
            "`stages`, an nn.Sequential, and `feature_specs`",
            f"stages: {type(stages).__name__}, feature_specs: {specs!r}",
            "set both in the constructor",
        )
    require(
        len(stages) == len(specs) > 0,
        "one feature spec per stage",
        f"{len(stages)} stages and {len(specs)} specs",
        "declare the form of every stage's output in `feature_specs`",
    )


def _close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one.double(), other.double(), rtol=1e-3, atol=1e-4)


def _difference(one: Tensor, other: Tensor) -> str:
    if one.shape != other.shape:
        return "inf"
    return f"{(one.double() - other.double()).abs().max().item():.3g}"
