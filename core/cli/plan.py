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
    lines += [_weights_line(origin) for origin in plan.get("weights", ())]
    lines += [_group_line(group) for group in plan["groups"]]
    for output in plan["outputs"]:
        task = recipe["tasks"][output["name"]]
        lines.append(
            f"  {output['name']}: head {task['head']['name']}, loss {task['loss']['name']}, "
            f"weight {task['weight']:g}, output {output['target']['form']} {output['shape']}"
        )
    return "\n".join(lines)


def _weights_line(origin: Mapping[str, Any]) -> str:
    licence = origin["licence"] or "not stated"
    return f"  weights of {origin['network']} from {origin['source']}, licence {licence}"


def _group_line(group: Mapping[str, Any]) -> str:
    line = f"  group {group['match']}: {group['parameters']:,} parameters"
    line += ", frozen" if group["frozen"] else ""
    return line + (f"; {group['claimed_before']:,} are of groups before" if group["claimed_before"] else "")
