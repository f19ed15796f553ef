"""Where the weights come from that training starts with, for whoever gets the trained model. No torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class WeightsOrigin:
    """Weights that somebody else trained: of which network, from where, under which licence.

    `source` is an address or the name of a file, without its folder; `sha256` is that of the file's bytes;
    `library` is the package and version that made the network. What is not known is "".

    >>> WeightsOrigin("resnet18", "weights.safetensors", licence="MIT").to_json()["licence"]
    'MIT'
    """

    network: str
    source: str
    sha256: str = ""
    licence: str = ""
    library: str = ""

    def to_json(self) -> dict[str, str]:
        """Return the fields by name."""
        return asdict(self)
