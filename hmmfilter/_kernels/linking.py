"""One library for each kernel that Python calls, with all that it calls inside, optimised once.

Numba by itself optimises each function, makes machine code of it and two wrappers for it, and then takes it into each
of its callers to be optimised there again: of a hundred helpers, nobody asks for the machine code. Here a kernel that
a kernel calls is left as it was lowered, and whoever Python calls, an entry, takes in the whole closure of what it
calls. That halves the time which an empty cache costs, and quarters the cache.

A kernel that is marked as apart is taken in by nobody: large loops, and what many entries call. Its machine code is
made once, kept in a file of its own, and found by a symbol, which libraries refer to; they `need` it.

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

from .keeping import Kept
from .places import SOURCES, digest

Need = tuple[str, str, tuple[Any, ...]]  # a kernel that is apart: its room, its name, and the types of its arguments

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
    """The code of a kernel that kernels call, as it was lowered: each caller takes it in."""

    _shared_module: Any

    def finalize(self) -> None:
        """Nothing is made of it: that is for those who take it in."""
        self._finalize_dynamic_globals()
        self._finalized = True

    def _get_module_for_linking(self) -> Any:
        """Everything at once, for a library of Numba's own make: a user's compiled code."""
        if self._shared_module is None:
            self._shared_module = self._final_module.clone()
            take_in_closure(self._shared_module, self, is_own_kept=False)
        return self._shared_module


class EntryLibrary(JITCodeLibrary):
    """The machine code of a kernel, and of all that it calls and that is not apart; what is apart it `needs`."""

    _linking_libraries: list[Any]
    needs: list[Need]

    def _optimize_functions(self, module: Any) -> None:
        module.data_layout = self._codegen._data_layout

    def finalize(self) -> None:
        """Make machine code."""
        self.needs = take_in_closure(self._final_module, self, is_own_kept=True)
        self._linking_libraries = []
        super().finalize()

    def _optimize_final_module(self) -> None:
        """All passes once: Numba's cheaper ones before them serve the counting of references, which kernels do not."""
        made = self._codegen._module_pass_manager()
        passes, *builder = made if isinstance(made, tuple) else (made,)  # a builder since Numba 0.62
        passes.run(self._final_module, *builder)


def take_in_closure(module: Any, library: Any, is_own_kept: bool) -> list[Need]:
    """Link what a library calls, directly or not, into a module, each part once. Returns what it needs besides."""
    own = {function.name for function in module.functions if is_own_kept and not function.is_declaration}
    closure = closure_of(library)
    needed = {callee.function_name: callee.need for callee in closure if hasattr(callee, "need")}
    for callee in closure:
        getattr(library, "_reload_init", set()).update(getattr(callee, "_reload_init", ()))  # since Numba 0.63
        if isinstance(callee, HelperLibrary):
            module.link_in(callee._final_module, preserve=True)
        elif not hasattr(callee, "need"):
            module.link_in(callee._get_module_for_linking(), preserve=True)
    for function in list(module.functions):  # not before all are together: LLVM would drop what nobody called yet
        if function.is_declaration and function.name in needed:
            function.name = symbol_of(needed[function.name])
        elif not function.is_declaration and function.linkage == llvm.Linkage.external and function.name not in own:
            function.linkage = "linkonce_odr"
    return list(needed.values())


def closure_of(library: Any) -> list[Any]:
    """The libraries that a library calls, and those that they do, as far as they are taken in."""
    found, waiting = dict.fromkeys(library._linking_libraries), list(library._linking_libraries)
    while waiting:
        callee = waiting.pop()
        new = [] if hasattr(callee, "need") else [each for each in callee._linking_libraries if each not in found]
        waiting += new
        found.update(dict.fromkeys(new))
    return list(found)


def symbol_of(need: Need) -> str:
    """By what name libraries refer to a kernel that is apart: the same in all processes, unlike Numba's names."""
    return f"hmmfilter.{need[1]}.{digest(SOURCES.encode(), repr(need).encode())}"


@register_pass(mutates_CFG=True, analysis_only=False)
class HelperLowering(NativeLowering):
    """Lower a kernel and leave it so, under a key by which callers find it."""

    _name = "hmmfilter_helper_lowering"

    def run_pass(self, state: Any) -> bool:
        """Replace the state's result of compiling."""
        state.library = HelperLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
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


class Apart(Helper):
    """A kernel as kernels call it whose machine code stands alone, and serves all of them."""

    def add_overload(self, result: Any) -> None:
        """Let libraries find it by its symbol, whether it was compiled now or kept."""
        super().add_overload(result)
        library, name = result.library, result.fndesc.llvm_func_name
        library.function_name, library.need = name, (self.__module__, self.__name__, tuple(result.signature.args))
        llvm.add_symbol(symbol_of(library.need), library.get_pointer_to_function(name))


class Entry(CPUDispatcher):
    """A kernel: an entry where Python calls it, a helper where a kernel does."""

    _as_helper: Helper | None = None

    @property
    def helper(self) -> Helper:
        """The kernel as kernels call it."""
        if self._as_helper is None:
            options = {**self.targetoptions, "no_cpython_wrapper": True}
            if getattr(self.py_func, "is_apart", False):
                self._as_helper = Apart(self.py_func, targetoptions=options, pipeline_class=EntryCompiler)
                self._as_helper._cache = Kept(self.py_func, "apart")
            else:
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
