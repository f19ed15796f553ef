"""Encoders whose networks are a library's: what holds for both libraries."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from mtl.core.base.errors import Incompatible, MissingRequirementError, UsageError
from mtl.core.contracts.specs import ImageSpec
from mtl.plugins.encoders.library_encoder import LibraryEncoder
from mtl.plugins.encoders.timm import Timm
from mtl.plugins.encoders.torchvision import Torchvision

needs_timm = pytest.mark.skipif(
    importlib.util.find_spec("timm") is None, reason="the extra timm is not installed"
)
BOTH = [pytest.param(Timm, marks=needs_timm), Torchvision]
SMALL = {Timm: "mobilenetv3_small_050", Torchvision: "mobilenet_v3_small"}
COLOUR = ImageSpec(3, 32, 32)
VIT = {"depth": 2, "embed_dim": 16, "num_heads": 2}


def classifier(library: type[LibraryEncoder]) -> str:
    return "classifier" if library is Timm else "classifier.3"


def saved(library: type[LibraryEncoder], path: Path, classes: int = 5) -> Any:
    """Write random weights of the small network with a classifier, and return the network."""
    encoder: Any = library(COLOUR, (), model=SMALL[library])  # type: ignore[call-arg]
    torch.manual_seed(7)
    network = encoder._network(32, 32, classes)
    save_file(network.state_dict(), path)
    return network.eval()


@pytest.mark.parametrize("library", BOTH)
def test_declared_forms_are_the_real_ones_and_a_seed_gives_the_weights(library: Any) -> None:
    torch.manual_seed(3)
    one = library(ImageSpec(1, 40, 56), (), model=SMALL[library])
    torch.manual_seed(3)
    two = library(ImageSpec(1, 40, 56), (), model=SMALL[library])
    state = two.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in one.state_dict().items())
    assert one.training
    outputs = one.eval()(torch.rand(2, 1, 40, 56), {})
    assert [tuple(output.shape[1:]) for output in outputs] == [spec.shape for spec in one.feature_specs]
    assert len({name for name, _ in one.stages.named_children()}) == len(one.feature_specs)


@pytest.mark.parametrize("library", BOTH)
def test_a_grey_picture_is_seen_as_three_equal_channels(library: Any) -> None:
    torch.manual_seed(0)
    grey = library(ImageSpec(1, 32, 32), (), model=SMALL[library]).eval()
    colour = library(COLOUR, (), model=SMALL[library]).eval()
    colour.load_state_dict(grey.state_dict())
    image = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        pairs = zip(grey(image, {}), colour(image.repeat(1, 3, 1, 1), {}), strict=True)
        assert all(torch.equal(one, two) for one, two in pairs)


@pytest.mark.parametrize("library", BOTH)
def test_other_channels_are_refused(library: Any) -> None:
    assert library.accepts(ImageSpec(2, 32, 32), ()) == "reads pictures of 1 or 3 channels, got 2"


@pytest.mark.parametrize("library", BOTH)
@pytest.mark.parametrize("classes", [1000, 5])
def test_weights_of_a_file_are_taken_whatever_classes_they_answer(
    library: Any, classes: int, tmp_path: Path
) -> None:
    network = saved(library, tmp_path / "w.safetensors", classes)
    encoder = library(COLOUR, (), model=SMALL[library], weights=tmp_path / "w.safetensors")
    encoder.start()
    image = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        answer = network.get_submodule(classifier(library))(encoder.eval()(image, {})[-1])
        assert torch.equal(answer, network(image))
    assert (encoder.origin.network, encoder.origin.source) == (SMALL[library], "w.safetensors")


@pytest.mark.parametrize("library", BOTH)
def test_weights_without_a_classifier_are_taken(library: Any, tmp_path: Path) -> None:
    network = saved(library, tmp_path / "w.safetensors")
    last = classifier(library) + "."
    kept = {name: value for name, value in network.state_dict().items() if not name.startswith(last)}
    save_file(kept, tmp_path / "w.safetensors")
    encoder = library(COLOUR, (), model=SMALL[library], weights=tmp_path / "w.safetensors")
    encoder.start()
    first = next(iter(network.parameters()))
    assert torch.equal(next(encoder.parameters()), first)


@pytest.mark.parametrize("library", BOTH)
def test_weights_of_another_network_are_refused_with_how_many_fit(library: Any, tmp_path: Path) -> None:
    saved(library, tmp_path / "w.safetensors")
    encoder = library(COLOUR, (), model="resnet18", weights=tmp_path / "w.safetensors")
    with pytest.raises(UsageError, match=r"another network than 'resnet18': [01] of \d+ tensors fit; "):
        encoder.start()


@pytest.mark.parametrize("library", BOTH)
def test_a_file_is_not_asked_for_before_training_starts(library: Any, tmp_path: Path) -> None:
    encoder = library(COLOUR, (), model=SMALL[library], weights=tmp_path / "gone.safetensors")
    with pytest.raises(UsageError, match=r"gone\.safetensors: cannot be read as weights"):
        encoder.start()


@pytest.mark.parametrize("library", BOTH)
def test_a_model_that_is_not_there_is_refused_with_its_nearest(library: Any) -> None:
    with pytest.raises(Incompatible, match=f"no model .*did you mean '{SMALL[library]}'"):
        library(COLOUR, (), model=SMALL[library].replace("small", "smal"))


@pytest.mark.parametrize("library", BOTH)
def test_a_model_without_stages_is_refused(library: Any) -> None:
    with pytest.raises(Incompatible, match="has no way to cut a DenseNet into stages; it cuts "):
        library(COLOUR, (), model="densenet121")


@pytest.mark.parametrize("library", BOTH)
def test_arguments_that_are_wrong_or_its_own_are_refused(library: Any) -> None:
    with pytest.raises(Incompatible, match=r"cannot be made with these arguments: .*'depht'"):
        library(COLOUR, (), model="resnet18", arguments={"depht": 2})
    with pytest.raises(Incompatible, match="sets 'num_classes' itself: leave it out"):
        library(COLOUR, (), model="resnet18", arguments={"num_classes": 2})


def test_a_size_that_a_network_cannot_take_is_refused_with_those_that_it_can() -> None:
    with pytest.raises(Incompatible, match="takes no pictures of 50 x 50; it takes 32 x 32, 64 x 64"):
        Torchvision(ImageSpec(3, 50, 50), (), model="vit_b_16")
    with pytest.raises(Incompatible, match="'vit_b_16' takes square pictures, got 32 x 64"):
        Torchvision(ImageSpec(3, 32, 64), (), model="vit_b_16")


@needs_timm
def test_a_size_of_timm_too() -> None:
    with pytest.raises(Incompatible, match="no pictures of 50 x 70; it takes 32 x 64, 64 x 96, 224 x 224"):
        Timm(ImageSpec(3, 50, 70), (), model="coatnet_pico_rw_224", arguments={"depths": [1, 1, 1, 1]})


@needs_timm
def test_a_transformer_hands_on_all_tokens_and_shows_the_map_of_its_patches() -> None:
    encoder = Timm(ImageSpec(3, 32, 48), (), model="vit_tiny_patch16_224", arguments=VIT).eval()
    tokens = encoder.forward_stage(0, torch.rand(2, 3, 32, 48), {})
    assert tokens.shape == (2, 16, 1 + 2 * 3)
    seen = encoder.tap(0, tokens)
    assert seen.shape == (2, *encoder.feature_specs[0].shape) == (2, 16, 2, 3)
    assert torch.equal(seen.flatten(2), tokens[:, :, 1:])


@needs_timm
def test_places_of_a_transformer_are_fitted_to_the_size(tmp_path: Path) -> None:
    whole: Any = Timm(ImageSpec(3, 64, 64), (), model="vit_tiny_patch16_224", arguments=VIT)
    save_file(whole._network(64, 64, 3).state_dict(), tmp_path / "w.safetensors")
    small = Timm(
        ImageSpec(3, 32, 48),
        (),
        model="vit_tiny_patch16_224",
        arguments=VIT,
        weights=tmp_path / "w.safetensors",
    )
    small.start()
    assert small.state_dict()["stages.embedding.part.pos_embed"].shape == (1, 7, 16)


@pytest.mark.parametrize("library", BOTH)
def test_weights_that_cannot_be_had_are_missing_with_how_to_get_them(
    library: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", refused)
    monkeypatch.setattr("mtl.plugins.encoders.timm_weights.urlopen", refused)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *how, **more: None)
    encoder = library(COLOUR, (), model=SMALL[library], weights="pretrained")
    with pytest.raises(
        MissingRequirementError, match=r"not on this machine, and https://.* cannot be reached"
    ):
        encoder.start()


def refused(*how: Any, **more: Any) -> Any:
    raise OSError("no network")


def test_the_cache_of_the_library_is_looked_into_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    network = Torchvision(COLOUR, (), model="mobilenet_v3_small")._network(32, 32, 1000)
    torch.save(network.state_dict(), tmp_path / "checkpoints" / "mobilenet_v3_small-047dcff4.pth")
    encoder = Torchvision(COLOUR, (), model="mobilenet_v3_small", weights="pretrained")
    encoder.start()
    assert torch.equal(next(encoder.parameters()), next(network.parameters()))
    assert encoder.origin is not None
    assert encoder.origin.source == "https://download.pytorch.org/models/mobilenet_v3_small-047dcff4.pth"
    assert "BSD-3-Clause" in encoder.origin.licence


@pytest.mark.parametrize("library", BOTH)
def test_models_are_listed_with_what_their_weights_are_for(library: Any) -> None:
    assert library.models()[SMALL[library]].startswith("weights for 224 x 224, licence ")


def asked(library: Any, **options: Any) -> Any:
    return library.preparation(options, lambda named: None)


def test_weights_say_what_pictures_they_want() -> None:
    wanted = asked(Torchvision, model="mobilenet_v2", weights="pretrained")
    assert (wanted.size, wanted.channels, wanted.resize, wanted.interpolation) == (
        (224, 224),
        3,
        "crop",
        "bilinear",
    )
    assert wanted.share == 224 / 232
    assert (wanted.mean, wanted.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@needs_timm
def test_weights_of_timm_say_it_by_its_configuration() -> None:
    wanted = asked(Timm, model="tf_efficientnet_lite0", weights="pretrained")
    assert (wanted.size, wanted.channels, wanted.resize, wanted.interpolation) == (
        (224, 224),
        3,
        "crop",
        "bicubic",
    )
    assert (wanted.share, wanted.mean, wanted.std) == (0.875, (0.5,) * 3, (0.5,) * 3)


@pytest.mark.parametrize("library", BOTH)
def test_weights_drawn_at_random_want_nothing(library: Any) -> None:
    assert asked(library, model=SMALL[library], weights="none") is None
    assert asked(library, model="no-such", weights="pretrained") is None
