"""The hooks of mtl-shards: records only."""

from mtl import Component, hookimpl

mtl_api = 1


@hookimpl
def mtl_components() -> list[Component]:
    return [Component("dataset", "shards", "Tar files of pictures and labels", "mtl_shards.dataset:Shards")]
