"""The hooks of mtl-extras: a sharing scheme, a balancer, an exporter and a command."""

from typing import Any

from mtl import Component, hookimpl

mtl_api = 1


@hookimpl
def mtl_components() -> list[Component]:
    return [
        Component(
            "sharing",
            "late-split",
            "The first stages are shared, the rest per task",
            "mtl_extras.late_split:LateSplit",
        ),
        Component(
            "balancer",
            "inverse-loss",
            "Small losses weigh more, so that all tasks pull alike",
            "mtl_extras.inverse_loss:InverseLoss",
        ),
        Component(
            "exporter",
            "safetensors-weights",
            "The weights alone, for a program that has the model",
            "mtl_extras.safetensors_weights:SafetensorsWeights",
        ),
    ]


@hookimpl
def mtl_commands(cli: Any) -> None:
    cli.add_lazy("sizes", "mtl_extras.sizes_command:sizes", "Count a run's parameters, part by part.")
