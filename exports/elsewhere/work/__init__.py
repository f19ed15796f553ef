"""What runs in processes of other runtimes: nothing here imports mtl or torch at the top."""
