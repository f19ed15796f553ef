"""The whole page: its sections, its safety, and its promises about every form of answer."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from mtl.core.base.errors import UsageError
from mtl.core.contracts import Form
from mtl.plugins.forms import Binary, Categorical, Image, Regression
from mtl.plugins.metrics.recall import Recall

Make = Callable[..., Any]
Read = Callable[[str], Any]
EVIL = '<b onclick="x">&\'"</script>'
KIND = Categorical(("cat", "dog"))
FORMS = [
    KIND,
    Binary("even", "odd"),
    Regression(("width",), "mm"),
    Image(1, 6, 5),
    Image(1, 6, 5, link="logit"),
]


def test_the_sections_stand_in_the_order_a_reader_needs_them(make: Make, outline: Read) -> None:
    found = outline(make().page())
    assert found.texts["h1"] == ["kind, is.even, how-many and restore"]
    assert found.texts["h2"] == [
        "First answers",
        "Training",
        "Metrics",
        "Task by task",
        "Features",
        "Data",
        "Model",
        "Verification of the exported file",
        "Run the exported file",
        "Environment",
    ]


def test_pictures_and_answers_of_every_task_come_before_all_charts(make: Make, outline: Read) -> None:
    page = make().page()
    first = page[page.index('id="samples"') : page.index('id="training"')]
    assert page.index("<img") < page.index("<svg")
    assert "<svg" not in first
    assert [
        name for name in ("kind", "is.even", "how-many", "restore") if f">{name}</span>" not in first
    ] == []
    assert "circles" in first
    assert "even" in first
    assert "restore, answer, sample 8" in first


def test_samples_that_are_seen_alike_are_shown_once(make: Make, wanted: Any) -> None:
    tasks = {"one": wanted(KIND), "other": wanted(Regression(("size",), "mm"))}
    page = make(tasks, tables=False).page()
    assert page.count("what the model sees") == 9
    run = make({**tasks, "restore": wanted(Image(1, 6, 5), noise=0.5)})
    run = run.with_(
        composition=replace(run.composition, recipe=replace(run.composition.recipe, views="per-task"))
    )
    assert "what is seen for one and other" in run.page()
    assert "what is seen for restore" in run.page()


def test_of_many_tasks_the_first_answers_are_shown_and_the_others_counted(make: Make, wanted: Any) -> None:
    tasks = {f"t{place:02}": wanted(KIND) for place in range(18)}
    page = make(tasks, tables=False, real=False).page()
    first = page[page.index('id="samples"') : page.index('id="training"')]
    assert ">t15</span>" in first
    assert ">t16</span>" not in first
    assert "2 more tasks stand below." in first


def test_the_recipe_is_folded_below_what_differs_from_the_defaults(make: Make, outline: Read) -> None:
    page = make(FORMS[0]).with_(unusual={"train.epochs": 3, "encoder.hidden": ["<b>"]}).page()
    model = page[page.index('id="model"') : page.index('id="verification"')]
    table, folded = model.index("What differs from the defaults"), model.index("The recipe in full")
    assert table < folded < model.index("<pre")
    assert "[&#34;&lt;b&gt;&#34;]" in model or "[&quot;&lt;b&gt;&quot;]" in model
    assert "Every option has its default." in make(FORMS[0]).page()


def test_every_element_closes_and_every_id_is_unique(make: Make, outline: Read) -> None:
    found = outline(make().page())
    assert found.problems == []
    ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids)) > 0


def test_links_and_labels_lead_to_elements_of_the_page(make: Make, outline: Read) -> None:
    found = outline(make().page())
    ids = {attributes.get("id") for _, attributes in found.elements}
    for link in found.attributes("a"):
        assert link["href"].removeprefix("#") in ids
    for section in found.attributes("section"):
        assert section.get("aria-labelledby") in {None, *ids}


def test_nothing_is_loaded_from_elsewhere(make: Make, outline: Read) -> None:
    page = make().page()
    found = outline(page)
    addresses = [
        value
        for _, attributes in found.elements
        for key, value in attributes.items()
        if key in ("src", "href", "srcset", "action", "data")
    ]
    assert addresses
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in addresses)
    assert not {"script", "link", "iframe", "object"} & {name for name, _ in found.elements}
    assert "url(" not in page
    assert "@import" not in page


def test_pictures_and_drawings_say_what_they_show(make: Make, outline: Read) -> None:
    found = outline(make().page())
    assert found.attributes("img")
    assert all(image["alt"] for image in found.attributes("img"))
    assert all(drawing["role"] == "img" and drawing["aria-label"] for drawing in found.attributes("svg"))


def test_every_table_has_a_caption_and_headers_with_a_scope(make: Make, outline: Read) -> None:
    found = outline(make().page())
    assert len(found.attributes("caption")) == len(found.attributes("table")) > 0
    assert all("scope" in header for header in found.attributes("th"))


def test_names_cannot_become_markup(make: Make, wanted: Any, outline: Read) -> None:
    tasks = {
        EVIL: wanted(Categorical((EVIL, "b"))),
        "binary" + EVIL: wanted(Binary(EVIL, "no")),
        "values" + EVIL: wanted(Regression((EVIL,), EVIL)),
        "image" + EVIL: wanted(Image(1, 6, 5)),
    }
    run = make(tasks)
    run.metrics["baseline_answer"] = dict.fromkeys(tasks, EVIL)
    page = run.with_(verification={EVIL: EVIL, "rows": [{EVIL: EVIL}]}).page()
    found = outline(page)
    assert found.problems == []
    assert "onclick" not in {key for _, attributes in found.elements for key in attributes}
    assert "<b" not in page.replace("<body", "")
    assert found.text.count(EVIL) > 10


def test_a_class_named_like_a_tag_is_shown_by_its_name(make: Make, outline: Read) -> None:
    page = make(Categorical(("<b>", "<i>"))).page()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert "<b>" in outline(page).text


@pytest.mark.parametrize("target", FORMS, ids=lambda target: str(target)[:30])
def test_every_form_of_answer_has_its_page(make: Make, outline: Read, target: Form) -> None:
    found = outline(make(target).page())
    assert found.problems == []
    assert "only" in found.texts["h3"]


@pytest.mark.parametrize("epochs", [1, 2, 100])
def test_a_training_of_any_length_is_drawn(make: Make, outline: Read, epochs: int) -> None:
    found = outline(make(FORMS[0], epochs=epochs).page())
    assert found.problems == []
    assert f"kept: {epochs}" in found.text


def test_tasks_without_tables_have_no_heat_map(make: Make) -> None:
    assert 'class="chart heat"' in make(FORMS[0], tables=True).page()
    assert 'class="chart heat"' not in make(FORMS[0], tables=False).page()


def test_a_baseline_that_is_not_finite_is_said_so(make: Make, outline: Read) -> None:
    run = make(FORMS[0])
    run.metrics["baseline"]["only"]["level"] = None
    text = outline(run.page()).text
    assert "It cannot be compared" in text
    assert "not finite" in text


def test_a_task_without_a_baseline_is_said_so(make: Make, outline: Read) -> None:
    run = make(FORMS[0])
    run.metrics["baseline"] = {}
    assert "There is no baseline to compare it with." in outline(run.page()).text


def with_values(run: Any, value: float, baseline: float) -> Any:
    run.metrics["test"]["only"]["level"] = value
    run.metrics["baseline"]["only"]["level"] = baseline
    return run


@pytest.mark.parametrize(
    ("value", "baseline", "said"),
    [
        (0.9, 0.1, "the model is better"),
        (0.1, 0.9, "the model does not beat the baseline, it is worse"),
        (0.5, 0.5, "the model does not beat the baseline, it is no better"),
    ],
)
def test_the_headline_is_honest(make: Make, outline: Read, value: float, baseline: float, said: str) -> None:
    assert said in outline(with_values(make(FORMS[0]), value, baseline).page()).text


def test_where_less_is_better_less_wins(make: Make, outline: Read) -> None:
    run = with_values(make(FORMS[0]), 0.1, 0.9)
    run.composition.tasks["only"].metrics["level"].direction = "lower"
    assert "the model is better" in outline(run.page()).text


def with_recall_of_yes(run: Any, baseline: float) -> Any:
    """A second metric by which a constant yes is perfect."""
    metrics = run.composition.tasks["only"].metrics
    metrics["recall"] = Recall(Binary())
    run.metrics["test"]["only"]["recall"] = 0.9
    run.metrics["baseline"]["only"]["recall"] = baseline
    return run


def test_a_constant_that_is_perfect_by_a_metric_is_not_held_against_the_model(
    make: Make, outline: Read
) -> None:
    page = with_recall_of_yes(with_values(make(FORMS[1]), 0.904, 0.577), 1.0).page()
    headline = page.split('class="headline cards"')[1].split("</ul>")[0]
    assert 'class="good"' in headline
    assert 'class="poor"' not in headline
    assert "recall" not in headline
    table = page.split('id="metrics"')[1].split("</table>")[0]
    (row,) = [row for row in table.split("</tr>") if "recall" in row]
    assert "✗" not in row


def test_a_task_is_judged_by_the_first_metric_that_can_tell(make: Make, outline: Read) -> None:
    run = with_recall_of_yes(with_values(make(FORMS[1]), 0.9, 0.5), 1.0)
    metrics = run.composition.tasks["only"].metrics
    metrics["level"] = metrics.pop("level")  # recall comes first
    assert list(metrics) == ["recall", "level"]
    assert "0.9000 level on test" in outline(run.page()).text


def test_reasons_for_a_poor_task_are_told(make: Make, outline: Read) -> None:
    run = with_values(make(FORMS[0]), 0.1, 0.9)
    run.metrics["below_baseline"] = {"only": {"reasons": ["it has 12 training labels"]}}
    assert "it is worse. Perhaps: it has 12 training labels." in outline(run.page()).text


def test_a_better_headline_confesses_a_metric_that_is_worse(make: Make, outline: Read) -> None:
    run = with_values(make(FORMS[0]), 0.9, 0.1)
    metrics = run.composition.tasks["only"].metrics
    metrics["other"] = metrics["level"]
    run.metrics["test"]["only"]["other"] = 0.1
    run.metrics["baseline"]["only"]["other"] = 0.2
    page = run.page()
    assert "By other the baseline is better." in outline(page).text
    assert 'class="good"' in page.split('class="headline cards"')[1].split("</ul>")[0]


def test_the_same_run_gives_the_same_bytes(make: Make) -> None:
    run = make()
    assert run.page() == run.page()


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_left_in_its_mode(make: Make, training: bool) -> None:
    run = make()
    run.composition.model.train(training)
    run.page()
    assert run.composition.model.training is training


def test_the_model_answers_in_evaluation_mode(make: Make) -> None:
    run = make(FORMS[0])
    run.composition.model.train()
    modes = []
    run.composition.model.register_forward_hook(lambda module, *_: modes.append(module.training))
    run.page()
    assert set(modes) == {False}


def test_samples_without_a_label_are_named_not_judged(make: Make, wanted: Any, outline: Read) -> None:
    tasks = {
        "kind": wanted(FORMS[0], absent=True),
        "size": wanted(FORMS[2], absent=True),
    }
    text = outline(make(tasks).page()).text
    assert "no label" in text
    assert "0 have a label" in text
    assert "None of the first 20 test samples has this label." in text
    assert "✗ wrong" not in text


def test_history_that_is_not_finite_leaves_gaps(make: Make, outline: Read) -> None:
    run = make(FORMS[0], epochs=4)
    run.history[1]["validation/only/level"] = math.nan
    for row in run.history:
        row["train/only/loss"] = math.inf
    found = outline(run.page())
    assert found.problems == []
    drawn = [value for _, attributes in found.elements for value in attributes.values()]
    assert not [value for value in drawn if value.lower() in ("nan", "inf")]


def test_images_of_many_channels_and_sizes_are_shown(make: Make, outline: Read) -> None:
    for image in ((3, 4, 9), (2, 5, 5), (4, 7, 3)):
        found = outline(make(Image(*image), image=image).page())
        assert found.problems == []
        assert len(found.attributes("img")) == 40


def test_a_page_of_large_pictures_stays_under_a_megabyte(make: Make, wanted: Any) -> None:
    size = (3, 160, 160)
    tasks = {name: wanted(Image(*size), noise=0.3) for name in ("restore", "copy")}
    assert len(make(tasks, image=size, count=8).page()) < 1_000_000


def test_fewer_samples_than_a_row_are_all_shown(make: Make, outline: Read) -> None:
    assert len(outline(make(FORMS[3], count=3).page()).attributes("img")) == 15


def test_restorations_show_what_the_model_saw_when_it_was_spoilt(make: Make, wanted: Any) -> None:
    assert "what the model sees" in make({"restore": wanted(Image(1, 6, 5), noise=0.2)}).page()
    assert "clean, also what the model sees" in make(Image(1, 6, 5)).page()


def test_each_restoration_has_its_signal_to_noise_ratio(make: Make, wanted: Any, outline: Read) -> None:
    run = make({"restore": wanted(Image(1, 6, 5), noise=0.2)})
    with torch.no_grad():
        for parameter in run.composition.model.parameters():
            parameter.zero_()
        run.composition.model.heads[0].linear.bias.fill_(0.5)
    target = run.splits.test.image[0].float() / 255
    expected = -10 * math.log10(float((target - 0.5).square().mean()))
    assert f"{expected:.1f} dB" in outline(run.page()).text


def test_many_classes_are_thinned_and_not_numbered(make: Make, outline: Read) -> None:
    found = outline(make(Categorical(tuple(f"class {index}" for index in range(135)))).page())
    drawn = next(drawing for drawing in found.texts["svg"] if "given class" in drawing)
    assert drawn.count("class ") < 150
    assert len(found.attributes("image")) == 1


def test_a_failed_verification_warns(make: Make, outline: Read) -> None:
    text = outline(make(FORMS[0]).with_(verification={"passed": False}).page()).text
    assert "do not use the file" in text
    assert "Passed" not in text


def test_verification_shows_checksum_tolerance_and_cases(make: Make, outline: Read) -> None:
    found = outline(make(FORMS[0]).page())
    assert "ab" * 32 in found.text
    assert "absolute: 1.00e-04" in found.text
    assert "cases (1)" in found.texts["summary"]


def test_the_page_needs_the_environment(make: Make) -> None:
    run = make(FORMS[0])
    (run.folder.path / "environment.json").unlink()
    with pytest.raises(UsageError, match=r"environment\.json is missing"):
        run.page()


def test_an_environment_of_unknown_entries_is_shown(make: Make, outline: Read) -> None:
    run = make(FORMS[0])
    (run.folder.path / "environment.json").write_text(json.dumps({"device": "cpu", "host": "<x>"}))
    assert "<x>" in outline(run.page()).text
