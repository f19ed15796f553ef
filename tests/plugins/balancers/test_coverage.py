"""Every balancer has a reference of its own, and no reference leans on a library of balancers."""

from pathlib import Path

from .trajectory import REGISTRY

TEXT = "".join(path.read_text() for path in sorted(Path(__file__).parent.glob("test_*_references.py")))


def test_every_balancer_follows_a_reference() -> None:
    assert [name for name in REGISTRY.names("balancer") if f'follow("{name}"' not in TEXT] == []


def test_references_are_written_out() -> None:
    assert "torchjd" not in TEXT
    assert "mtl.plugins" not in TEXT
