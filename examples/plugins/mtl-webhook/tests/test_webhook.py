"""What is posted, and what is refused before a run begins."""

import math

import pytest
from mtl_webhook.tracker import Webhook

from mtl.contracts import MissingRequirementError, TrackedRun, UsageError


def test_a_run_is_told_from_its_begin_to_its_end(posted, tmp_path):
    posted.clear()
    tracker = Webhook(every=2)
    tracker.start(TrackedRun(tmp_path, tmp_path / "own", "demo", {}, "0"))
    for epoch in (1, 2, 3):
        tracker.scalars(epoch, {"train/a/loss": 0.5, "test/a/f1": math.nan})
    tracker.finish("interrupted")
    assert [(said["event"], said["epoch"]) for said in posted] == [
        ("started", 0),
        ("epoch", 2),
        ("interrupted", 3),
    ]
    assert posted[1]["text"] == "demo, epoch 2: train/a/loss 0.5"
    assert posted[1]["values"] == {"train/a/loss": 0.5, "test/a/f1": None}


@pytest.mark.parametrize(
    ("value", "error"), [("", MissingRequirementError), ("file:///etc/passwd", UsageError)]
)
def test_without_an_address_it_is_refused(value, error, monkeypatch):
    monkeypatch.setenv("MTL_WEBHOOK", value)
    with pytest.raises(error, match="MTL_WEBHOOK"):
        Webhook()
