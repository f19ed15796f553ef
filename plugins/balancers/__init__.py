"""Built-in balancers, one per file."""

from ...core.contracts.records import Component

_TARGETS: tuple[tuple[str, str, str], ...] = (
    ("weighted", "A fixed weight per task", "weighted:Weighted"),
    ("uncertainty", "Learned uncertainties weigh the losses", "uncertainty:Uncertainty"),
    ("dwa", "Losses that fall slowly weigh more", "dwa:DynamicWeightAverage"),
    ("gls", "The geometric mean of the losses", "gls:GeometricLoss"),
    ("rlw", "Random weights in every step", "rlw:RandomLossWeighting"),
    ("stch", "The smooth maximum of the losses", "stch:SmoothTchebycheff"),
    ("famo", "Equal relative progress, from losses alone", "famo:FastAdaptive"),
    ("imtl", "Equal projections on all gradients, learned scales of the losses", "imtl:Impartial"),
    ("gradnorm", "Learned weights keep gradients at comparable lengths", "gradnorm:GradNorm"),
    ("mgda", "The shortest vector between the gradients", "mgda:MultipleGradientDescent"),
    ("pcgrad", "Conflicting gradients projected onto each other", "pcgrad:ProjectingConflicts"),
    ("gradvac", "Gradients turned towards their usual similarity", "gradvac:GradientVaccine"),
    ("graddrop", "Gradients of one sign per coordinate, at random", "graddrop:GradientSignDropout"),
    ("cagrad", "Near the mean gradient, best for the worst task", "cagrad:ConflictAverse"),
    ("nash-mtl", "The bargain that all tasks agree to", "nash_mtl:NashBargain"),
    ("aligned-mtl", "Gradients made orthogonal and equally long", "aligned_mtl:AlignedComponents"),
    ("fairgrad", "Progress divided fairly", "fairgrad:FairResource"),
    ("excess-mtl", "Tasks with most to gain weigh more", "excess_mtl:ExcessRisk"),
    ("db-mtl", "Logarithms of losses, gradients of one length", "db_mtl:DualBalancing"),
    ("moco", "Weights from tracked gradients", "moco:MomentumCorrection"),
    ("modo", "Weights from two half batches", "modo:DoubleSampling"),
    ("sdmgrad", "Weights near the mean gradient, from three thirds of a batch", "sdmgrad:DirectionOriented"),
    ("upgrad", "Gradients projected so that no task is harmed", "upgrad:UnconflictingProjection"),
    ("config", "Equal angles to all gradients", "config:ConflictFree"),
)

COMPONENTS: tuple[Component, ...] = (
    Component(
        "balancer",
        "sum",
        "The plain sum of the losses",
        "mtl.plugins.balancers.sum:Sum",
        default_for=("recipe",),
    ),
    *(
        Component("balancer", name, summary, f"mtl.plugins.balancers.{target}")
        for name, summary, target in _TARGETS
    ),
)
