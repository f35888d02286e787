"""gaussmix itself."""

from benchmarks.peers.scikit_learn import ScikitLearn


class GaussMix(ScikitLearn):
    """Its ``GaussianMixture`` takes scikit-learn's arguments.

    It leaps between iterations, and a leap takes a pass over the rows, also one that is not kept: passes are counted.
    """

    name = "gaussmix"
    module = "gaussmix"
    distribution = "gaussmix"
    estimators = "gaussmix"
    counted = "n_passes_"
