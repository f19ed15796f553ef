"""Makes the layers of a model as narrow as weights that are to be loaded into it: those of a pruned model."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from ..base.errors import UsageError

CONVOLUTIONS = (
    *(nn.Conv1d, nn.Conv2d, nn.Conv3d),
    *(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
)
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def narrow(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Cut the parameters and buffers of a model to the shapes of those of the same names in `weights`.

    What is left holds the first channels: it is for weights to be loaded into. Parameters stay the objects
    they are. Raises `UsageError`, naming the first, for a shape that is none of a narrower layer.
    """
    for path, module in model.named_modules():
        own = (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False))
        changed = False
        for key, tensor in own:
            wanted = weights.get(f"{path}.{key}" if path else key)
            if wanted is None or wanted.shape == tensor.shape:
                continue
            if wanted.dim() != tensor.dim() or any(
                not 0 < new <= old for new, old in zip(wanted.shape, tensor.shape, strict=True)
            ):
                raise UsageError(
                    f"{path}.{key} is {list(wanted.shape)} in the weights and {list(tensor.shape)} in the "
                    "model: that is no narrower layer",
                    hint="was the recipe changed since the model was pruned?",
                )
            tensor.data = tensor.data[tuple(slice(0, size) for size in wanted.shape)].clone()
            changed = True
        if changed:
            _restate(module)


def _restate(module: nn.Module) -> None:
    """Let a layer say the widths that its weights have."""
    if isinstance(module, CONVOLUTIONS):
        out, inside = module.weight.shape[:2]
        if module.transposed:
            out, inside = inside, out
        if module.groups > 1 and module.groups == module.in_channels:  # one channel each
            module.groups = module.weight.shape[0] // (module.out_channels // module.groups)
        if module.transposed:
            module.in_channels, module.out_channels = inside, out * module.groups
        else:
            module.in_channels, module.out_channels = inside * module.groups, out
    elif isinstance(module, nn.Linear):
        module.out_features, module.in_features = module.weight.shape
    elif isinstance(module, BATCH_NORMS) and module.weight is not None:
        module.num_features = len(module.weight)
    elif isinstance(module, nn.LayerNorm) and module.weight is not None:
        module.normalized_shape = tuple(module.weight.shape)
    elif isinstance(module, nn.GroupNorm) and module.weight is not None:
        module.num_channels = len(module.weight)
