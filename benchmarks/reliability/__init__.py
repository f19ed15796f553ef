"""The reliability scorecard: what mtl promises is attacked, row by row, and every violation counted.

    python -m benchmarks.reliability                          # all rows at full count: hours on two cores
    python -m benchmarks.reliability --rows R4,R6 --scale 0.1
    python -m benchmarks.reliability --faults                 # does each row notice a fault that was put in?
    python -m benchmarks.reliability --page                   # docs/reliability.md from the results

A row is a file of this package: it makes so many trials from a seed and returns what broke a promise. Each
result is a JSON file in benchmarks/results/reliability/; the page is made from these files alone.
"""
