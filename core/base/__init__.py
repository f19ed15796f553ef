"""Files, locks, processes and messages: knows nothing of models."""
