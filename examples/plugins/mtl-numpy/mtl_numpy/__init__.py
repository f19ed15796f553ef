"""The hooks of mtl-numpy: records only."""

from mtl import Component, hookimpl

mtl_api = 1


@hookimpl
def mtl_components() -> list[Component]:
    return [
        Component(
            "exporter",
            "numpy-source",
            "A Python file that needs NumPy alone",
            "mtl_numpy.exporter:NumpySource",
        )
    ]
