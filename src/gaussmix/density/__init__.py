"""Questions that a mixture answers in more than a few lines of code.

Each *subject* holds what one or two methods of :class:`gaussmix.Mixture` do, and is named after them: ``affine``
(marginal, transform, convolve, join), ``bhattacharyya``, ``box``, ``conditioning``, ``divergences``, ``entropy``,
``interop``, ``level``, ``modes``, ``moments`` (skewness, kurtosis), ``reduction`` (merge, split, reduce), ``sampling``,
``transport`` (Wasserstein) and ``univariate`` (cdf, ppf, intervals). ``estimate`` holds the values that they return.

The other files are *helpers* of these subjects. For answers in one dimension: ``univariate_mixtures``. For modes:
``log_density_geometry``, ``modal_em`` and ``ridgeline``. For distances and entropies: ``gaussian_pairs``,
``monte_carlo`` and ``importance_sampling``. For checking, selecting and mixing: ``validation``, ``features``,
``subset``, ``mix`` and ``neighbours``.
"""
