"""Components that are modules, built and fed alone: one specimen for every place they accept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from ..base.errors import Incompatible, MtlError
from ..composition.encoders import Entry
from ..contracts import Encoder, EncoderBuilder, Form, HeadSpec
from ..contracts.batch import Features
from ..contracts.inputs import ModelInput, Vectors, numbers_among, vectors_among
from ..contracts.randomness import derive_seed, generator, seeded_generators
from ..contracts.specs import ImageSpec
from .bench import LARGE, SIZES, dataset_of
from .checks import CheckSkipped
from .kit_task import NUMBER, VECTOR
from .subjects import Subject

TASKS = ("first", "second")


@dataclass(frozen=True)
class Specimen:
    """A module in one place: `place` names it, `build` constructs it, `draw(B)` makes arguments.

    `run` returns the outputs, each `[B, ...]`, `shapes` what each must be for one sample.
    """

    place: str
    build: Callable[[], nn.Module]
    draw: Callable[[int], Any]
    run: Callable[[nn.Module, Any], tuple[Tensor, ...]]
    shapes: Callable[[nn.Module], tuple[tuple[int, ...], ...]]

    def module(self, seed: int = 0) -> nn.Module:
        """Return a new module, initialised from a seed."""
        with seeded_generators() as seed_generators:
            seed_generators(derive_seed(seed, "conformance"))
            return self.build()


def specimens(subject: Subject, most: int | None = None) -> Iterator[Specimen]:
    """Yield a specimen for every place the component accepts, at `most` so many; skip when there is none."""
    found = False
    for specimen in islice(_OF_KIND[subject.kind](subject), most):
        found = True
        yield specimen
    if not found:
        raise CheckSkipped("it accepts nothing that the kit can offer")


def rows(arguments: Any, chosen: slice) -> Any:
    """Return the arguments of some of the samples."""
    return pytree.tree_map(lambda value: value[chosen], arguments)


def moved(arguments: Any, target: torch.dtype | torch.device) -> Any:
    """Return the arguments on a device, or their real numbers in another precision."""

    def move(value: Tensor) -> Tensor:
        if isinstance(target, torch.dtype) and not value.is_floating_point():
            return value
        return value.to(target)

    return pytree.tree_map(move, arguments)


def images_of(subject: Subject) -> list[ImageSpec]:
    """Return the image forms to try: the kit's, and those of the plugin's own data sets.

    Large ones only where a component accepts no small one.
    """
    forms: list[ImageSpec] = []
    for entry in subject.bench.entries("dataset"):
        if entry.provider == subject.provider:
            try:
                image = dataset_of(entry, {}).spec().image
                forms += [image] if image else []
            except (MtlError, Incompatible):  # a broken data set is another component's matter
                continue
    offered = list(dict.fromkeys([*SIZES, *forms]))
    accepted = [image for image in offered if inputs_of(subject, image) is not None]
    large = (image for image in LARGE if inputs_of(subject, image) is not None)
    return accepted or list(islice(large, 1))


def inputs_of(subject: Subject, seen: Entry) -> tuple[ModelInput, ...] | None:
    """Return the inputs with which an encoder accepts an image or vectors, or None when it does not."""
    beside = ((VECTOR,),) if isinstance(seen, Vectors) else ((), (NUMBER,), (VECTOR,))
    return next((inputs for inputs in beside if subject.accepts(seen, inputs) is None), None)


def places_of(subject: Subject) -> list[tuple[Entry, tuple[ModelInput, ...]]]:
    """Return what an encoder is to see, and what beside it: images, and vectors where it takes them."""
    offered: tuple[Entry, ...] = (*images_of(subject), Vectors((VECTOR,)))
    found = ((seen, inputs_of(subject, seen)) for seen in offered)
    return [(seen, inputs) for seen, inputs in found if inputs is not None]


def draw_target(form: Form, count: int, *names: str | int) -> Tensor:
    """Return random right answers of a form."""
    return form.draw(count, generator("cpu", 0, "targets", *names))


def wrong_target(form: Form, value: Tensor) -> Tensor:
    """Return wrong answers for right ones: other whole numbers, real ones mirrored in 0..1."""
    return 1.0 - value if form.highest is None else (value + 1) % (form.highest + 1)


def with_holes(form: Form, value: Tensor) -> tuple[Tensor, Tensor] | None:
    """Return answers of which every other sample lacks its first number, and which numbers lack, bool.

    None where no single number of a target may be absent.
    """
    hole = torch.zeros(len(value), value[0].numel(), dtype=torch.bool)
    if not form.partial or hole.shape[1] < 2:
        return None
    hole[1::2, 0] = True
    hole = hole.view(value.shape)
    return value.masked_fill(hole, form.absent), hole


def place_of(form: Form) -> str:
    """Return how messages call the place of a head that answers in a form."""
    return f"for a {form.form} target"


def _inputs(inputs: Sequence[ModelInput], count: int) -> dict[str, Tensor]:
    source = generator("cpu", 0, "inputs")
    numbers = {item.name: item.count for item in numbers_among(inputs)}
    drawn = {name: torch.randint(most, (count,), generator=source) for name, most in numbers.items()}
    widths = {item.name: item.prepared for item in vectors_among(inputs)}
    return drawn | {name: torch.rand(count, width, generator=source) for name, width in widths.items()}


def _image(image: Entry, count: int) -> Tensor:
    return torch.rand(count, *image.shape, generator=generator("cpu", 0, "image"))


def _encoders(subject: Subject) -> Iterator[Specimen]:
    for seen, inputs in places_of(subject):
        yield _encoder(subject, seen, inputs)


def _encoder(subject: Subject, image: Entry, inputs: Sequence[ModelInput]) -> Specimen:
    return Specimen(
        f"for {image}",
        lambda: subject.build(image, inputs),
        lambda count: (_image(image, count), _inputs(inputs, count)),
        lambda module, arguments: tuple(module(*arguments)),
        lambda module: tuple(spec.shape for spec in _specs(module)),
    )


def _heads(subject: Subject) -> Iterator[Specimen]:
    for target in subject.bench.forms(SIZES[0]):
        if (place := place_of_head(subject, target)) is not None:
            yield _head(subject, place[1])


def place_of_head(subject: Subject, target: Form) -> tuple[str, HeadSpec] | None:
    """Return an encoder behind which a head accepts a target, and where it stands then."""
    image = SIZES[0]
    for encoder in subject.bench.encoders():
        stages = subject.bench.features(encoder, image)
        if stages is None:
            continue
        for inputs in ((), (NUMBER,)):
            place = HeadSpec(image, stages, target, inputs)
            if subject.accepts(place) is None:
                return encoder, place
    return None


def _head(subject: Subject, spec: HeadSpec) -> Specimen:
    def draw(count: int) -> tuple[Features]:
        source = generator("cpu", 0, "features")
        stages = tuple(torch.rand(count, *stage.shape, generator=source) for stage in spec.stages)
        return (Features(stages, _image(spec.image, count), _inputs(spec.inputs, count)),)

    return Specimen(
        place_of(spec.target),
        lambda: subject.build(spec),
        draw,
        lambda module, arguments: (module(*arguments),),
        lambda module: (spec.target.output_shape,),
    )


def _losses(subject: Subject) -> Iterator[Specimen]:
    for target in subject.bench.forms(SIZES[0]):
        if subject.accepts(target) is None:
            yield _loss(subject, target)


def _loss(subject: Subject, target: Form) -> Specimen:
    def draw(count: int) -> tuple[Tensor, Tensor]:
        raw = torch.randn(count, *target.output_shape, generator=generator("cpu", 0, "raw"))
        return raw, draw_target(target, count)

    return Specimen(
        place_of(target),
        lambda: subject.build(target),
        draw,
        lambda module, arguments: (module(*arguments),),
        lambda module: ((),),
    )


def _sharings(subject: Subject) -> Iterator[Specimen]:
    image = SIZES[0]
    fitting = (name for name in subject.bench.encoders() if subject.bench.features(name, image) is not None)
    for name in islice(fitting, 1):
        yield _sharing(subject, subject.bench.find("encoder", name).load(), image)


def _sharing(subject: Subject, encoder: type[Encoder], image: ImageSpec) -> Specimen:
    def run(module: nn.Module, arguments: Any) -> tuple[Tensor, ...]:
        outputs: Mapping[str, tuple[Tensor, ...]] = module(*arguments, TASKS)
        return tuple(stage for task in TASKS for stage in outputs[task])

    return Specimen(
        f"for two tasks and {image}",
        lambda: subject.build(TASKS, EncoderBuilder(image, lambda: encoder(image, ()))),
        lambda count: (_image(image, count), {}),
        run,
        lambda module: tuple(spec.shape for task in TASKS for spec in _specs(module)[task]),
    )


def _specs(module: nn.Module) -> Any:
    return module.feature_specs


_OF_KIND: Mapping[str, Callable[[Subject], Iterator[Specimen]]] = {
    "encoder": _encoders,
    "head": _heads,
    "loss": _losses,
    "sharing": _sharings,
}
