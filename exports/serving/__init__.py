"""`mtl serve`: exported models behind HTTP, in the Open Inference Protocol (KServe's version 2). No torch."""
