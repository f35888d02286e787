"""The library gaussmix."""

from benchmarks.peers.scikit_learn import ScikitLearn


class GaussMix(ScikitLearn):
    """``GaussianMixture`` of gaussmix, which accepts the arguments of scikit-learn's.

    Passes are counted instead of iterations, because a step of Anderson acceleration takes a pass even if refused.
    """

    name = "gaussmix"
    module = "gaussmix"
    distribution = "gaussmix"
    estimators = "gaussmix"
    counted = "n_passes_"
