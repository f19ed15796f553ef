"""Built-in recipes, one per file: the experiments as their authors did them, mended, and our best."""

from ...core.contracts.records import Component

_SUMMARIES = {
    "mnist-denoise-classify": "Denoise and classify digits with LeNet, as the original",
    "mnist-denoise-classify-best": "Denoise and classify digits, our best",
    "mnist-denoise": "Denoise digits with LeNet, as the original",
    "mnist-denoise-best": "Denoise digits, our best",
    "mnist-even-third": "Even and multiple of 3, one perceptron, as the original",
    "mnist-even-third-cross-stitch": "Even and multiple of 3, stitched perceptrons, as the original",
    "mnist-even-third-single": "Even and multiple of 3, a perceptron each, as the original",
    "mnist-digit-parity-fast": "Digit and parity in seconds, our fastest",
    "mnist-even-third-best": "Even and multiple of 3, a better encoder, our best",
    "mnist-even-third-mlp-best": "Even and multiple of 3, one perceptron, our best",
    "mnist-even-third-cross-stitch-best": "Even and multiple of 3, stitched perceptrons, our best",
    "mnist-even-third-single-best": "Even and multiple of 3, a perceptron each, our best",
    "cifar10-class-animal": "Class and animal or not, one AlexNet, as the original",
    "cifar10-class-animal-cross-stitch": "Class and animal or not, stitched AlexNets, as the original",
    "cifar10-class-animal-single": "Class and animal or not, an AlexNet each, as the original",
    "cifar10-class-animal-best": "Class and animal or not, our best",
    "cifar10-class-animal-fast": "Class and animal or not in seconds of a GPU, our fastest",
    "cifar10-class-animal-cross-stitch-best": "Class and animal or not, stitched networks, our best",
    "cifar10-class-animal-single-best": "Class and animal or not, a network each, our best",
    "cifar10-class-rotation": "Class and rotation, one AlexNet, as the original",
    "cifar10-class-rotation-cross-stitch": "Class and rotation, stitched AlexNets, as the original",
    "cifar10-class-rotation-single": "Class and rotation, an AlexNet each, as the original",
    "cifar10-class-rotation-best": "Class and rotation, our best",
    "cifar10-class-rotation-cross-stitch-best": "Class and rotation, stitched networks, our best",
    "cifar10-class-rotation-single-best": "Class and rotation, a network each, our best",
    "shapes-class-count": "Class and counts of two kinds of shapes, as the original",
    "shapes-class-count-best": "Class and counts of two kinds of shapes, our best",
    "shapes-class": "Class of two kinds of shapes, as the original",
    "shapes-class-best": "Class of two kinds of shapes, our best",
    "shapes-count": "Counts of six kinds of shapes, as the original",
    "shapes-count-best": "Counts of six kinds of shapes, our best",
    "mnist-autoencoder": "Autoencoder with 10 latent numbers, as the original",
    "mnist-autoencoder-best": "Autoencoder with 10 latent numbers, our best",
    "mnist-autoencoder-2": "Autoencoder with 2 latent numbers, as the original",
    "mnist-autoencoder-2-best": "Autoencoder with 2 latent numbers, our best",
    "mnist-denoising-autoencoder": "Denoising autoencoder with 10 latent numbers, as the original",
    "mnist-denoising-autoencoder-best": "Denoising autoencoder with 10 latent numbers, our best",
    "mnist-denoising-autoencoder-2": "Denoising autoencoder with 2 latent numbers, as the original",
    "mnist-denoising-autoencoder-2-best": "Denoising autoencoder with 2 latent numbers, our best",
    "multi-mnist": "Left and right digit, one LeNet, as the original",
    "multi-mnist-single": "Left and right digit, a LeNet each, as the original",
    "nyuv2": "Rooms: class, depth and direction of every pixel, protocol as the original",
    "cityscapes": "Streets: class and inverse depth of every pixel, protocol as the original",
    "celeba": "Faces: forty attributes, protocol as the original",
    "mnist-random-sum": "Digit, and digit plus a given number, as the original",
    "mnist-random-sum-best": "Digit, and digit plus a given number, our best",
}

COMPONENTS: tuple[Component, ...] = tuple(
    Component("recipe", name, summary, f"mtl.plugins.recipes:{name}.yaml")
    for name, summary in _SUMMARIES.items()
)
