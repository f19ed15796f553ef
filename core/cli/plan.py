"""A plan in a few lines. It stands apart from training: a dry run shows it and imports nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..base.shapes import shown_shape

_SECTIONS = ("encoder", "sharing", "balancer")


def describe_plan(plan: Mapping[str, Any]) -> str:
    """Return the plan as a few lines: the components, the sizes, the outputs."""
    recipe = plan["recipe"]
    parameters = plan["parameters"]
    chosen = "  ".join(
        f"{label} {recipe[section]['name']}"
        for label, section in (("data set", "dataset"), *((name, name) for name in _SECTIONS))
    )
    lines = [*plan["data"], f"{chosen}  {parameters['total']:,} parameters", *_asked_lines(plan)]
    lines += [_weights_line(origin) for origin in plan.get("weights", ())]
    lines += [_group_line(group) for group in plan["groups"]]
    lines += [_frozen_line(plan["frozen"])] if plan["frozen"] else []
    for output in plan["outputs"]:
        task = recipe["tasks"][output["name"]]
        lines.append(
            f"  {output['name']}: head {task['head']['name']}, loss {task['loss']['name']}, "
            f"weight {task['weight']:g}, output {output['target']['form']} {shown_shape(output['shape'])}"
        )
    return "\n".join(lines)


def _asked_lines(plan: Mapping[str, Any]) -> Iterator[str]:
    """Yield who trains where, and which seeds, if that was asked for."""
    if "device" in plan:
        line = f"  on {plan['device']}"
        line += f", {plan['processes']} processes" if plan.get("processes", 1) > 1 else ""
        line += f", by {plan['executor']}" if "executor" in plan else ""
        yield line + (f", {plan['jobs']} at a time" if "jobs" in plan else "")
    if "seeds" in plan:
        count = len(plan["seeds"])
        yield f"  {count} seed{'s' * (count > 1)}: {', '.join(map(str, plan['seeds']))}"


def _weights_line(origin: Mapping[str, Any]) -> str:
    licence = origin["licence"] or "not stated"
    return f"  weights of {origin['network']} from {origin['source']}, licence {licence}"


def _group_line(group: Mapping[str, Any]) -> str:
    line = f"  group {group['match']}: {group['parameters']:,} parameters"
    line += ", frozen" if group["frozen"] else ""
    return line + (f"; {group['claimed_before']:,} are of groups before" if group["claimed_before"] else "")


def _frozen_line(frozen: Mapping[str, Any]) -> str:
    layers = f", {frozen['layers']} layers keep their statistics" if frozen["layers"] else ""
    until = f", for {frozen['until']} epoch{'s' * (frozen['until'] > 1)}" if frozen["until"] else ""
    return f"  frozen: {frozen['parameters']:,} parameters{layers}{until}"


def describe_costs(plan: Mapping[str, Any]) -> str:
    """Return what each part of the model costs, as a table: a line for each and one for all."""
    costs: Mapping[str, Mapping[str, int]] = plan["costs"]
    names = ("parameters", "trained", "multiply_adds", "bytes")
    whole = {name: sum(cost[name] for cost in costs.values()) for name in names}
    rows = [["part", "parameters", "trained", "multiply-adds", "memory"]]
    for part, cost in (*costs.items(), ("all", whole)):
        if any(cost.values()):
            numbers = [f"{cost[name]:,}" for name in names[:3]]
            rows.append([part, *numbers, f"{cost['bytes'] / 1024:,.1f} KiB"])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows
    ]
    note = "multiply-adds and memory are of one sample; memory is what training keeps for the backward pass"
    return "\n".join([*lines, note])
