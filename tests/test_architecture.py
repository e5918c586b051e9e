"""The room laws: who imports whom, who compiles, who checks, who loops."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import hmmfilter

PACKAGE = Path(hmmfilter.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(path):
    """A room is a file of the package, or a folder with all its files."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def parsed(paths):
    return ast.Module([node for path in paths for node in ast.parse(path.read_text(encoding="utf-8")).body], [])


ROOMS = {room: parsed([path for path in FILES if room_of(path) == room]) for room in dict.fromkeys(map(room_of, FILES))}
DOORS = ("filtering", "smoothing", "decoding")

# Who may import whom: each room, and the rooms of this package that it knows.
CONTRACT = {
    "__init__": {
        "aligning",
        "classifying",
        "exchange",
        "selection",
        "mixing",
        "guessing",
        "histories",
        "compiling",
        "lse",
        "naive",
        "emissions",
        "priors",
        "transitions",
        "_checks",
        "decoding",
        "filtering",
        "learning",
        "model",
        "results",
        "predicting",
        "sampling",
        "smoothing",
        "stationarity",
        "streaming",
        "tracing",
    },
    "_arrays": set(),
    "_beside": {"_arrays"},
    "_docstrings": set(),
    "_checks": {"_arrays", "_beside", "_kernels", "_tiers", "_ways"},
    "_files": set(),
    "_kernels": {"_arrays", "_notices"},
    "_notices": set(),
    "_compiled": {"_kernels"},
    "_tiers": {"_kernels", "_work"},
    "_ages": {"_arrays", "_kernels"},
    "_ways": {"_arrays", "_kernels"},
    "_work": set(),
    "_ready": {"_arrays", "_kernels", "_tiers"},
    "_drivers": {"_arrays", "_kernels", "_ready", "_tiers", "_ways"},
    "_powers": {"_arrays", "_kernels", "_tiers"},
    "_predictions": {"_arrays", "_kernels", "_powers", "_ready", "_tiers", "_ways"},
    "_distributions": {"_arrays"},
    "_newton": {"_arrays"},
    "_logits": {"_arrays", "_newton"},
    "priors": {"_arrays", "_checks"},
    "plotting": {"_arrays", "_checks", "_files"},
    "results": {"_arrays", "_checks", "_docstrings", "_tiers", "_ways", "plotting"},
    "filtering": {"_arrays", "_checks", "_docstrings", "_drivers", "_predictions", "results"},
    "predicting": {"_arrays", "_checks", "_docstrings", "_kernels", "emissions", "filtering", "results"},
    "tracing": {"_arrays", "_checks", "_docstrings", "_kernels", "filtering", "lse", "predicting", "smoothing"},
    "forecasting": {"_arrays", "_beside", "_checks", "_kernels", "_predictions", "emissions", "results"},
    "smoothing": {"_arrays", "_checks", "_docstrings", "_drivers", "_ways", "filtering", "results"},
    "decoding": {"_arrays", "_checks", "_docstrings", "_drivers", "filtering", "results"},
    "streaming": {
        "_arrays",
        "_beside",
        "_checks",
        "_docstrings",
        "_drivers",
        "_kernels",
        "_ready",
        "_tiers",
        "_ways",
        "emissions",
        "filtering",
        "forecasting",
        "results",
    },
    "lse": {"_arrays", "_checks", "_docstrings", "_kernels", "_tiers"},
    "_gradients": {"_arrays", "_checks", "_drivers", "_kernels"},
    "torch": {"_docstrings", "_gradients"},
    "jax": {"_docstrings", "_gradients"},
    "dask": {
        "_arrays",
        "_beside",
        "_checks",
        "_docstrings",
        "_drivers",
        "_files",
        "emissions",
        "learning",
        "model",
        "results",
        "streaming",
    },
    "naive": {"_arrays", "_checks", "_docstrings", "_tiers", "results"},
    "sampling": {"_arrays", "_checks", "_docstrings", "_drivers", "_tiers", "filtering"},
    "stationarity": {"_arrays", "_checks"},
    "compiling": {
        "_arrays",
        "_checks",
        "_drivers",
        "_kernels",
        "_tiers",
        "_ways",
        *DOORS,
        "emissions",
        "lse",
        "naive",
        "results",
        "sampling",
        "streaming",
        "transitions",
    },
    "transitions": {
        "_ages",
        "_arrays",
        "_beside",
        "_checks",
        "_distributions",
        "_docstrings",
        "_kernels",
        "_logits",
        "_newton",
        "_ways",
        "emissions",
        "plotting",
        "priors",
        "results",
        "stationarity",
    },
    "emissions": {
        "_arrays",
        "_beside",
        "_logits",
        "_newton",
        "_checks",
        "_distributions",
        "_docstrings",
        "_kernels",
        "_tiers",
        "priors",
        "sampling",
    },
    "storage": {"_arrays", "_checks", "_files", "emissions", "transitions"},
    "learning": {
        "_arrays",
        "_beside",
        "_checks",
        "_distributions",
        "_docstrings",
        "_drivers",
        "_ways",
        "emissions",
        "results",
        "stationarity",
        "transitions",
    },
    "model": {
        "_arrays",
        "_beside",
        "_checks",
        "_docstrings",
        *DOORS,
        "forecasting",
        "predicting",
        "tracing",
        "learning",
        "plotting",
        "streaming",
        "sampling",
        "storage",
        "emissions",
        "residuals",
        "results",
        "stationarity",
        "transitions",
    },
    "histories": {"_arrays", "_checks", "_docstrings", "emissions", "lse", "model", "results"},
    "aligning": {"_arrays", "_checks", "emissions", "model"},
    "mixing": {"_checks", "_docstrings", "learning", "model", "priors", "results"},
    "classifying": {"_arrays", "_checks", "_docstrings", "filtering", "lse", "model", "results"},
    "selection": {
        "_checks",
        "_docstrings",
        "_drivers",
        "guessing",
        "learning",
        "model",
        "priors",
        "results",
    },
    "guessing": {"_arrays", "_checks", "_docstrings", "_distributions", "emissions", "learning", "model", "priors"},
    "exchange": {"_arrays", "_checks", "emissions", "model", "transitions"},
    "residuals": {"_arrays", "_checks", "_kernels", "filtering", "results"},
    "_tables": {"_arrays", "_checks", "_files"},
    "sklearn": {
        "_arrays",
        "_checks",
        "_docstrings",
        "_drivers",
        "classifying",
        "decoding",
        "emissions",
        "filtering",
        "guessing",
        "learning",
        "lse",
        "mixing",
        "model",
        "predicting",
        "priors",
        "smoothing",
        "stationarity",
    },
    "underflow": {"_arrays", "_checks", "emissions", "filtering", "model", "naive", "results"},
    "__main__": {"cli"},
    "cli": {
        "_arrays",
        "_beside",
        "_checks",
        "_files",
        "_notices",
        "_tables",
        "compiling",
        "guessing",
        "selection",
        *DOORS,
        "plotting",
        "model",
        "results",
        "streaming",
        "transitions",
        "underflow",
    },
}


def imported(tree):
    """Every module that a room imports, anywhere in it, as (module, names)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module, tuple(alias.name for alias in node.names)


def own_rooms(tree):
    for module, names in imported(tree):
        if module == "hmmfilter":
            yield from names
        elif module and module.startswith("hmmfilter."):
            yield module.split(".")[1]


def test_every_room_is_in_the_contract():
    assert set(ROOMS) == set(CONTRACT)


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_know_whom_the_contract_says(room):
    assert set(own_rooms(ROOMS[room])) - {room} == CONTRACT[room]


def test_nothing_turns_back():
    order = []
    while len(order) < len(CONTRACT):
        ready = [room for room, known in CONTRACT.items() if room not in order and known <= set(order)]
        assert ready, "the rooms import each other in a circle"
        order += ready


@pytest.mark.parametrize("room", ROOMS)
def test_only_kernels_import_numba(room):
    uses = any((module or "").split(".")[0] == "numba" for module, _ in imported(ROOMS[room]))
    assert uses == (room == "_kernels")


# What a room other than `_checks` may raise, by the beginning of the statement: a stream that the evidence is
# impossible, the command and its tables what is wrong with a file of its user, `storage` which file it is, pictures,
# frames, tables and gradients that another package is missing, `_files` what the system says of a file.
MAY_RAISE = {
    "_files": ("OSError(", "IsADirectoryError("),
    "streaming": "_checks.ImpossibleEvidenceError(",
    "_tables": ("ValueError(f", "RowError(f", "ImportError(f"),
    "cli": (
        "ValueError(f",
        "self.error",
        "reader.impossible(",
        "refusal(",
        "argparse.ArgumentTypeError(",
        "TerminatedError",
        "ValueError('--states",
    ),
    "storage": "ValueError(f'{os.fspath(path)} holds no valid model: ",
    "plotting": "ImportError(",
    "results": "ImportError(",
    "exchange": "ImportError(",
    "sklearn": "ImportError(",
    "torch": ("ImportError(", "NotImplementedError("),
    "jax": "ImportError(",
    "dask": ("ImportError(", "_checks.LostWorkersError("),
    "_kernels": "NotImplementedError(",
    "learning": "collapses[0]",
    "compiling": "OSError(",
    "__init__": "AttributeError(",
}


@pytest.mark.parametrize("room", sorted(set(ROOMS) - {"_checks"}))
def test_only_checks_word_refusals(room):
    raised = [ast.unparse(node.exc) for node in ast.walk(ROOMS[room]) if isinstance(node, ast.Raise) and node.exc]
    assert all(text.startswith(MAY_RAISE.get(room, "nothing")) for text in raised), raised


@pytest.mark.parametrize("room", DOORS)
def test_doors_do_not_loop(room):
    loops = (ast.For, ast.While, ast.ListComp, ast.GeneratorExp, ast.DictComp, ast.SetComp)
    assert not [node for node in ast.walk(ROOMS[room]) if isinstance(node, loops)]


WING = {path.stem: parsed([path]) for path in FILES if path.parent.name == "_kernels"}
WITHOUT_KERNELS = {
    "choosing",
    "compiling",
    "fused",
    "instructions",
    "machine",
    "keeping",
    "places",
    "linking",
    "offering",
}
KERNEL_ROOMS = sorted(set(WING) - WITHOUT_KERNELS - {"__init__", "limits"})

# Who knows whom in the wing of kernels, apart from `compiling`, whose decorators all rooms with kernels have.
WING_CONTRACT = {
    "__init__": set(),
    "compiling": {"machine"},
    "machine": {"keeping", "linking"},
    "linking": {"keeping", "places"},
    "keeping": {"places"},
    "places": set(),
    "instructions": {"limits"},
    "choosing": {"instructions"},
    "fused": set(),
    "offering": set(),
    "limits": set(),
    "lanes": {"fused", "instructions", "limits"},
    "numbers": {"lanes", "limits"},
    "wide": {"lanes", "limits", "numbers"},
    "columns": {"lanes", "wide"},
    "densities": {"columns"},
    "reals": {"columns", "densities"},
    "angles": {"columns", "densities"},
    "binomials": {"columns", "densities"},
    "predictors": {"columns", "densities"},
    "amounts": {"columns", "wide"},
    "tallies": set(),
    "moments": {"columns", "lanes", "numbers"},
    "coded": {"lanes", "limits", "numbers", "wide"},
    "tables": {"choosing", "limits"},
    "chain": {"lanes", "limits", "numbers", "wide"},
    "network": {"chain", "choosing", "lanes", "limits", "numbers", "wide"},
    "update": {"chain", "choosing", "coded", "lanes", "limits", "network", "numbers", "wide"},
    "ages": {"coded", "lanes", "limits", "numbers", "wide"},
    "futures": {"ages", "coded", "lanes", "limits", "numbers", "wide"},
    "sojourns": {"ages", "lanes", "limits", "numbers", "wide"},
    "products": {"limits", "numbers", "wide"},
    "block": {"limits", "numbers", "tables", "update", "wide"},
    "sweep": {"block", "chain", "choosing", "coded", "lanes", "limits", "numbers", "update", "wide"},
    "forward": {
        "block",
        "chain",
        "coded",
        "lanes",
        "limits",
        "network",
        "numbers",
        "sweep",
        "tables",
        "update",
        "wide",
    },
    "backward": {
        "block",
        "chain",
        "coded",
        "forward",
        "lanes",
        "network",
        "numbers",
        "sweep",
        "tables",
        "update",
        "wide",
    },
    "abreast": {"lanes", "limits", "numbers", "update", "wide"},
    "together": {
        "abreast",
        "backward",
        "block",
        "chain",
        "choosing",
        "coded",
        "forward",
        "lanes",
        "limits",
        "numbers",
        "tables",
        "update",
        "wide",
    },
    "pairs": {"chain", "coded", "lanes", "limits", "numbers", "update", "wide"},
    "counts": {"block", "chain", "coded", "lanes", "limits", "numbers", "pairs", "tables", "wide"},
    "far_flows": {"chain", "coded", "counts", "lanes", "limits", "network", "numbers", "pairs", "wide"},
    "flows": {"block", "coded", "counts", "far_flows", "lanes", "network", "numbers", "pairs", "tables"},
    "doubles": {"chain", "choosing", "counts", "flows", "lanes", "limits", "numbers", "pairs", "update", "wide"},
    "expecting": {
        "chain",
        "choosing",
        "counts",
        "doubles",
        "flows",
        "lanes",
        "limits",
        "network",
        "numbers",
        "pairs",
        "tables",
        "wide",
    },
    "drawing": {"block", "chain", "lanes", "limits", "numbers", "tables", "wide"},
    "walking": {
        "block",
        "drawing",
        "far_flows",
        "flows",
        "lanes",
        "limits",
        "network",
        "numbers",
        "tables",
        "wide",
    },
    "scoring": {"chain", "lanes", "limits", "numbers", "tables"},
    "routes": {"chain", "lanes", "limits", "network", "numbers", "wide"},
    "decoding": {"lanes", "limits", "numbers", "scoring", "tables"},
    "stages": {"limits", "network", "numbers", "routes", "scoring", "tables"},
    "retracing": {"decoding", "lanes", "limits", "network", "numbers", "routes", "scoring", "stages", "tables"},
    "surviving": {"choosing", "limits", "network", "numbers", "routes"},
    "marginals": {"chain", "lanes", "limits", "numbers", "scoring", "tables"},
    "n_best": {"limits", "numbers", "scoring", "tables"},
    "lse": {"lanes", "limits", "numbers", "wide"},
    "naive": {"limits", "numbers"},
}


def rooms_of_the_wing(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            yield from [node.module] if node.module else [alias.name for alias in node.names]


@pytest.mark.parametrize("room", WING)
def test_kernels_know_whom_the_contract_says(room):
    known = set(rooms_of_the_wing(WING[room]))
    assert known - {"compiling"} == WING_CONTRACT[room]
    assert ("compiling" in known) == (room in KERNEL_ROOMS or room == "choosing")


def test_nothing_turns_back_in_the_wing():
    """The order of its contents page is one in which each room knows only those before it."""
    order = [line.split()[0] for line in ast.get_docstring(WING["__init__"]).splitlines() if line.startswith("    ")]
    assert sorted(order) == sorted({*KERNEL_ROOMS, "limits"})
    for room in order:
        assert (WING_CONTRACT[room] - WITHOUT_KERNELS) <= set(order[: order.index(room)]), room


def test_no_numba_in_plain_kernels():
    """Numba's names are in rooms about compiling alone, and what compiles is asked for under another name only."""
    for room in {*KERNEL_ROOMS, "limits", "compiling", "places"}:
        outside = {(module or "").split(".")[0] for module, _ in imported(WING[room])}
        assert not outside & {"numba", "llvmlite"}, room
    code = f"import sys; from hmmfilter._kernels import {', '.join(KERNEL_ROOMS)}; print('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize("path", [path for path in FILES if path.parent.name == "_kernels"], ids=lambda path: path.stem)
def test_no_room_of_the_wing_is_long(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500


# What stands in the wing and is no kernel: makers of room, and what the plain rooms have in place of instructions.
NO_KERNELS = {
    "slots_for_chains",
    "slots_for_moves",
    "room_for_steps",
    "room_for_lanes",
    "room_for_decoding",
    "block_length",
    "room_for_retracing",
    "room_for_branches",
    "room_for_routes",
    "room_for_lists",
    "room_for_rests",
    "room_for_pairs",
    "room_for_flow",
    "room_for_walks",
    "room_for_counts",
    "room_for_spread",
    "room_for_trials",
    "room_for_shares",
    "room_for_vectors",
    "room_for_reals",
    "room_for_angles",
    "room_for_predictors",
    "room_for_joint",
    "room_for_moments",
    "block_of",
    "slices",
    "instruction",
    "lanewise",
    "plain_store",
    "plain_gather",
    "plain_marked",
    "plain_powers_above",
    "slots_for_transposed",
    "empty_slots",
    "lanes_for",
    "slots_for_networks",
    "room_for_window",
    "room_for_future",
    "room_for_ends",
    "room_for_scores",
    "room_for_expectations",
}


def test_all_kernels_are_compiled_by_the_one_decorator():
    nodes = [node for room in KERNEL_ROOMS for node in WING[room].body if isinstance(node, ast.FunctionDef)]
    functions = {node.name: node for node in nodes}
    assert len(functions) == len(nodes)
    assert set(functions) > NO_KERNELS
    for name in set(functions) - NO_KERNELS:
        (decorator,) = functions[name].decorator_list
        allocates = any(word in ast.unparse(functions[name]) for word in ("np.empty", "np.arg", "np.search", "float32"))
        assert ast.unparse(decorator) in (("allocating",) if allocates else ("compiled", "inlined", "apart")), name
    assert "fastmath=" not in ast.unparse(ROOMS["_kernels"])


def test_kernels_allocate_vectors_of_states_only():
    for node in ast.walk(ROOMS["_kernels"]):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.empty", "np.zeros"):
            assert "n_steps" not in ast.unparse(node), ast.unparse(node)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_file_of_more_than_500_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500


def test_importing_is_light():
    """Neither scipy nor matplotlib nor pandas nor scikit-learn, nor numba, which imports scipy; and no warning."""
    heavy = "('scipy', 'matplotlib', 'pandas', 'sklearn', 'numba')"
    code = f"import sys, hmmfilter; print(*[name for name in sys.modules if name.split('.')[0] in {heavy}])"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_what_needs_another_library_is_imported_when_it_is_asked_for():
    code = "import sys, hmmfilter; assert 'hmmfilter.sklearn' not in sys.modules; print(hmmfilter.sklearn.GaussianHMM)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "<class 'hmmfilter.sklearn.gaussian.GaussianHMM'>"
    assert hmmfilter.__getattr__("sklearn").__name__ == "hmmfilter.sklearn"
    with pytest.raises(AttributeError, match="module 'hmmfilter' has no attribute 'GaussianHMM'"):
        hmmfilter.__getattr__("GaussianHMM")


def test_the_contents_page_is_complete():
    for name in hmmfilter.__all__:
        assert getattr(hmmfilter, name).__doc__


def test_the_package_is_typed():
    assert (PACKAGE / "py.typed").exists()
