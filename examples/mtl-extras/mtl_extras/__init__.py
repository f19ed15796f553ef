"""The hooks of mtl-extras: a sharing scheme, a balancer, an exporter and a command."""

from typing import Any

from mtl import Component, hookimpl

mtl_api = 1


@hookimpl
def mtl_sharings() -> list[Component]:
    return [
        Component(
            "sharing",
            "late-split",
            "The first stages are shared, the rest per task",
            "mtl_extras.late_split:LateSplit",
        )
    ]


@hookimpl
def mtl_balancers() -> list[Component]:
    return [
        Component(
            "balancer",
            "inverse-loss",
            "Small losses weigh more, so that all tasks pull alike",
            "mtl_extras.inverse_loss:InverseLoss",
        )
    ]


@hookimpl
def mtl_exporters() -> list[Component]:
    return [
        Component(
            "exporter",
            "safetensors-weights",
            "The weights alone, for a program that has the model",
            "mtl_extras.safetensors_weights:SafetensorsWeights",
        )
    ]


@hookimpl
def mtl_commands(cli: Any) -> None:
    cli.add_lazy("sizes", "mtl_extras.sizes_command:sizes", "Count a run's parameters, part by part.")
