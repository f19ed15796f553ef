"""A plan in a few lines. It stands apart from training: a dry run shows it and imports nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SECTIONS = ("encoder", "sharing", "balancer")


def describe_plan(plan: Mapping[str, Any]) -> str:
    """Return the plan as a few lines: the components, the sizes, the outputs."""
    recipe = plan["recipe"]
    parameters = plan["parameters"]
    chosen = "  ".join(
        f"{label} {recipe[section]['name']}"
        for label, section in (("data set", "dataset"), *((name, name) for name in _SECTIONS))
    )
    lines = [*plan["data"], f"{chosen}  {parameters['total']:,} parameters"]
    for output in plan["outputs"]:
        task = recipe["tasks"][output["name"]]
        lines.append(
            f"  {output['name']}: head {task['head']['name']}, loss {task['loss']['name']}, "
            f"weight {task['weight']:g}, output {output['target']['form']} {output['shape']}"
        )
    return "\n".join(lines)
