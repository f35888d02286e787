"""Convert mixtures to and from dictionaries and scikit-learn's estimators."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gaussmix.arguments import check_choice, check_fitted, check_type
from gaussmix.covariances import FORMS

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["from_dict", "from_sklearn", "to_dict", "to_sklearn"]


def to_dict(mixture: "Mixture") -> dict[str, Any]:
    """Return the mixture as plain arrays, under scikit-learn's names without the trailing underscore.

    Returns
    -------
    dict
        ``weights`` (K,), ``means`` (K, D), ``covariances`` in the shape of the ``covariance_type``, which is
        ``"spherical"`` (K,), ``"diag"`` (K, D), ``"tied"`` (D, D) or ``"full"`` (K, D, D), and ``feature_names``, a
        list or None. The arrays are copies, which can be changed.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> mixture = Mixture([1.0], [[0.0, 1.0]], [4.0])
    >>> mixture.to_dict()["covariances"]
    array([4.])
    >>> Mixture.from_dict(mixture.to_dict()).means
    array([[0., 1.]])
    """
    return {
        "weights": mixture.weights.copy(),
        "means": mixture.means.copy(),
        "covariances": np.array(mixture.covariances.covariances),
        "covariance_type": mixture.covariances.form,
        "feature_names": None if mixture.feature_names is None else list(mixture.feature_names),
    }


def from_dict(cls: type["Mixture"], arrays: Mapping[str, Any]) -> "Mixture":
    """Return a mixture from the result of :meth:`Mixture.to_dict`.

    Parameters
    ----------
    arrays : dict
        ``weights``, ``means``, ``covariances``, ``covariance_type`` and, optionally, ``feature_names``.

    Returns
    -------
    Mixture

    Raises
    ------
    ValueError
        If an entry is missing, or its value is invalid.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> mixture = Mixture([0.5, 0.5], [[0.0, 0.0], [3.0, 1.0]], [1.0, 2.0])
    >>> Mixture.from_dict(mixture.to_dict()).means
    array([[0., 0.],
           [3., 1.]])
    """
    if not isinstance(arrays, Mapping):
        check_type("arrays", arrays, dict, "Mixture.to_dict returns such a dict")
    missing = {"weights", "means", "covariances", "covariance_type"} - arrays.keys()
    if missing:
        msg = f"arrays must also hold {', '.join(sorted(missing))}; see Mixture.to_dict."
        raise ValueError(msg)
    form = check_choice("covariance_type", arrays["covariance_type"], FORMS)
    covariances = FORMS[form].from_covariances(arrays["covariances"])
    return cls(arrays["weights"], arrays["means"], covariances, feature_names=arrays.get("feature_names"))


def from_sklearn(cls: type["Mixture"], model: Any) -> "Mixture":  # noqa: ANN401 - scikit-learn has no types
    """Return the mixture of a fitted estimator of scikit-learn.

    Parameters
    ----------
    model : sklearn.mixture.GaussianMixture or BayesianGaussianMixture
        A fitted estimator, or any object with the attributes ``weights_``, ``means_``, ``covariances_`` and
        ``covariance_type``.

    Returns
    -------
    Mixture
        The mixture, with covariances of the same form, and ``feature_names_in_`` as its feature names.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the estimator was not fitted.
    TypeError
        If the object is no such estimator.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn import mixture
    >>> from gaussmix import Mixture
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> theirs = mixture.GaussianMixture(3, covariance_type="tied", random_state=0).fit(X)
    >>> ours = Mixture.from_sklearn(theirs)
    >>> np.allclose(ours.logpdf(X), theirs.score_samples(X))
    True
    """
    check_fitted("model", model, "means_", "a fitted sklearn.mixture.GaussianMixture or BayesianGaussianMixture")
    check_fitted("model", model, "covariances_", "a fitted sklearn.mixture.GaussianMixture or BayesianGaussianMixture")
    return from_dict(
        cls,
        {
            "weights": model.weights_,
            "means": model.means_,
            "covariances": model.covariances_,
            "covariance_type": model.covariance_type,
            "feature_names": getattr(model, "feature_names_in_", None),
        },
    )


def to_sklearn(mixture: "Mixture") -> Any:  # noqa: ANN401 - scikit-learn has no types
    """Return a fitted :class:`sklearn.mixture.GaussianMixture` with the parameters of this mixture.

    It is meant for software that knows scikit-learn's estimators only: exporters to ONNX, model stores, dashboards. Its
    ``predict_proba``, ``score_samples`` and ``sample`` use the distribution of this mixture. There was no fit, so that
    ``converged_`` is True, ``n_iter_`` is 0 and ``lower_bound_`` is NaN.

    Returns
    -------
    sklearn.mixture.GaussianMixture
        The estimator.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix import Mixture
    >>> mixture = Mixture([0.5, 0.5], [[0.0, 0.0], [3.0, 1.0]], [1.0, 2.0])
    >>> theirs = mixture.to_sklearn()
    >>> np.allclose(theirs.predict_proba([[1.0, 1.0]]), mixture.responsibilities([[1.0, 1.0]]))
    True
    """
    from sklearn.mixture import GaussianMixture  # noqa: PLC0415 - as above

    covariances = mixture.covariances
    model = GaussianMixture(mixture.n_components, covariance_type=covariances.form)
    model.weights_, model.means_ = mixture.weights.copy(), mixture.means.copy()
    model.covariances_ = np.array(covariances.covariances)
    model.precisions_cholesky_ = np.array(covariances.precisions_cholesky)
    model.precisions_ = np.array(covariances.precisions)
    model.converged_, model.n_iter_, model.lower_bound_, model.lower_bounds_ = True, 0, np.nan, []
    model.n_features_in_ = mixture.n_features
    if mixture.feature_names is not None:
        model.feature_names_in_ = np.array(mixture.feature_names, dtype=object)
    return model
