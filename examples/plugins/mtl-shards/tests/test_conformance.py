"""The data set keeps the promises of its contract, with shards that are drawn for it."""

import tempfile
from pathlib import Path

from mtl_shards.draw import draw_shards

from mtl.testing import parametrize_with_checks

FOLDER = tempfile.TemporaryDirectory()
draw_shards(Path(FOLDER.name), train=20, test=10)


@parametrize_with_checks(["mtl-shards"], options={"shards": {"data_dir": Path(FOLDER.name)}})
def test_conformance(component, check):
    check(component)
