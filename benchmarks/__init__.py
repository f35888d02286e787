"""gaussmix beside scikit-learn: ``python -m benchmarks`` from the root of the repository."""
