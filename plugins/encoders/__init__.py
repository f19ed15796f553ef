"""Built-in encoders, one per file."""

from ...core.contracts.records import Component

COMPONENTS: tuple[Component, ...] = (
    Component(
        "encoder",
        "lenet",
        "LeNet-5 for small images",
        "mtl.plugins.encoders.lenet:LeNet",
        default_for=("recipe",),
    ),
    Component(
        "encoder",
        "multi-lenet",
        "The LeNet of the MultiMNIST tables, with dropout",
        "mtl.plugins.encoders.multi_lenet:MultiLeNet",
    ),
    Component(
        "encoder",
        "mlp",
        "Multilayer perceptron on the flattened image or on vectors",
        "mtl.plugins.encoders.mlp:MLP",
    ),
    Component("encoder", "alexnet", "AlexNet for images of 32 x 32", "mtl.plugins.encoders.alexnet:AlexNet"),
    Component(
        "encoder",
        "shapenet",
        "Four convolutions without pooling, for drawings of shapes",
        "mtl.plugins.encoders.shapenet:ShapeNet",
    ),
    Component(
        "encoder",
        "two-input-cnn",
        "Small network that reads a number beside the image",
        "mtl.plugins.encoders.two_input_cnn:TwoInputCNN",
    ),
    Component(
        "encoder",
        "resnet18",
        "ResNet-18 with a stem for small images",
        "mtl.plugins.encoders.resnet18:ResNet18",
    ),
    Component(
        "encoder",
        "small-resnet",
        "Residual network of chosen widths, small enough for a CPU",
        "mtl.plugins.encoders.small_resnet:SmallResNet",
    ),
    Component(
        "encoder",
        "airbench",
        "Whitened pixels and six convolutions: soonest at a good answer on small colour images",
        "mtl.plugins.encoders.airbench:Airbench",
    ),
    Component(
        "encoder",
        "torchvision",
        "A network of torchvision by name, with its weights or from nothing",
        "mtl.plugins.encoders.torchvision:Torchvision",
    ),
    Component(
        "encoder",
        "timm",
        "A network of timm by name, with its weights or from nothing",
        "mtl.plugins.encoders.timm:Timm",
    ),
    Component(
        "encoder",
        "strided-cnn",
        "Convolutions that halve the image at once: quick on a CPU",
        "mtl.plugins.encoders.strided_cnn:StridedCNN",
    ),
    Component(
        "encoder",
        "late-fusion",
        "An image encoder and a vector encoder, joined",
        "mtl.plugins.encoders.late_fusion:LateFusion",
        default_for=("inputs",),
    ),
)
