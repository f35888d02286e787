"""The E-step: engines with one protocol, and the choice between them."""

from gaussmix.engines.base import AUTO, ENGINES, Engine, engine_for

__all__ = ["AUTO", "ENGINES", "Engine", "engine_for"]
