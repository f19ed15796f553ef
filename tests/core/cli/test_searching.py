"""What a search tells on a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtl.core.cli.searching import TrialLines, telling_what_is_kept
from mtl.core.search.objectives import Objective
from mtl.core.search.trials import Trial


def test_a_trial_has_the_number_of_its_folder_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    lines, trial = TrialLines(), Trial(3, {"train.epochs": 2}, state="finished", scores=(0.5,))
    lines.started(1, 6)
    lines.ended(trial, [Objective("mean", "higher")])
    lines.judging(trial)
    assert capsys.readouterr().err.splitlines() == [
        "1 trial was made before",
        "trial 3 (4 of 6), train.epochs 2: mean skill 0.5000  (0.0 s)",
        "trial 3 is evaluated on test ...",
    ]


def test_fewer_trials_than_there_are_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    TrialLines().started(4, 2)
    assert capsys.readouterr().err == "4 trials were made before: --trials 2 asks for no more\n"


def test_what_is_kept_is_said_behind_what_was_interrupted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(KeyboardInterrupt) as interrupt, telling_what_is_kept(tmp_path):
        raise KeyboardInterrupt
    assert interrupt.value.__notes__ == [f"trials are kept in {tmp_path}; repeat the command to go on"]
    assert capsys.readouterr().err == ""
