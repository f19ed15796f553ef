"""The hooks of mtl-angles: records only."""

from mtl import Component, hookimpl

mtl_api = 1


@hookimpl
def mtl_components() -> list[Component]:
    return [
        Component("form", "angle", "A direction in the image", "mtl_angles.form:Angle"),
        Component("loss", "half-chord", "Half the squared distance of vectors", "mtl_angles.parts:HalfChord"),
        Component("metric", "mean-angle", "Mean error the short way round", "mtl_angles.parts:MeanAngle"),
        Component("task", "direction", "Where the needle points", "mtl_angles.needles:Direction"),
        Component("dataset", "needles", "Small images of one needle", "mtl_angles.needles:Needles"),
    ]
