"""Shared by all tests: the profile of hypothesis, and the report on how near the accuracy bound the worst case came."""

from __future__ import annotations

import os
import sys

import hypothesis
import matplotlib as mpl
import pytest
import scipy

from hmmfilter._tiers import kernels

mpl.use("Agg")

COMPILED = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")
needs_compiled = pytest.mark.skipif(not COMPILED, reason="takes minutes without the compiler")
needs_exact_betas = pytest.mark.xfail(
    tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 12),
    reason="before SciPy 1.12, incomplete beta functions are right to 1e-11 only",
)

if COMPILED:
    kernels.budget = 0.0  # machine code is tested, however little there is to do

hypothesis.settings.register_profile("compiled", deadline=None, max_examples=60)
hypothesis.settings.register_profile("interpreted", deadline=None, max_examples=8)
hypothesis.settings.load_profile("compiled" if COMPILED else "interpreted")

worst_shares: dict[str, tuple[float, str]] = {}


def note_share(what: str, share: float, where: str) -> None:
    """Remember the worst share of the accuracy bound that a run of the tests comes across."""
    if share >= worst_shares.get(what, (0.0, ""))[0]:
        worst_shares[what] = (share, where)


def pytest_sessionfinish(session) -> None:
    """A worker of several tells the one that reports."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["worst_shares"] = worst_shares


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node) -> None:
    for what, (share, where) in getattr(node, "workeroutput", {}).get("worst_shares", {}).items():
        note_share(what, share, where)


def pytest_terminal_summary(terminalreporter) -> None:
    if worst_shares:
        terminalreporter.section("worst share of the accuracy bound")
        for what, (share, where) in sorted(worst_shares.items()):
            terminalreporter.write_line(f"{what:>16}  {share:6.1%}  {where}")


@pytest.fixture(autouse=True)
def close_figures():
    """Pyplot keeps what a test draws, and warns where it keeps many: which tests came before must not matter."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


@pytest.fixture
def short_blocks(monkeypatch):
    """A number of states whose blocks are short, and their rows: still fewer where kernels are interpreted."""
    from hmmfilter._kernels import block

    if COMPILED:
        return 33, block.block_rows(33)
    monkeypatch.setattr(block, "BLOCK_ROWS", 6)
    monkeypatch.setattr(block, "BLOCK_ENTRIES", 0)
    return 3, 6


@pytest.fixture
def small_pieces(monkeypatch):
    """Pieces of a single block, so that a few hundred rows make many jobs, and long sequences many pieces."""
    from hmmfilter._drivers import jobs

    monkeypatch.setattr(jobs, "PIECE", 1)


@pytest.fixture
def gradients_wanted(monkeypatch):
    """With respect to what gradients are computed, call by call."""
    from hmmfilter import _gradients

    calls, gradient = [], _gradients.gradient
    monkeypatch.setattr(
        _gradients,
        "gradient",
        lambda *tables, wanted, **more: calls.append(wanted) or gradient(*tables, wanted=wanted, **more),
    )
    return calls


@pytest.fixture(scope="session")
def exact():
    """The mpmath reference of a case, computed once for all the tests that ask for it."""
    from tests import cases, oracle

    answers = {}

    def answer(family, seed, n_steps, n_states):
        key = (family.__name__, seed, n_steps, n_states)
        if key not in answers:
            case = cases.draw(family, seed, n_steps, n_states)
            answers[key] = case, oracle.recursions(*case)
        return answers[key]

    return answer
