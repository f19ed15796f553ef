"""The hooks of mtl-timm-extras: records only."""

from mtl import Component, hookimpl

mtl_api = 1


@hookimpl
def mtl_components() -> list[Component]:
    return [
        Component(
            "encoder",
            "timm-pooled",
            "A network of timm, pooled in another way",
            "mtl_timm_extras.pooled:TimmPooled",
        )
    ]
