"""Built-in heads, one per file."""

from ...core.contracts.records import Component

COMPONENTS: tuple[Component, ...] = (
    Component(
        "head",
        "linear",
        "One linear layer",
        "mtl.plugins.heads.linear:Linear",
    ),
    Component(
        "head",
        "cumulative",
        "One score and thresholds in order, for classes in order",
        "mtl.plugins.heads.cumulative:Cumulative",
    ),
    Component("head", "mlp", "Hidden layers, then a linear one", "mtl.plugins.heads.mlp:MLPHead"),
    Component(
        "head",
        "decoder",
        "Convolutional decoder: an image or map from all stages, or from the last",
        "mtl.plugins.heads.decoder:Decoder",
    ),
    Component(
        "head",
        "dense-decoder",
        "Fully connected decoder: an image or map from the last stage",
        "mtl.plugins.heads.dense_decoder:DenseDecoder",
    ),
    Component(
        "head",
        "soft-argmax",
        "Points, as the mean places of maps of where they may be",
        "mtl.plugins.heads.soft_argmax:SoftArgmax",
    ),
    Component(
        "head",
        "fusion",
        "Hidden layers on the features beside the task's extra inputs",
        "mtl.plugins.heads.fusion:Fusion",
        default_for=("inputs",),
    ),
    Component(
        "head",
        "kind-counts",
        "Classes such as 'a 3 + b 7', from how many there are of each kind",
        "mtl.plugins.heads.kind_counts:KindCounts",
    ),
)
