from __future__ import annotations

import numpy as np
import pytest

from mtl.plugins.datasets.scene_drawing import draw_scenes
from mtl.plugins.datasets.scene_labels import CORNERS, KINDS, SURFACES
from mtl.plugins.datasets.scene_rendering import VIEW, look
from mtl.plugins.datasets.scenes import Scenes

SIDE = 32
NUMBER = {name: number for number, (name, _) in enumerate(SURFACES)}


def scenes(**options):
    return Scenes(**{"train_size": 3, "test_size": 2, "size": SIDE, **options})


@pytest.fixture(scope="module")
def known():
    return scenes().render("train", 0)


@pytest.fixture(scope="module")
def looked():
    drawn = draw_scenes(np.random.default_rng(3), 40, 4, False)
    return drawn, look(drawn, SIDE)


def test_columns_are_those_that_the_data_set_offers():
    made = scenes()
    for columns, count in zip(made.load().values(), (3, 2), strict=True):
        assert columns.image.shape == (count, 3, SIDE, SIDE)
        assert columns.image.dtype == np.uint8
        assert set(columns.labels) == set(made.spec().labels)
        for name, form in made.spec().labels.items():
            assert form.column_problem(columns.labels[name], count) is None


def test_a_picture_does_not_depend_on_how_many_there_are():
    few, many = scenes(train_size=2).load(), scenes(train_size=60).load()
    assert (few["train"].image == many["train"].image[:2]).all()
    assert (few["train"].labels["room"] == many["train"].labels["room"][:2]).all()


def test_the_splits_and_the_seeds_show_other_pictures():
    pictures = [scenes(seed=seed).render(split, 0)["image"] for seed in (0, 1) for split in ("train", "test")]
    assert len({picture.tobytes() for picture in pictures}) == 4


def test_depth_and_rays_lead_to_a_point_of_the_surface(looked):
    drawn, seen = looked
    x, y, z = (seen.depth * way for way in seen.ray)
    on = seen.surface
    low, high = drawn.low[..., None], drawn.high[..., None]
    off = {
        "floor": abs(y - low[:, 1]),
        "ceiling": abs(y - high[:, 1]),
        "wall": np.minimum(np.minimum(abs(x - low[:, 0]), abs(x - high[:, 0])), abs(z - high[:, 2])),
    }
    place = drawn.place[..., None]
    across = np.hypot(x - place[:, NUMBER["pillar"] - 3, 0], z - place[:, NUMBER["pillar"] - 3, 1])
    off["pillar"] = abs(across - drawn.half[:, 2, None])
    height = y - low[:, 1] - drawn.half[:, 0, None]
    from_middle = np.sqrt((x - place[:, 0, 0]) ** 2 + height**2 + (z - place[:, 0, 1]) ** 2)
    off["ball"] = abs(from_middle - drawn.half[:, 0, None])
    for name, distance in off.items():
        assert (on == NUMBER[name]).any()
        assert distance[on == NUMBER[name]].max() < 1e-3, name


def test_normals_have_length_one_and_face_the_viewer(known):
    normals = known["normals"]
    assert abs((normals**2).sum(axis=1) - 1).max() < 2e-2
    steps = (2 * (np.arange(SIDE) + 0.5) / SIDE - 1) * VIEW
    facing = normals[:, 2] - normals[:, 0] * steps - normals[:, 1] * -steps[:, None]
    assert facing.min() > -1e-3


def test_the_middle_of_a_visible_object_shows_that_object(known):
    at = known["points"][:, len(CORNERS) :]
    for kind in range(len(KINDS)):
        there = np.flatnonzero(~np.isnan(at[:, kind, 0]))
        column, row = (at[there, kind] * SIDE).astype(int).T
        assert 0 < len(there) < 50
        assert (known["segmentation"][there, row, column] == NUMBER[KINDS[kind]]).all()


def test_at_a_corner_the_far_wall_meets_others():
    known = scenes(most=1).render("train", 0)
    edges = known["edges"]
    for corner in range(len(CORNERS)):
        at = known["points"][:, corner]
        there = np.flatnonzero(~np.isnan(at[:, 0]))
        assert 0 < len(there) < 50
        column, row = (at[there] * SIDE).astype(int).clip(1, SIDE - 2).T
        near = [edges[there, row + down, column + right] for down in (-1, 0, 1) for right in (-1, 0, 1)]
        assert np.any(near, axis=0).all()


def test_objects_and_attributes_are_those_that_fill_some_of_the_picture(known):
    shares = [(known["segmentation"] == NUMBER[kind]).mean(axis=(1, 2)) for kind in KINDS]
    shown = np.stack(shares, axis=1) >= 1 / 256
    assert (known["attributes"][:, : len(KINDS)] == shown).all()
    assert (known["objects"] == shown.sum(axis=1)).all()


def test_edges_lie_where_the_surface_changes(known):
    surface, edge = known["segmentation"], known["edges"].astype(bool)
    changes = surface[:, :, 1:] != surface[:, :, :-1]
    assert edge[:, :, 1:][changes].all()
    assert edge[:, :, :-1][changes].all()
    assert 0.02 < edge.mean() < 0.4


def test_colours_by_kind_tell_the_kind():
    def spread(colours):
        known = scenes(colours=colours, shading=0, noise=0).render("train", 0)
        floors = [picture[:, known["segmentation"][i] == 0] for i, picture in enumerate(known["image"])]
        hues = [floor.mean(axis=1) / floor.mean() for floor in floors if floor.size]
        return np.std(hues, axis=0).mean()

    assert spread("kind") < 0.1 < 0.2 < spread("random")


def test_without_shading_a_surface_is_a_flat_patch():
    for shading, flat in ((0.0, True), (1.0, False)):
        known = scenes(shading=shading, noise=0).render("train", 0)
        one = [p[0][s == NUMBER["wall"]] for p, s in zip(known["image"], known["segmentation"], strict=True)]
        assert (max(int(np.ptp(pixels)) for pixels in one) == 0) is flat


def test_noise_has_the_stated_deviation():
    clean, noisy = (scenes(noise=noise).render("train", 0)["image"] / 255 for noise in (0, 0.1))
    inside = (clean > 0.4) & (clean < 0.6)
    assert np.std((noisy - clean)[inside]) == pytest.approx(0.1, rel=0.05)


def test_the_clue_tells_the_number_of_objects_and_hides_the_rest():
    plain, striped = (
        scenes(clue=clue, noise=0).render("train", 0)["image"].mean(axis=(1, 2)) for clue in (0, 1)
    )
    waves = abs(np.fft.rfft(striped - plain, axis=1))
    assert (waves[:, 1:].argmax(axis=1) + 1 == scenes().render("train", 0)["objects"] + 2).all()


@pytest.mark.parametrize("options", [{"most": 1}, {"most": 3}])
def test_no_room_has_more_than_the_most_objects(options):
    made = scenes(**options)
    assert made.render("train", 0)["objects"].max() == options["most"]
    assert len(made.spec().labels["objects"].classes) == options["most"] + 1


def test_so_many_training_pictures_have_a_label_and_every_test_picture():
    made = scenes(labelled=0.3, size=8)
    train = [made.render("train", block) for block in range(20)]
    for name, absent in {"objects": -1, "attributes": -1, "segmentation": 255, "edges": 255}.items():
        share = np.mean([(known[name].reshape(50, -1) != absent).all(axis=1).mean() for known in train])
        assert share == pytest.approx(0.3, abs=0.08), name
    for name in ("room", "depth", "normals", "points"):
        share = np.mean([(~np.isnan(known[name].reshape(50, -1))).any(axis=1).mean() for known in train])
        assert share == pytest.approx(0.3, abs=0.08), name
    assert (train[0]["image"] == scenes(size=8).render("train", 0)["image"]).all()
    test = made.render("test", 0)
    assert (test["objects"] >= 0).all()
    assert not np.isnan(test["depth"]).any()
