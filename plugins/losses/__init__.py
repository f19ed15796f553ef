"""Built-in losses, one per file."""

from ...core.contracts.records import Component

COMPONENTS: tuple[Component, ...] = (
    Component(
        "loss",
        "cross-entropy",
        "Cross-entropy of the right class",
        "mtl.plugins.losses.cross_entropy:CrossEntropy",
    ),
    Component(
        "loss",
        "pixel-cross-entropy",
        "Cross-entropy of the right class at every labelled pixel",
        "mtl.plugins.losses.pixel_cross_entropy:PixelCrossEntropy",
    ),
    Component(
        "loss",
        "bce",
        "Binary cross-entropy, for yes or no and for pixel logits",
        "mtl.plugins.losses.binary_cross_entropy:BinaryCrossEntropy",
    ),
    Component(
        "loss",
        "focal",
        "Cross-entropy in which sure right answers count less",
        "mtl.plugins.losses.focal:Focal",
    ),
    Component(
        "loss",
        "attribute-bce",
        "Binary cross-entropy of the attributes that are known",
        "mtl.plugins.losses.attribute_bce:AttributeBinaryCrossEntropy",
    ),
    Component(
        "loss",
        "cumulative",
        "Cross-entropy of being above each class, for classes in order",
        "mtl.plugins.losses.cumulative:Cumulative",
    ),
    Component(
        "loss",
        "mse",
        "Mean squared error of pixels or values",
        "mtl.plugins.losses.mean_squared_error:MeanSquaredError",
    ),
    Component(
        "loss",
        "l1",
        "Mean absolute error of pixels or values",
        "mtl.plugins.losses.mean_absolute_error:MeanAbsoluteError",
    ),
    # A task's values keep their units; bounded gradients keep a task in large units from drowning the others.
    Component(
        "loss",
        "smooth-l1",
        "Squared error near zero, absolute error beyond",
        "mtl.plugins.losses.smooth_l1:SmoothL1",
    ),
    Component(
        "loss",
        "points",
        "How far visible points are off, and which are visible",
        "mtl.plugins.losses.points:PointsLoss",
    ),
)
