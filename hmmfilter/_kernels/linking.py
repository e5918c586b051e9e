"""One library for each kernel that Python calls, with all that it calls inside, optimised once.

Numba by itself optimises each function, makes machine code of it and two wrappers for it, and then takes it into each
of its callers to be optimised there again: of a hundred helpers, nobody asks for the machine code. Here a kernel that
a kernel calls is left as it was lowered, and whoever Python calls, an entry, takes in the whole closure of what it
calls. That halves the time which an empty cache costs, and quarters the cache.

This leans on parts of Numba that are not promised to stay; where one of them is gone, `compiling` goes without.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import binding as llvm
from numba import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.registry import CPUDispatcher
from numba.core.typed_passes import NativeLowering

# What kernels have none of: closures, `with`, messages of exceptions, generated functions, array expressions, and
# loops over what has no one type. These passes would look for it in each.
UNUSED = {
    "WithLifting",
    "InlineClosureLikes",
    "RewriteDynamicRaises",
    "MakeFunctionToJitFunction",
    "InlineInlinables",
    "FindLiterallyCalls",
    "LiteralUnroll",
    "LiteralPropagationSubPipelinePass",
    "InlineOverloads",
    "NopythonRewrites",
    "DumpParforDiagnostics",
}


class HelperLibrary(JITCodeLibrary):
    """The code of a kernel that kernels call, as it was lowered; one that is apart, no caller takes in."""

    is_apart = False
    _shared_module: Any

    def _optimize_functions(self, module: Any) -> None:
        module.data_layout = self._codegen._data_layout

    def add_ir_module(self, module: Any) -> None:
        """Take in what was lowered."""
        for function in module.functions:
            if self.is_apart and not function.is_declaration:
                function.attributes.add("noinline")
        super().add_ir_module(module)

    def finalize(self) -> None:
        """Nothing is made of it: that is for entries."""
        self._finalize_dynamic_globals()
        self._finalized = True

    def _get_module_for_linking(self) -> Any:
        """Everything at once, for a library of Numba's own make: a user's compiled code."""
        if self._shared_module is None:
            self._shared_module = self._final_module.clone()
            take_in_closure(self._shared_module, self, is_own_kept=False)
        return self._shared_module


class EntryLibrary(JITCodeLibrary):
    """The code of a kernel that Python calls, and of all that it calls."""

    _linking_libraries: list[Any]

    def _optimize_functions(self, module: Any) -> None:
        module.data_layout = self._codegen._data_layout

    def finalize(self) -> None:
        """Make machine code."""
        take_in_closure(self._final_module, self, is_own_kept=True)
        self._linking_libraries = []
        super().finalize()

    def _optimize_final_module(self) -> None:
        """All passes once: Numba's cheaper ones before them serve the counting of references, which kernels do not."""
        passes = self._codegen._module_pass_manager()
        if isinstance(passes, tuple):  # since Numba 0.62
            passes[0].run(self._final_module, passes[1])
        else:
            passes.run(self._final_module)


def take_in_closure(module: Any, library: Any, is_own_kept: bool) -> None:
    """Link what a library calls, directly or not, into a module, each part once; what is not called may be dropped."""
    own = {function.name for function in module.functions if is_own_kept and not function.is_declaration}
    for callee in closure_of(library):
        if hasattr(library, "_reload_init"):  # since Numba 0.63
            library._reload_init.update(callee._reload_init)
        is_helper = isinstance(callee, HelperLibrary)
        module.link_in(callee._final_module if is_helper else callee._get_module_for_linking(), preserve=True)
    for function in module.functions:  # not before all are together: LLVM would drop what nobody called yet
        if not function.is_declaration and function.linkage == llvm.Linkage.external and function.name not in own:
            function.linkage = "linkonce_odr"


def closure_of(library: Any) -> list[Any]:
    """The libraries that a library calls, and those that they do; of Numba's own make, one brings what it calls."""
    found, waiting = dict.fromkeys(library._linking_libraries), list(library._linking_libraries)
    while waiting:
        callee = waiting.pop()
        calls = callee._linking_libraries if isinstance(callee, HelperLibrary) else []
        new = [each for each in calls if each not in found]
        waiting += new
        found.update(dict.fromkeys(new))
    return list(found)


@register_pass(mutates_CFG=True, analysis_only=False)
class HelperLowering(NativeLowering):
    """Lower a kernel and leave it so, under a key by which callers find it."""

    _name = "hmmfilter_helper_lowering"

    def run_pass(self, state: Any) -> bool:
        """Replace the state's result of compiling."""
        state.library = HelperLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.is_apart = getattr(state.func_id.func, "is_apart", False)
        state.flags.no_compile = True
        super().run_pass(state)
        key = object()
        state["cr"] = state["cr"]._replace(cfunc=key)
        state.targetctx.insert_user_function(key, state["cr"].fndesc, [state.library])
        return True


@register_pass(mutates_CFG=True, analysis_only=False)
class EntryLowering(NativeLowering):
    """Make a kernel an entry."""

    _name = "hmmfilter_entry_lowering"

    def run_pass(self, state: Any) -> bool:
        """Replace the state's result of compiling."""
        state.library = EntryLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return bool(super().run_pass(state))


def passes(state: Any, lowering: Any) -> list[Any]:
    """Numba's passes, with another way of lowering, and without those that find nothing to do."""
    manager = DefaultPassBuilder.define_nopython_pipeline(state)
    steps = [(lowering if step is NativeLowering else step, why) for step, why in manager.passes]
    manager.passes = [(step, why) for step, why in steps if step.__name__ not in UNUSED]
    manager._finalized = False
    manager.finalize()
    return [manager]


class HelperCompiler(CompilerBase):
    """The passes of a kernel that a kernel calls."""

    def define_pipelines(self) -> list[Any]:
        """All of them."""
        return passes(self.state, HelperLowering)


class EntryCompiler(CompilerBase):
    """The passes of a kernel that Python calls."""

    def define_pipelines(self) -> list[Any]:
        """All of them."""
        return passes(self.state, EntryLowering)


class Helper(CPUDispatcher):
    """A kernel as kernels call it."""

    def get_call_template(self, arguments: Any, named: Any) -> Any:
        """What a call has for types; a constant is a number as any other, or the kernel would be lowered twice."""
        return super().get_call_template(tuple(map(types.unliteral, arguments)), named)

    def add_overload(self, result: Any) -> None:
        """Remember what was lowered, which Python cannot call."""
        self.overloads[tuple(result.signature.args)] = result


class Entry(CPUDispatcher):
    """A kernel: an entry where Python calls it, a helper where a kernel does."""

    _as_helper: Helper | None = None

    @property
    def helper(self) -> Helper:
        """The kernel as kernels call it."""
        if self._as_helper is None:
            options = {**self.targetoptions, "no_cpython_wrapper": True}
            self._as_helper = Helper(self.py_func, targetoptions=options, pipeline_class=HelperCompiler)
        return self._as_helper

    def get_call_template(self, arguments: Any, named: Any) -> Any:
        """What a call by a kernel has for types."""
        return self.helper.get_call_template(arguments, named)

    def get_overload(self, signature: Any) -> Any:
        """What a kernel calls."""
        return self.helper.get_overload(signature)


def entry(kernel: Callable[..., Any], **options: Any) -> Any:
    """A kernel that Python and kernels may call; it takes no options from whoever happens to call it first."""
    own = {"nopython": True, "boundscheck": None, "forceinline": False, **options}
    return Entry(kernel, targetoptions=own, pipeline_class=EntryCompiler)
