"""Built-in tasks, one per file."""

from ...core.contracts.records import Component

COMPONENTS: tuple[Component, ...] = (
    Component(
        "task", "classify", "Which class", "mtl.plugins.tasks.classify:Classify", default_for=("recipe",)
    ),
    Component("task", "regress", "Which number or numbers", "mtl.plugins.tasks.regress:Regress"),
    Component("task", "rank", "Which of several classes in order", "mtl.plugins.tasks.rank:Rank"),
    Component("task", "attributes", "Which attributes hold", "mtl.plugins.tasks.attributes:Attributes"),
    Component("task", "segment", "Which class at every pixel", "mtl.plugins.tasks.segment:Segment"),
    Component(
        "task", "depth", "Which depth, or other quantity, at every pixel", "mtl.plugins.tasks.depth:Depth"
    ),
    Component("task", "keypoints", "Where named points are", "mtl.plugins.tasks.keypoints:Keypoints"),
    Component("task", "parity", "Even or odd", "mtl.plugins.tasks.parity:Parity"),
    Component(
        "task", "multiple-of", "Multiple of a number or not", "mtl.plugins.tasks.multiple_of:MultipleOf"
    ),
    Component("task", "even", "Even or not: `parity` by another name", "mtl.plugins.tasks.parity:Parity"),
    Component("task", "third", "Multiple of three or not, 0 not", "mtl.plugins.tasks.third:Third"),
    Component("task", "label-group", "Which group of classes", "mtl.plugins.tasks.label_group:LabelGroup"),
    Component("task", "rotation", "How far the image was turned", "mtl.plugins.tasks.rotation:Rotation"),
    Component("task", "denoise", "The clean image from a noisy one", "mtl.plugins.tasks.denoise:Denoise"),
    Component(
        "task",
        "autoencode",
        "The image again, through a narrow latent vector",
        "mtl.plugins.tasks.autoencode:Autoencode",
    ),
    Component(
        "task",
        "shape-class",
        "Which two kinds of shapes and how many of each",
        "mtl.plugins.tasks.shape_class:ShapeClass",
    ),
    Component(
        "task", "shape-count", "How many of each kind of shape", "mtl.plugins.tasks.shape_count:ShapeCount"
    ),
    Component(
        "task",
        "random-sum",
        "The number shown plus a random number given as input",
        "mtl.plugins.tasks.random_sum:RandomSum",
    ),
)
