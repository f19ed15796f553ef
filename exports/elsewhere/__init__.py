"""Files for other runtimes than onnxruntime, each proven in its own."""
