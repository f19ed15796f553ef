"""Check that a run folder holds every file the design promises, and that the model is good."""

from __future__ import annotations

import json
import sys
from pathlib import Path

FILES = (
    "recipe.yaml",
    "environment.json",
    "metrics.json",
    "history.csv",
    "checkpoint/manifest.json",
    "model.onnx",
    "verify.json",
    "report.html",
)


def main() -> None:
    """Exit with a message when something is missing or worse than promised."""
    run = Path(sys.argv[1])
    missing = [name for name in FILES if not (run / name).is_file()]
    if missing:
        sys.exit(f"{run} lacks {', '.join(missing)}")
    metrics = json.loads((run / "metrics.json").read_text())
    accuracy = metrics["test"]["classify"]["accuracy"]
    gain = metrics["test"]["denoise"]["psnr"] - metrics["baseline"]["denoise"]["psnr"]
    passed = json.loads((run / "verify.json").read_text())["passed"]
    print(f"accuracy {accuracy:.4f}, denoising gain {gain:.2f} dB, verified {passed}")
    if accuracy < 0.96 or gain < 6.0 or passed is not True:
        sys.exit("the first command's model is worse than the README promises")


if __name__ == "__main__":
    main()
