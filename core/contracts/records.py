"""The small frozen description of a component that a plugin hook yields.

>>> Component("encoder", "lenet", "LeNet-5", "my.package:LeNet").name
'lenet'
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..base.errors import suggest

KINDS = (
    "dataset",
    "form",
    "augmentation",
    "encoder",
    "head",
    "loss",
    "metric",
    "task",
    "sharing",
    "balancer",
    "optimizer",
    "schedule",
    "exporter",
    "tracker",
    "executor",
    "recipe",
)
"""Every kind of component, in the order a batch meets them."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


@dataclass(frozen=True)
class Component:
    """One component: its kind, unique name, one-line summary, and where its class is.

    `target` is `"package.module:Class"`, imported only when the component is built; a recipe's
    target is `"package:file.yaml"`, package data.

    `default_for` names the situations in which the component is taken when the recipe is silent:
    `"recipe"` for a data set, encoder, sharing, balancer, optimizer, schedule or exporter, and for the task
    that `mtl init` proposes;
    `"jobs"` for the executor of many trainings where none is named;
    `"inputs"` for the head of a task whose extra input the encoder does not read, and for the encoder that is
    advised where a data set's vectors are not read; `"file"` for the data set
    that reads what `--data` names, by its option `file`. The head, loss and metrics of a form of answer are
    its own matter.
    """

    kind: str
    name: str
    summary: str
    target: str
    default_for: tuple[str, ...] = ()

    def problems(self) -> list[str]:
        """Return what is wrong with the record, one line each; empty when it is valid."""
        found = []
        if self.kind not in KINDS:
            found.append(f"unknown kind {self.kind!r}; {suggest(str(self.kind), KINDS, 'kinds')}")
        if not _NAME.fullmatch(self.name):
            found.append(f"name {self.name!r} must be lower-case words joined by hyphens")
        if not self.summary.strip() or "\n" in self.summary:
            found.append("summary must be one non-empty line")
        if self.kind != "recipe" and not _TARGET.fullmatch(self.target):
            found.append(f"target {self.target!r} must look like 'package.module:Class'")
        return found
