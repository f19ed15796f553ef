"""Built-in sharing schemes, one per file."""

from ...core.contracts.records import Component

COMPONENTS: tuple[Component, ...] = (
    Component(
        "sharing",
        "hard",
        "One encoder for all tasks",
        "mtl.plugins.sharings.hard:Hard",
        default_for=("recipe",),
    ),
    Component("sharing", "none", "An encoder per task", "mtl.plugins.sharings.none:Separate"),
    Component(
        "sharing",
        "cross-stitch",
        "An encoder per task, with learned mixing after chosen stages",
        "mtl.plugins.sharings.cross_stitch:CrossStitch",
    ),
    Component(
        "sharing",
        "mmoe",
        "Several encoders, mixed for every task by a gate that looks at the image",
        "mtl.plugins.sharings.mmoe:MMoE",
    ),
    Component(
        "sharing",
        "cgc",
        "Encoders of every task's own beside shared ones, mixed by a gate",
        "mtl.plugins.sharings.cgc:CGC",
    ),
    Component(
        "sharing",
        "ple",
        "Own and shared experts at every stage, mixed stage after stage",
        "mtl.plugins.sharings.ple:PLE",
    ),
    Component(
        "sharing",
        "mtan",
        "One encoder, with attention of every task's own over its stages",
        "mtl.plugins.sharings.mtan:MTAN",
    ),
    Component(
        "sharing",
        "dselect-k",
        "Several encoders, of which a smooth gate selects a few for every task",
        "mtl.plugins.sharings.dselect_k:DSelectK",
    ),
    Component(
        "sharing",
        "ltb",
        "A tree of stages whose branches are learned",
        "mtl.plugins.sharings.ltb:LTB",
    ),
)
