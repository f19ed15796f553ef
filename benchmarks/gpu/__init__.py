"""What mtl is on a GPU: right, resumable, without waits, and how fast; `python -m benchmarks.gpu`."""
