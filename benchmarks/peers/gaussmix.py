"""gaussmix itself."""

from benchmarks.peers.scikit_learn import ScikitLearn


class GaussMix(ScikitLearn):
    """Its ``GaussianMixture`` takes scikit-learn's arguments.

    Extrapolated steps take a pass over the rows, also those that are refused, so passes are counted.
    """

    name = "gaussmix"
    module = "gaussmix"
    distribution = "gaussmix"
    estimators = "gaussmix"
    counted = "n_passes_"
