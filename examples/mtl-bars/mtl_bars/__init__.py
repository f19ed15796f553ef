"""The hooks of mtl-bars: records only, so that no command waits for torch because of this package."""

from mtl import Component, hookimpl

mtl_api = 1


@hookimpl
def mtl_components() -> list[Component]:
    return [
        Component("dataset", "bars", "Small images of one bright bar", "mtl_bars.components:Bars"),
        Component("encoder", "tiny-cnn", "A convolution and a layer", "mtl_bars.components:TinyCNN"),
        Component("task", "bar-position", "Where the bar is", "mtl_bars.components:BarPosition"),
        Component("head", "bounded", "Values kept in a range", "mtl_bars.components:Bounded"),
        Component("loss", "huber", "Huber's loss of values", "mtl_bars.components:Huber"),
    ]
