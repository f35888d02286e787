"""The layer between Numba and LLVM: the versions that it was tested with, and the IR that it writes."""

import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from llvmlite import ir
from numba import njit
from packaging.requirements import Requirement

from gaussmix.engines.fused import _columns, _simd

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


@pytest.mark.parametrize("package", ["numba", "llvmlite"])
def test_the_installed_compiler_is_within_the_bounds_of_the_package(package):
    dependencies = tomllib.loads(PROJECT.read_text())["project"]["dependencies"]
    (bounds,) = [one.specifier for one in map(Requirement, dependencies) if one.name == package]
    assert {one.operator for one in bounds} == {">=", "<"}
    assert version(package) in bounds


@pytest.fixture
def accesses(monkeypatch):
    """The accesses to memory that the package writes: the verb, and whether the type stands apart from the pointer."""
    found = []

    def watch(verb, place, typed_by):
        original = getattr(ir.IRBuilder, verb)

        def watched(builder, *arguments, **options):
            if "gaussmix" in Path(sys._getframe(1).f_code.co_filename).parts:
                typed = typed_by is None or options.get(typed_by) is not None
                found.append((verb, arguments[place].type.is_opaque and typed))
            return original(builder, *arguments, **options)

        monkeypatch.setattr(ir.IRBuilder, verb, watched)

    watch("load", 0, "typ")
    watch("gep", 0, "source_etype")
    watch("store", 1, None)
    return found


def test_memory_is_accessed_through_opaque_pointers(accesses):
    @njit
    def access(rows, tile, centre, totals):
        _simd.prefetch(rows, (0, 0))
        _columns.store_column(tile, (0, 0), rows, (0, 0), centre)
        _columns.store_four_scaled(tile, (0, 0), rows, (0, 0), centre, centre)
        vector = _simd.load(tile, (0, 0)) + _simd.repeat(centre, 1)
        _simd.store(tile, (1, 0), vector)
        _simd.add_to(totals, 0, vector)
        _simd.add_totals(totals, 0, vector, vector, vector, vector)

    rows, centre = np.arange(64.0).reshape(16, 4), np.ones(4)
    tile, totals = np.zeros((4, 16)), np.zeros(16)
    access(rows, tile, centre, totals)
    np.testing.assert_array_equal(tile[0, :4], rows[:4, 0] - 1.0)
    np.testing.assert_array_equal(tile[1, :4], tile[0, :4] + 1.0)
    assert {verb for verb, _ in accesses} == {"load", "gep", "store"}
    assert all(opaque for _, opaque in accesses)
