"""gaussmix itself."""

from benchmarks.peers.scikit_learn import ScikitLearn


class GaussMix(ScikitLearn):
    """Its ``GaussianMixture`` takes scikit-learn's arguments."""

    name = "gaussmix"
    module = "gaussmix"
    distribution = "gaussmix"
    estimators = "gaussmix"
