"""The address of a training: what it trains, with its seed and its data."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ..recipe.recipe import Recipe


def recipe_key(recipe: Recipe) -> str:
    """Return the SHA-256 of a recipe, hexadecimal: unlike `Recipe.hash`, another data folder is another key.

    How the model would be exported, and who is told, does not belong to a training.
    """
    apart = ("export", "trackers")
    content: dict[str, Any] = {key: value for key, value in recipe.to_plain().items() if key not in apart}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
