"""One encoder for all tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor, nn

from ...core.contracts import Encoder, Sharing


class Hard(Sharing):
    """Hard parameter sharing (Caruana 1997): all tasks see the features of one encoder."""

    common_features = True

    def __init__(self, tasks: Sequence[str], build_encoder: Callable[[], Encoder]) -> None:
        super().__init__(tasks, build_encoder)
        self.encoder = build_encoder()
        self.feature_specs = dict.fromkeys(self.tasks, self.encoder.feature_specs)
        self.fuses = self.encoder.fuses

    def forward(
        self, image: Tensor, inputs: Mapping[str, Tensor], tasks: Sequence[str]
    ) -> dict[str, tuple[Tensor, ...]]:
        stages = self.encoder(image, inputs)
        return dict.fromkeys(tasks, stages)

    def shared_parameters(self) -> list[nn.Parameter]:
        return list(self.encoder.parameters()) if len(self.tasks) > 1 else []
