"""The model as a picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mtl.plugins.forms import Categorical

Make = Callable[..., Any]


def picture(page: str) -> str:
    return page[page.index('class="chart architecture"') :].split("</svg>")[0]


def test_each_task_has_a_way_from_the_image_to_its_head(make: Make) -> None:
    drawn = picture(make().page())
    for task in ("kind", "is.even", "how-many", "restore"):
        assert drawn.count(f"<title>{task}</title></path>") == 2
    assert ">only</text>" in drawn
    assert ">heads</text>" in drawn
    assert "head, with number" in drawn


def test_parts_are_drawn_with_what_they_cost(make: Make) -> None:
    run = make()
    drawn = picture(run.page())
    cost = run.composition.costs()["stage only"]
    assert cost.parameters == 30 * 8 + 8
    assert ">248 params</text>" in drawn
    assert ">240 mult-adds</text>" in drawn
    assert ">27 · 24</text>" in drawn


def test_of_many_tasks_the_first_are_drawn_and_the_others_counted(make: Make, wanted: Any) -> None:
    tasks = {f"t{place}": wanted(Categorical(("a", "b"))) for place in range(14)}
    page = make(tasks, tables=False, real=False).page()
    assert "t11" in picture(page)
    assert "t12" not in picture(page)
    assert "2 more tasks are not drawn." in page
