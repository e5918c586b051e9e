"""Compiling on purpose: that nothing is left out, where it is kept, and what it says."""

import os
import re
import subprocess
import sys
from dataclasses import replace

import numba
import numpy as np
import pytest

import hmmfilter as hf
from hmmfilter import _tiers, compiling
from hmmfilter._kernels import keeping, places
from tests import cases
from tests.conftest import needs_compiled
from tests.routines import ROUTINES


@pytest.fixture
def signatures(monkeypatch):
    """For what kernels have to be compiled where something is done; Python does it here."""

    def of(*deeds):
        found = set()

        class Noting(_tiers.Kernels):
            def _at_first(self, room, name, work):
                run = super()._at_first(room, name, work)

                def note(*arguments):
                    found.add((name, tuple(map(str, map(numba.typeof, arguments)))))
                    return run(*arguments)

                return note

        monkeypatch.setattr(_tiers.kernels, "__dict__", vars(Noting(np.inf)))
        for deed in deeds:
            deed()
        return found

    return of


def compiled_for(n_states):
    chain = compiling.example(n_states)
    return [lambda routine=routine: routine(chain) for routine in compiling.ROUTINES.values()]


SIZES = [(1, 1), (3, 3), (8, 8), (9, 12)]  # above 8, all have the same machine code


@pytest.mark.parametrize(("compiled", "used"), SIZES)
def test_no_routine_is_left_out(signatures, compiled, used):
    chains = [cases.draw(family, 0, 8, used) for family in (cases.ordinary, cases.rarer)]
    deeds = [lambda routine=routine, chain=chain: routine(chain) for routine in ROUTINES.values() for chain in chains]
    assert signatures(*deeds) - signatures(*compiled_for(compiled)) == set()


def options(log_initial, log_transition, log_likelihoods):
    """Tables in all the ways that they may come."""
    n_steps = len(log_likelihoods)
    chain = log_initial, log_transition, log_likelihoods
    yield chain, {"lengths": [3, n_steps - 3]}
    yield chain, {"lengths": [3, 0, n_steps - 3], "impossible": "mark"}
    yield chain, {"allowed": np.ones(log_likelihoods.shape, dtype=bool)}
    yield chain, {"workers": 2, "lengths": [3, n_steps - 3]}
    yield (log_initial, np.stack([log_transition] * (n_steps - 1)), log_likelihoods), {}
    yield (log_initial, np.stack([log_transition] * 2), log_likelihoods), {"transition_index": [0, 1] * (n_steps // 2)}
    yield (np.stack([log_initial] * 2), log_transition, log_likelihoods), {"lengths": [3, n_steps - 3]}
    yield ([table.tolist() for table in chain]), {}
    yield tuple(map(np.asfortranarray, chain)), {}


DOORS = {
    hf.forward_filter: (),
    hf.smooth: (),
    hf.viterbi: (),
    hf.expected_transitions: (),
    hf.pairwise_marginals: (),
    hf.log_likelihood_gradient: (),
    hf.posterior_decode: (),
    hf.max_marginals: (),
    hf.viterbi_n_best: (2,),
    hf.sample_paths: (2, 0),
}


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_no_option_needs_more(signatures, small_pieces, door):
    def ask(tables, given):
        found = door(*tables, *DOORS[door], **given)
        return [getattr(found, name, None) for name in ("log_probabilities", "probabilities", "log_increments")]

    case = cases.draw(cases.ordinary, 0, 7, 3)
    deeds = [lambda tables=tables, given=given: ask(tables, given) for tables, given in options(*case)]
    assert signatures(*deeds) - signatures(*compiled_for(3)) == set()


def test_no_model_needs_more(signatures):
    model = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]))
    _, counts = model.simulate(20, rng=0)

    def stream():
        online, lagged = model.online(), model.fixed_lag(2)
        for count in [*counts[:5], None]:
            online.observe(count)
            lagged.observe(count)
        hf.OnlineFilter.restore(online.snapshot(), np.log(model.transition)).forecast(3)
        return lagged.flush(), [block.probabilities for block in model.filter_blocks([counts[:10], counts[10:]])]

    deeds = [
        lambda: model.simulate(20),
        lambda: model.filter(counts).probabilities,
        lambda: model.smooth([counts, counts]).log_probabilities,
        lambda: model.forecast(counts, steps=3),
        stream,
    ]
    assert signatures(*deeds) - signatures(*compiled_for(2)) == set()


@pytest.fixture
def few(monkeypatch, tmp_path):
    """Two routines that stand for all, as far as a process may compile: one leaves something in a cache of its own."""
    monkeypatch.delenv("NUMBA_DISABLE_JIT", raising=False)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))

    def leave(chain):
        places.write(places.file_name("kernel", f"{chain[0].size}"), b"code")

    monkeypatch.setattr(compiling, "ROUTINES", {"compiled": leave, "found": lambda _: None})


def test_a_routine_is_compiled_where_it_leaves_something_in_the_cache(few):
    places.write(places.file_name("earlier", "key"), b"code")
    compiled = hf.compile([3, 16, 20])
    assert (compiled.n_compiled, compiled.n_found) == (2, 2)
    assert (compiled.states, compiled.folder) == ((3, 16, 20), places.places()[0])
    again = hf.compile([3, 16])
    assert (again.n_compiled, again.n_found) == (0, 4)


def test_one_line():
    compiled = compiling.Compiled((2, 4, 16), 1, 2, 3.21, "/cache")
    assert str(compiled) == "1 routine compiled, 2 found, for 2, 4 and more than 8 states, in 3.2 s; kept in /cache"
    assert "for 3 and 4 states" in str(replace(compiled, states=(3, 4)))
    assert "for 1 state," in str(replace(compiled, states=(1,)))
    assert "for more than 8 states" in str(replace(compiled, states=(9, 16)))
    assert "2 routines compiled, 0 found, for 5 states" in str(replace(compiled, n_compiled=2, n_found=0, states=(5,)))


def test_kernels_are_as_before_then(few):
    before = dict(vars(_tiers.kernels))
    hf.compile([2])
    assert vars(_tiers.kernels) == before


def test_a_bar(few, monkeypatch):
    told = []

    class Bar:
        def __init__(self, total, unit, unit_scale):
            told.append((total, unit))

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def update(self, n):
            told.append(n)

    monkeypatch.setitem(sys.modules, "tqdm.auto", type("Module", (), {"tqdm": Bar}))
    hf.compile([2], progress=True)
    assert told == [(2, " routines"), 1, 1]


@pytest.mark.parametrize(
    ("states", "error", "message"),
    [
        ([], ValueError, "states must have at least one number, got []"),
        ([2, 0], ValueError, "states[1] must be at least 1, got 0"),
        ([2.5], TypeError, "states[0] must be an integer, got 2.5"),
        (3, TypeError, "states must be a list of integers, got 3"),
        ("3", TypeError, "states must be a list of integers, got '3'"),
    ],
)
def test_refusals(states, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        hf.compile(states)


def test_without_a_compiler_there_is_nothing_to_do(monkeypatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    with pytest.raises(
        ValueError, match="NUMBA_DISABLE_JIT must not be set where routines are to be compiled, got '1'"
    ):
        hf.compile([2])


def test_without_a_place_nothing_is_compiled(few, monkeypatch, tmp_path):
    (tmp_path / "cache").write_text("no folder")
    monkeypatch.setattr(compiling, "ROUTINES", {"any": lambda _: pytest.fail("nobody would keep it")})
    with pytest.raises(OSError, match="machine code can be kept nowhere: set NUMBA_CACHE_DIR to a directory"):
        hf.compile([2])


def test_a_filled_place_may_be_there_to_be_read_only(few, monkeypatch):
    hf.compile([3])
    monkeypatch.setattr(places, "put", lambda *_: "it cannot be written to the cache")
    compiled = hf.compile([3])
    assert (compiled.n_compiled, compiled.n_found, compiled.folder) == (0, 2, places.places()[0])


def test_what_cannot_be_kept_is_a_failure(few, monkeypatch):
    monkeypatch.setattr(keeping, "said", set())
    monkeypatch.setattr(compiling, "ROUTINES", {"any": lambda _: keeping.warn_once("the disk is full")})
    with pytest.raises(OSError, match="machine code is not kept, as the disk is full"):
        hf.compile([3])


ONE_ROUTINE = (
    "from hmmfilter import cli, compiling\n"
    "compiling.ROUTINES = {'simulate': compiling.ROUTINES['simulate']}\n"
    "raise SystemExit(cli.main(['compile', '--states', '2', '4', '16', '17']))\n"
)


@needs_compiled
def test_two_processes_side_by_side(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    start = [sys.executable, "-W", "error", "-c", ONE_ROUTINE]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(start, env=environment, **pipes) for _ in range(2)]
    told = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert [out for out, _ in told] == ["", ""]
    done = subprocess.run(start, env=environment, capture_output=True, text=True, check=True)
    assert re.fullmatch(
        r"0 routines compiled, 3 found, for 2, 4 and more than 8 states, in \d+\.\d s; kept in .*\n", done.stderr
    )
    (folder,) = tmp_path.iterdir()
    assert done.stderr.endswith(f"kept in {folder}\n")
    assert all(name.startswith("draw_path.") for name in os.listdir(folder))
