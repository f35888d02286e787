"""Expectation-maximization: the loop, its stopping rule, its acceleration, and the M-step."""

from gaussmix.em.limit import run_to_limit
from gaussmix.em.loop import Fit, Maximizer, State, Status, distance_to_limit, iterate, run
from gaussmix.em.m_step import MStep

__all__ = ["Fit", "MStep", "Maximizer", "State", "Status", "distance_to_limit", "iterate", "run", "run_to_limit"]
