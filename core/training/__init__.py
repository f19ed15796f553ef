"""Training: the epochs, one step, and what is kept of them."""
