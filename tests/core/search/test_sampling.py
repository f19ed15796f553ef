"""Values follow from space, seed, number and what came of the trials before; hopeless trials are stopped."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.core.search.objectives import Objective
from mtl.core.search.sampling import Rule, Sampler, Stopping
from mtl.core.search.space import Only, Range, Value, combinations, read_space
from mtl.core.search.trials import Trial, best_of

RATE = read_space(["rate=log:1e-4..1e-1", "width=8,16,32"])


def made(sampler: Sampler, count: int, before: tuple[Trial, ...] = ()) -> list[Trial]:
    """Make trials one after the other; the best rate is 0.01, the widest the best."""
    trials = list(before)
    for number in range(len(trials), count):
        values = sampler.draw(number, trials, ())
        assert values is not None
        score = -abs(float(values["rate"]) - 0.01) + int(values["width"]) / 100
        trials.append(Trial(number, values, (), "finished", (score,)))
    return trials


@pytest.mark.parametrize("name", ["tpe", "random"])
def test_the_same_seed_gives_the_same_trials_also_after_an_interruption(name: str) -> None:
    sampler = Sampler(RATE, ["maximize"], name, 3)
    whole = made(sampler, 16)
    kept = tuple(Trial.from_json(trial.to_json()) for trial in whole[:12])
    assert made(sampler, 16, kept) == whole
    assert made(replace(sampler, seed=4), 3) != whole[:3]


def test_values_lie_in_the_space_and_follow_what_was_good() -> None:
    trials = made(Sampler(RATE, ["maximize"], "tpe", 0), 24)
    assert all(1e-4 <= float(trial.values["rate"]) <= 1e-1 for trial in trials)
    later = [trial.values["width"] for trial in trials[12:]]
    assert later.count("32") > len(later) / 2


def test_every_combination_is_tried_once_and_then_none_is_left() -> None:
    space = (Range("a", 1, 3, whole=True), *read_space(["b=x,y"]))
    assert combinations(space) == 6
    sampler, trials = Sampler(space, ["maximize"], "tpe", 0), []
    for number in range(6):
        values = sampler.draw(number, trials, ())
        assert values is not None
        trials.append(Trial(number, values, (), "failed"))
    assert len({tuple(trial.values.items()) for trial in trials}) == 6
    assert sampler.draw(6, trials, ()) is None


def test_options_that_a_choice_has_not_are_not_drawn_with_it() -> None:
    both = (*read_space(["e=x,y", "e.a=1,2"]), *read_space(["e.b=3,4"]))
    space = (
        both[0],
        *(replace(item, only=Only("e", (text,))) for item, text in zip(both[1:], "xy", strict=True)),
    )
    sampler, trials = Sampler(space, ["maximize"], "tpe", 1), list[Trial]()
    while (values := sampler.draw(len(trials), trials, ())) is not None:
        trials.append(Trial(len(trials), values, (), "finished", (float(len(trials)),)))
    assert sorted(tuple(trial.values.items()) for trial in trials) == [
        (("e", "x"), ("e.a", "1")),
        (("e", "x"), ("e.a", "2")),
        (("e", "y"), ("e.b", "3")),
        (("e", "y"), ("e.b", "4")),
    ]


def test_trials_whose_ends_are_unknown_are_kept_away_from() -> None:
    space = read_space(["b=x,y"])
    values: dict[str, Value] = {"b": "x"}
    assert Sampler(space, ["maximize"], "tpe", 0).draw(1, (), [Trial(0, values)]) == {"b": "y"}


def test_values_of_another_space_are_refused() -> None:
    sampler = Sampler(RATE, ["maximize"], "tpe", 0)
    with pytest.raises(ValueError):
        sampler.check([Trial(0, {"rate": 5.0, "width": "8"})])
    with pytest.raises(ValueError, match="2 scores"):
        sampler.check([Trial(0, {"rate": 0.01, "width": "8"}, (), "finished", (0.1, 0.2))])


CURVES = tuple(((1, score), (2, score + 0.1)) for score in (0.1, 0.2, 0.3, 0.4))


@pytest.mark.parametrize(("score", "stopped"), [(0.2, True), (0.26, False)])
def test_a_trial_is_stopped_where_half_of_the_others_were_better(score: float, stopped: bool) -> None:
    assert Stopping(Rule("maximize", 2, CURVES)).reached(1, score) is stopped


def test_a_lower_score_may_be_the_better_one() -> None:
    assert not Stopping(Rule("minimize", 2, CURVES)).reached(1, 0.2)


def test_nothing_is_stopped_before_four_trials_or_in_the_first_epochs() -> None:
    assert not Stopping(Rule("maximize", 2, CURVES[:3])).reached(1, 0.0)
    late = Stopping(Rule("maximize", 10, CURVES))
    assert [late.reached(epoch, 0.0) for epoch in (1, 2)] == [False, True]
    assert not Stopping(None).reached(1, 0.0)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12))
def test_of_several_objectives_those_are_kept_that_none_beats(scores: list[tuple[int, int]]) -> None:
    objectives = [Objective("a", "higher"), Objective("b", "lower")]
    trials = [Trial(n, {}, (), "finished", (float(a), float(b))) for n, (a, b) in enumerate(scores)]
    front = {trial.scores for trial in best_of(trials, objectives)}
    beaten = {(a, b) for a, b in scores if any(c >= a and d <= b and (c, d) != (a, b) for c, d in scores)}
    assert front == {(float(a), float(b)) for a, b in set(scores) - beaten}
    assert best_of(trials, objectives)[0].scores[0] == max(a for a, _ in scores)
