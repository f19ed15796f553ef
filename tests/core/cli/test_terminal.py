"""Names that a terminal's encoding cannot show are shown escaped, by every command."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PRINTS = """
import importlib
import click
main = importlib.import_module("mtl.core.cli.main")
def run(arguments, **how):
    click.echo("\\u732b out")
    click.echo("\\u732b err", err=True)
    print("\\u732b bare")
    return 0
main.run = run
main.main([])
"""


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-8"])
def test_what_the_encoding_lacks_is_escaped(encoding):
    done = subprocess.run(
        [sys.executable, "-c", PRINTS],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(encoding)
    shown = "\u732b" if encoding == "utf-8" else "\\u732b"
    out, err = done.stdout.decode(encoding), done.stderr.decode(encoding)
    assert f"{shown} bare" in out
    assert "out" in out
    assert "err" in err
