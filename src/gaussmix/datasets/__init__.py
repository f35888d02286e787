"""Small tables for examples. scikit-learn's ``sklearn.datasets`` has the other tables of the documentation."""

from gaussmix.datasets.faithful import load_faithful

__all__ = ["load_faithful"]
