"""The table of multitask methods: one plan, one budget for all, every cell a run whose file is judged too.

    python -m benchmarks.multitask --data-dir DIR                    # what is missing, hours on a CPU
    python -m benchmarks.multitask --data-dir DIR --until 19:30      # begin nothing that ends later
    python -m benchmarks.multitask --data-dir DIR --cells 3          # three cells, and stop
    python -m benchmarks.multitask --data-dir DIR --seeds 4          # only what the first four seeds need
    python -m benchmarks.multitask --data-dir DIR --cell hard-sum-seed-0 --check  # repeat one, compare all
    python -m benchmarks.multitask --list                            # train nothing: name what is missing
    python -m benchmarks.multitask --page                            # train nothing: write docs/benchmark.md

What is to be trained stands in `plans/NAME.yaml`, written before the first training. Interrupted, the program
goes on after the last epoch; several at once share the work, each cell being claimed by a lock. Every cell
leaves one file in `benchmarks/results/multitask/NAME/`. A cell that fails is a file with its reason.
"""
