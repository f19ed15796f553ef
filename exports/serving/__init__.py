"""`mtl serve`: exported models behind HTTP, in the Open Inference Protocol (version 2 of KServe's). No torch."""
