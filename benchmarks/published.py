"""The experiments that are repeated: their recipes, what their authors published, and what is to be reached.

Every experiment names the source of its published figures; there are none where a write-up shows pictures
only. What is to be reached is this project's own aim.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mtl.plugins.datasets.celeba import ATTRIBUTES
from mtl.plugins.datasets.table_tasks import task_names


@dataclass(frozen=True)
class Measure:
    """A test metric, or the mean of several: `keys` are `task/metric`; shown times `scale` with `unit`."""

    title: str
    keys: tuple[str, ...]
    scale: float = 1.0
    unit: str = ""
    digits: int = 3
    higher: bool = True


@dataclass(frozen=True)
class Variant:
    """One way an experiment was done: the recipe as the original did it, and ours to hold against it."""

    title: str
    original: str | None
    best: str | None = None
    published: Mapping[str, float] = field(default_factory=dict)
    target: Mapping[str, float] = field(default_factory=dict)
    settings: tuple[str, ...] = ()
    as_written: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    """Measures by epoch of the original with its mistakes left in: our own rerun of it, for reference."""


@dataclass(frozen=True)
class Gap:
    """By how much a measure of one variant may be worse than that of another: titles, and the bound."""

    measure: str
    variant: str
    against: str
    at_most: float


@dataclass(frozen=True)
class Experiment:
    """A table of results: variants by measures; `source` says where its published figures stand.

    `by_epoch`: the test split is also judged after each epoch. Judging is all that happens with it: the epoch
    is chosen on the validation split.
    """

    name: str
    title: str
    measures: tuple[Measure, ...]
    variants: tuple[Variant, ...]
    by_epoch: bool = False
    note: str = ""
    source: str = ""
    gaps: tuple[Gap, ...] = ()


def _percent(title: str, *keys: str) -> Measure:
    return Measure(title, keys, 100.0, "%", 2)


def _percent_of_error(title: str, *keys: str) -> Measure:
    return Measure(title, keys, 100.0, "%", 2, higher=False)


_PSNR = Measure("denoised PSNR", ("denoise/psnr",), 1.0, "dB", 2)
_SSIM = Measure("SSIM", ("denoise/ssim",))
_CLASSIFY = _percent("accuracy on noisy images", "classify/accuracy")
_ANIMAL = (_percent("class accuracy", "class/accuracy"), _percent("animal accuracy", "animal/accuracy"))
_ROTATION = (_percent("class accuracy", "class/accuracy"), _percent("rotation accuracy", "rotation/accuracy"))
_DEPTH = (
    Measure("depth, absolute error", ("depth/mae",), digits=4, higher=False),
    Measure("depth, relative error", ("depth/relative-error",), digits=4, higher=False),
)
_SINGLE_TASK = (
    "Published figures: those of single-task training from which the program of Liu et al. 2021 (CAGrad) "
    "counts gains; its own are means of the last ten epochs on the test pictures."
)
_ATTRIBUTES = tuple(task_names(ATTRIBUTES).values())
_BCE = Measure("cross-entropy per pixel", ("autoencode/bce",), digits=4, higher=False)
_MSE = Measure("squared error per pixel", ("autoencode/mse",), digits=4, higher=False)
_CLASS = (_percent("class accuracy", "class/accuracy"), Measure("class F1", ("class/f1",)))
_COUNT = (
    Measure("count RMSE", ("count/rmse",), higher=False),
    Measure("count smooth-L1", ("count/loss",), higher=False),
)

_CIFAR10 = (
    "The images are JPEG copies of the published ones, of quality 75 with colours at half the resolution "
    "(4:2:0), which at 32 x 32 loses detail. The originals are large for a CPU: an epoch of the hard-shared "
    "AlexNet takes four minutes on one thread in bf16, the others two to three times as long. Our recipes "
    "are small networks instead."
)
_CIFAR10_GAP = (
    "With hard sharing, class accuracy as the original stays 3.35 points below the published figure. The "
    "images are JPEG, a tenth of the training images is held out, both sides are one seed, and training "
    "was not at its end: the epoch chosen is 20 of 20. Which of these counts was not measured. bf16 does "
    "not seem to: in float32, on one NVIDIA H200 (torch 2.11, 2026-11-28), the same recipe reached 75.85 "
    "% and 74.91 % with seeds 0 and 1."
)
_CIFAR10_SOURCE = (
    'Published figures: notebook `MTL_CIFAR10.ipynb` of the repository "Investigating Multi-Task Learning '
    '(MTL) Paradigms with PyTorch"; the write-up has no figure, and only rotation as a second task.'
)
_DENOISE = (
    "*As the original* is our guess here: the write-up has neither a layer table nor a figure. In our "
    "guess the decoder draws from the 84 features of LeNet alone, and its images with both tasks are "
    "worse than the noisy ones it is given, though less so with losses weighted 0.8 and 0.2; alone they "
    "are hardly better. The write-up calls its own a bit noisy, so its decoder may well be another. It "
    "chose no epoch, and the recipes keep the last; *epoch chosen* marks runs that kept the best one of "
    "validation images, as the recipes did before (epochs 7, 18 and 19 of 20). Our best also reads the "
    "image and every stage."
)
_FAST = (
    "How few seconds of training both tasks take to 99 %. Encoder, rate and number of epochs were chosen on "
    "the validation split. The seconds on the clock below are those of a busy machine; seconds of CPU are of "
    "the training steps alone."
)
_AUTOENCODERS = (
    "The write-up shows pictures. The rows *its mistakes left in* were published by nobody: they come "
    "from our rerun of the original's architecture as it is written, dropout left on when judged, on "
    "2026-11-22. Seed, machine and files of that rerun were not kept. They are also the figures to reach."
)

EXPERIMENTS: tuple[Experiment, ...] = (
    Experiment(
        "mnist-denoise-classify",
        "MNIST: denoise and classify",
        (_CLASSIFY, _PSNR, _SSIM),
        (
            Variant(
                "both tasks",
                "mnist-denoise-classify",
                "mnist-denoise-classify-best",
                target={"accuracy on noisy images": 99.0, "denoised PSNR": 30.0},
            ),
            Variant(
                "both tasks, epoch chosen",
                "mnist-denoise-classify",
                settings=("train.select=best",),
            ),
            Variant(
                "both tasks, losses weighted 0.8 and 0.2, epoch chosen",
                "mnist-denoise-classify",
                settings=("tasks.denoise.weight=0.8", "tasks.classify.weight=0.2", "train.select=best"),
            ),
            Variant("denoising alone", "mnist-denoise", "mnist-denoise-best", target={"denoised PSNR": 30.0}),
            Variant("denoising alone, epoch chosen", "mnist-denoise", settings=("train.select=best",)),
        ),
        note=_DENOISE,
        source="Published figures: none, the write-up shows pictures.",
        gaps=(
            Gap("denoised PSNR", "both tasks", "denoising alone", 0.1),
            Gap("denoised PSNR", "both tasks, epoch chosen", "denoising alone, epoch chosen", 0.1),
        ),
    ),
    Experiment(
        "mnist-even-third",
        "MNIST: even or odd, multiple of 3 or not",
        (_percent("average accuracy", "even/accuracy", "third/accuracy"),),
        (
            Variant(
                "a network per task",
                "mnist-even-third-single",
                "mnist-even-third-single-best",
                published={"average accuracy": 98.51},
                target={"average accuracy": 98.6},
            ),
            Variant(
                "hard sharing",
                "mnist-even-third",
                "mnist-even-third-mlp-best",
                published={"average accuracy": 98.44},
                target={"average accuracy": 98.6},
            ),
            Variant(
                "cross-stitch",
                "mnist-even-third-cross-stitch",
                "mnist-even-third-cross-stitch-best",
                published={"average accuracy": 98.64},
                target={"average accuracy": 98.6},
            ),
            Variant(
                "a better encoder",
                None,
                "mnist-even-third-best",
                target={"average accuracy": 99.2},
            ),
        ),
        source=(
            'Published figures: notebook `MTL_digits.ipynb` of the repository "Investigating Multi-Task '
            'Learning (MTL) Paradigms with PyTorch"; the write-up has no figure.'
        ),
    ),
    Experiment(
        "mnist-digit-parity",
        "MNIST: digit, and even or odd, in seconds",
        (_percent("digit accuracy", "digit/accuracy"), _percent("parity accuracy", "even/accuracy")),
        (
            Variant(
                "both tasks",
                None,
                "mnist-digit-parity-fast",
                target={"digit accuracy": 99.0, "parity accuracy": 99.0},
            ),
        ),
        note=_FAST,
        source="Published figures: none, this is ours.",
    ),
    Experiment(
        "cifar10-class-animal",
        "CIFAR-10: class, and animal or not",
        _ANIMAL,
        (
            Variant(
                "a network per task",
                "cifar10-class-animal-single",
                "cifar10-class-animal-single-best",
                published={"class accuracy": 80.56, "animal accuracy": 95.76},
                target={"class accuracy": 80.56, "animal accuracy": 95.76},
            ),
            Variant(
                "hard sharing",
                "cifar10-class-animal",
                "cifar10-class-animal-best",
                published={"class accuracy": 79.22, "animal accuracy": 96.71},
                target={"class accuracy": 79.22, "animal accuracy": 96.71},
            ),
            Variant(
                "hard sharing, in seconds of a GPU",
                None,
                "cifar10-class-animal-fast",
                target={"class accuracy": 93.0},
            ),
            Variant(
                "cross-stitch",
                "cifar10-class-animal-cross-stitch",
                "cifar10-class-animal-cross-stitch-best",
                published={"class accuracy": 79.85, "animal accuracy": 95.56},
                target={"class accuracy": 79.85, "animal accuracy": 95.56},
            ),
        ),
        note=f"{_CIFAR10} {_CIFAR10_GAP}",
        source=_CIFAR10_SOURCE,
    ),
    Experiment(
        "cifar10-class-rotation",
        "CIFAR-10: class, and how far the image was turned",
        _ROTATION,
        (
            Variant(
                "a network per task", "cifar10-class-rotation-single", "cifar10-class-rotation-single-best"
            ),
            Variant("hard sharing", "cifar10-class-rotation", "cifar10-class-rotation-best"),
            Variant(
                "cross-stitch",
                "cifar10-class-rotation-cross-stitch",
                "cifar10-class-rotation-cross-stitch-best",
            ),
        ),
        note=_CIFAR10,
        source="Published figures: none.",
    ),
    Experiment(
        "shapes-class-count",
        "GSN shapes: which two kinds in which numbers (135 classes), and counts",
        (*_CLASS, *_COUNT),
        (
            Variant(
                "both tasks",
                "shapes-class-count",
                "shapes-class-count-best",
                published={"class accuracy": 43.70, "class F1": 0.4130, "count smooth-L1": 0.3228},
                target={"class accuracy": 80.0, "count RMSE": 0.33},
            ),
            Variant(
                "class alone",
                "shapes-class",
                "shapes-class-best",
                published={"class accuracy": 42.80, "class F1": 0.3782},
            ),
            Variant("counts alone", "shapes-count", "shapes-count-best"),
        ),
        source="Published figures: the write-up of [quantumFeline/dnn-hw-1]"
        "(https://github.com/quantumFeline/dnn-hw-1).",
    ),
    Experiment(
        "mnist-autoencoders",
        "MNIST: autoencoders, plain and denoising",
        (_BCE, _MSE),
        (
            Variant(
                "plain, 10 latent numbers",
                "mnist-autoencoder",
                "mnist-autoencoder-best",
                target={_BCE.title: 0.108, _MSE.title: 0.0334},
                as_written={_BCE.title: {1: 0.142, 5: 0.111, 10: 0.108}, _MSE.title: {10: 0.0334}},
            ),
            Variant("plain, 2 latent numbers", "mnist-autoencoder-2", "mnist-autoencoder-2-best"),
            Variant(
                "denoising, 10 latent numbers",
                "mnist-denoising-autoencoder",
                "mnist-denoising-autoencoder-best",
                target={_BCE.title: 0.123, _MSE.title: 0.0386},
                as_written={_BCE.title: {1: 0.160, 5: 0.127, 10: 0.123}, _MSE.title: {10: 0.0386}},
            ),
            Variant(
                "denoising, 2 latent numbers",
                "mnist-denoising-autoencoder-2",
                "mnist-denoising-autoencoder-2-best",
            ),
        ),
        by_epoch=True,
        note=_AUTOENCODERS,
        source="Published figures: none, the write-up shows pictures.",
    ),
    Experiment(
        "multi-mnist",
        "MultiMNIST: left and right digit",
        (_percent("left accuracy", "left/accuracy"), _percent("right accuracy", "right/accuracy")),
        (
            Variant(
                "hard sharing",
                "multi-mnist",
                published={"left accuracy": 96.46, "right accuracy": 94.99},
            ),
            Variant(
                "a network per task",
                "multi-mnist-single",
                published={"left accuracy": 97.23, "right accuracy": 95.90},
            ),
        ),
        note=(
            "Not trained for all its epochs yet. The published pairs of digits were drawn without a seed and "
            "made smaller in another way: the figures are of other pictures."
        ),
        source=(
            "Published figures: Sener and Koltun 2018, table 3 (uniform scaling, single task); on the test "
            "images."
        ),
    ),
    Experiment(
        "nyuv2",
        "NYUv2: class, depth and direction of every pixel",
        (
            _percent("mean IoU", "segmentation/mean-iou"),
            _percent("pixel accuracy", "segmentation/pixel-accuracy"),
            *_DEPTH,
        ),
        (
            Variant("hard sharing", "nyuv2"),
            Variant(
                "a network per task",
                None,
                published={
                    "mean IoU": 38.30,
                    "pixel accuracy": 63.76,
                    "depth, absolute error": 0.6754,
                    "depth, relative error": 0.2780,
                },
            ),
        ),
        note=(
            "Not run here, and not comparable: the published figures are of SegNet. Angles of normals are "
            "published too and not measured here: 25.01 degrees on average, 19.21 in the median, 30.14, "
            "57.20 and 69.15 % within 11.25, 22.5 and 30."
        ),
        source=_SINGLE_TASK,
    ),
    Experiment(
        "cityscapes",
        "Cityscapes: class and inverse depth of every pixel",
        (
            _percent("mean IoU", "segmentation/mean-iou"),
            _percent("pixel accuracy", "segmentation/pixel-accuracy"),
            Measure("depth, absolute error", ("depth/mae",), digits=4, higher=False),
            _percent_of_error("depth, relative error", "depth/relative-error"),
        ),
        (
            Variant("hard sharing", "cityscapes"),
            Variant(
                "a network per task",
                None,
                published={
                    "mean IoU": 74.01,
                    "pixel accuracy": 93.16,
                    "depth, absolute error": 0.0125,
                    "depth, relative error": 27.77,
                },
            ),
        ),
        note="Not run here, and not comparable: the published figures are of SegNet.",
        source=_SINGLE_TASK,
    ),
    Experiment(
        "celeba",
        "CelebA: forty attributes",
        (_percent("accuracy, mean of all", *(f"{name}/accuracy" for name in _ATTRIBUTES)),),
        (Variant("hard sharing", "celeba"),),
        note="Not run here.",
        source="Published figures: none here; no source of the protocol's errors was at hand to check.",
    ),
    Experiment(
        "mnist-random-sum",
        "MNIST: digit, and digit plus a random number",
        (_percent("digit accuracy", "digit/accuracy"), _percent("sum accuracy", "sum/accuracy")),
        (
            Variant(
                "two heads; published: of the training split",
                "mnist-random-sum",
                "mnist-random-sum-best",
                published={"digit accuracy": 98.40, "sum accuracy": 37.28},
                target={"digit accuracy": 99.0, "sum accuracy": 98.5},
            ),
            Variant(
                "one layer of 29 outputs; without its mistake the two heads",
                "mnist-random-sum",
                published={"digit accuracy": 9.74, "sum accuracy": 1.09},
            ),
        ),
        source=(
            "Published figures: the write-up, as counts of the 60,000 training images (59,042 and 22,369; "
            "5,842 and 652); it has no figure of the test images."
        ),
    ),
)
