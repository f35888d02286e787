"""scikit-learn's callbacks: the tasks of a fit that they see. scikit-learn has callbacks since version 1.9."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

try:
    from sklearn.callback import CallbackSupportMixin
    from sklearn.callback._callback_support import callback_management_context
except ImportError:  # scikit-learn 1.8: estimators have no method `set_callbacks`, and so no callbacks

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """The base of estimators with callbacks, in versions of scikit-learn that have none."""


__all__ = ["Attributes", "CallbackSupportMixin", "Task", "begin_fit"]

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
    with callback_management_context(estimator):
        context = estimator._init_callback_context(max_subtasks=n_subtasks)  # noqa: SLF001 - scikit-learn's protocol
        whole = Task(estimator, context, {"X": X, "y": y, "metadata": metadata})
        context.call_on_fit_task_begin(estimator=estimator, **whole.shown)
        yield whole
        whole.end(dict)
