"""Many independent trainings: handed to an executor, claimed, finished once, by any number of drivers."""
