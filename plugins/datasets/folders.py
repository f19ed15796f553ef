"""Where data sets are looked for."""

from __future__ import annotations

from pathlib import Path

DATA_DIR = Path("~/.cache/mtl")
"""The user's folder for data, when a recipe names none."""
