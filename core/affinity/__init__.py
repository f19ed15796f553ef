"""`mtl affinity`: which tasks to train together, measured; and the best grouping under a budget."""
