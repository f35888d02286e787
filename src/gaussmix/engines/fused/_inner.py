"""The compiler of functions inside kernels: they are optimized and assembled once, as parts of a kernel.

Numba compiles each function as a library of its own: LLVM optimizes and assembles a function, and then again in each
function that calls it, directly or not. The functions here wait for the kernel.
"""

from typing import Any

from numba._dynfunc import make_function
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering

__all__ = ["InnerCompiler"]


class _InnerLibrary(JITCodeLibrary):
    """The code of a function and its callees, without optimization and without machine code."""

    def _optimize_final_module(self) -> None:
        """Leave the optimization of the module to the kernel."""

    def _finalize_final_module(self) -> None:
        """Leave the assembly of the module to the kernel."""
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _InnerLowering(NativeLowering):
    """The translation of a function to LLVM's IR, into a library that waits for the kernel."""

    _name = "inner_lowering"

    def run_pass(self, state: Any) -> bool:
        """Translate the function, and register it with an entry point at address zero, which is never called."""
        state.library = _InnerLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        super().run_pass(state)
        function = state.cr.fndesc
        entry = make_function(function.lookup_module(), function.qualname, "", 0, state.cr.env, (state.library,))
        state.targetctx.insert_user_function(entry, function, [state.library])
        state["cr"] = state.cr._replace(cfunc=entry)
        return True


class InnerCompiler(CompilerBase):
    """Numba's compiler with another last step."""

    def define_pipelines(self) -> list[Any]:
        """Return the passes of the compiler."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [(_InnerLowering if one is NativeLowering else one, text) for one, text in passes.passes]
        passes.finalize()
        return [passes]
