"""Expectation-maximization: the loop, its stopping rule, its acceleration, and the M-step."""

from gaussmix.em.loop import Fit, State, Status, distance_to_limit, iterate, run
from gaussmix.em.m_step import MStep

__all__ = ["Fit", "MStep", "State", "Status", "distance_to_limit", "iterate", "run"]
