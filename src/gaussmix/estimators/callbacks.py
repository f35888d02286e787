"""scikit-learn's callbacks: the tasks of a fit that they see. scikit-learn has callbacks since version 1.9."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any, Self

__all__ = ["Attributes", "CallbackSupport", "Task", "begin_fit"]


class CallbackSupport:
    """The base of estimators with callbacks: scikit-learn's, which loads rich, is loaded with the first callback."""

    if find_spec("sklearn.callback"):

        def set_callbacks(self, *callbacks: Any) -> Self:  # noqa: ANN401 - scikit-learn's protocol has no types
            """Set scikit-learn's callbacks for the next fits, in place of those that were set before.

            Parameters
            ----------
            *callbacks : callback
                Objects with the methods of :class:`sklearn.callback.FitCallback`, such as
                :class:`sklearn.callback.ProgressBar`. Without any, no callback is called.

            Returns
            -------
            self : estimator

            Raises
            ------
            TypeError
                If an object is no callback.

            Examples
            --------
            >>> from gaussmix import GaussianMixture
            >>> from sklearn.callback import ProgressBar
            >>> model = GaussianMixture(3).set_callbacks(ProgressBar())
            """
            from sklearn.callback import CallbackSupportMixin  # noqa: PLC0415 - rich comes with it

            CallbackSupportMixin.set_callbacks(self, *callbacks)
            return self


Attributes = Callable[[], dict[str, Any]]
"""A function that returns the attributes of an estimator as if the fit had ended with a task."""


@dataclass(frozen=True)
class Task:
    """A task of a fit, and its subtasks: a fit has starts, a start has EM steps, and a search has models.

    Attributes
    ----------
    estimator : object
        The estimator whose callbacks see the task; None without callbacks. Then the methods do nothing.
    context : object
        The task as scikit-learn describes it to callbacks.
    shown : dict
        The data that callbacks may ask for, by scikit-learn's names: rows, targets and weights.
    """

    estimator: Any = None
    context: Any = None
    shown: dict[str, Any] = field(default_factory=dict)

    def begin(self, name: str, n_subtasks: int | None = 0) -> "Task":
        """Begin a subtask with a name, and return it.

        Parameters
        ----------
        name : str
            Name of the subtask, which progress bars show.
        n_subtasks : int, optional
            Largest number of subtasks of the subtask; None if it is not known.
        """
        if self.estimator is None:
            return self
        context = self.context.subcontext(name, max_subtasks=n_subtasks)
        context.call_on_fit_task_begin(estimator=self.estimator, **self.shown)
        return replace(self, context=context)

    def end(self, attributes: Attributes) -> bool:
        """End the task, and return True if a callback asks to stop.

        Parameters
        ----------
        attributes : callable
            Returns the attributes of the estimator as if the fit had ended here. It is called only for callbacks that
            ask for the fitted estimator.
        """
        return self.estimator is not None and bool(
            self.context.call_on_fit_task_end(
                estimator=self.estimator, **self.shown, reconstruction_attributes=attributes
            )
        )


@contextmanager
def begin_fit(
    estimator: Any,  # noqa: ANN401 - an estimator of any class
    n_subtasks: int | None,
    *,
    X: Any,  # noqa: ANN401, N803 - rows of any kind, under scikit-learn's name
    y: object,
    sample_weight: object,
) -> Iterator[Task]:
    """Begin the task of a whole fit, yield it, and end it; callbacks are torn down, also after an error.

    Parameters
    ----------
    estimator : estimator
        The estimator. It is fitted when the context is left.
    n_subtasks : int, optional
        Largest number of subtasks; None if it is not known.
    X, y, sample_weight
        The arguments of the fit.
    """
    if not getattr(estimator, "_skl_callbacks", None):
        yield Task()
        return
    metadata = None if sample_weight is None else {"sample_weight": sample_weight}
    from sklearn.callback import CallbackSupportMixin  # noqa: PLC0415 - loaded with the first callback
    from sklearn.callback._callback_support import callback_management_context  # noqa: PLC0415 - as above

    with callback_management_context(estimator):
        context = CallbackSupportMixin._init_callback_context(estimator, max_subtasks=n_subtasks)  # noqa: SLF001
        whole = Task(estimator, context, {"X": X, "y": y, "metadata": metadata})
        context.call_on_fit_task_begin(estimator=estimator, **whole.shown)
        yield whole
        whole.end(dict)
