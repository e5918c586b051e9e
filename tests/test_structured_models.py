"""Models of chains whose moves are listed: the answers of the full matrix, files, pictures, names."""

import copy
import json
import pickle

import numpy as np
import pytest
from scipy import sparse

import hmmfilter as hf
from hmmfilter import storage
from hmmfilter._checks import structures, tables
from hmmfilter.emissions import Gaussian, Poisson, Regression
from hmmfilter.transitions import Banded, Dense, Kronecker, Sparse, StayOrJump
from tests.conftest import needs_compiled

N_STATES, N_STEPS = 20, 24
NEAR = 2e-14  # of probabilities, where sums add up in another order


def diagonals(n_states=N_STATES, below=2, above=2, seed=0):
    band = np.random.default_rng(seed).random((below + above + 1, n_states))
    to = np.arange(n_states) + np.arange(below + above + 1)[:, np.newaxis] - below
    band[(to < 0) | (to >= n_states)] = 0.0
    return band / band.sum(axis=0)


RNG = np.random.default_rng(1)
BAND = Banded(diagonals(), 2)
STAY, JUMP = RNG.random(N_STATES), RNG.dirichlet(np.ones(N_STATES))
SAME_BITS = {"sparse": Sparse(BAND.to_dense()), "scipy": sparse.csr_array(BAND.to_dense()), "band": BAND}
OTHERS = {
    "kronecker": Kronecker([[0.9, 0.1], [0.25, 0.75]], Banded(diagonals(10), 2)),
    "jump": StayOrJump(STAY, JUMP),
    "elsewhere": StayOrJump(STAY, JUMP, elsewhere=True),
}
LOGS = Sparse.from_logs([0, 0, 1, 1], [0, 1, 0, 1], [0.0, -1000.0, np.log(0.25), np.log(0.75)], 2)
ALL = {**{name: chain for name, chain in SAME_BITS.items() if name != "scipy"}, **OTHERS, "logs": LOGS}
COUNTS = RNG.poisson(3.0, N_STEPS)
ALLOWED = RNG.random((N_STEPS, N_STATES)) < 0.9
FINAL = RNG.random(N_STATES) / 4


def model_of(chain, **options):
    n_states = getattr(chain, "n_states", None) or chain.shape[0]
    return hf.HMM(np.full(n_states, 1 / n_states), chain, Poisson(1.0 + np.arange(n_states) % 7), **options)


# The answers of the full matrix.


WAYS_TO_ASK = {
    "one": {},
    "several": {"lengths": [9, 0, 1, 14]},
    "shared": {"lengths": [9, 0, 1, 14], "workers": 2},
    "allowed": {"allowed": ALLOWED},
    "weighed": {"log_weights": np.log(RNG.random((N_STEPS, N_STATES)))},
}


@pytest.mark.parametrize("given", WAYS_TO_ASK.values(), ids=WAYS_TO_ASK)
@pytest.mark.parametrize("final", [None, FINAL], ids=["going on", "ending"])
@pytest.mark.parametrize("chain", SAME_BITS.values(), ids=SAME_BITS)
def test_structure_changes_no_bit(chain, final, given):
    listed, dense = model_of(chain, final=final), model_of(BAND.to_dense(), final=final)
    for ask in ("filter", "smooth"):
        told, full = getattr(listed, ask)(COUNTS, **given), getattr(dense, ask)(COUNTS, **given)
        assert np.array_equal(told.log_probabilities, full.log_probabilities)
        assert np.array_equal(told.log_likelihood, full.log_likelihood)
    assert np.array_equal(listed.log_likelihood(COUNTS, **given), dense.log_likelihood(COUNTS, **given))
    told, full = listed.viterbi(COUNTS, **given), dense.viterbi(COUNTS, **given)
    assert np.array_equal(told.path, full.path)
    assert np.array_equal(told.log_joint, full.log_joint)


@pytest.mark.parametrize("n_states", [1, 2, 8, 9])
def test_structure_changes_no_bit_of_few_states(n_states):
    band = Banded(diagonals(n_states, min(1, n_states - 1), 0), min(1, n_states - 1))
    full = model_of(band.to_dense()).smooth(COUNTS).log_probabilities
    for chain in (band, Sparse(band.to_dense())):
        assert np.array_equal(model_of(chain).smooth(COUNTS).log_probabilities, full)


@pytest.mark.parametrize("given", WAYS_TO_ASK.values(), ids=WAYS_TO_ASK)
@pytest.mark.parametrize("final", [None, FINAL], ids=["going on", "ending"])
@pytest.mark.parametrize("chain", OTHERS.values(), ids=OTHERS)
def test_sums_by_nodes_between_are_those_of_the_matrix(chain, final, given):
    listed, dense = model_of(chain, final=final), model_of(chain.to_dense(), final=final)
    for ask in ("filter", "smooth"):
        told, full = getattr(listed, ask)(COUNTS, **given), getattr(dense, ask)(COUNTS, **given)
        np.testing.assert_allclose(told.probabilities, full.probabilities, rtol=0, atol=NEAR)
    told = listed.log_likelihood(COUNTS, **given)
    np.testing.assert_allclose(told, dense.log_likelihood(COUNTS, **given), rtol=1e-14)


@pytest.mark.parametrize("chain", [*SAME_BITS.values(), *OTHERS.values()], ids=[*SAME_BITS, *OTHERS])
def test_an_end_that_is_certain_is_no_way_on(chain):
    """Of a state that always ends a sequence, no move is left."""
    final = np.where(np.arange(N_STATES) == 3, 1.0, 0.125)
    matrix = chain.toarray() if sparse.issparse(chain) else chain.to_dense()
    told = model_of(chain, final=final).smooth(COUNTS).probabilities
    np.testing.assert_allclose(told, model_of(matrix, final=final).smooth(COUNTS).probabilities, rtol=0, atol=NEAR)
    assert not told[:-1, 3].any()


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_stay_of_each_step(elsewhere):
    stay = RNG.random(N_STEPS)
    stay[[3, 4]] = 0.0, 1.0
    table = model_of(BAND).emission.log_likelihoods(COUNTS)
    alone = StayOrJump(stay[:-1], JUMP, elsewhere, by_step=True)
    with np.errstate(divide="ignore"):
        full = hf.smooth(model_of(alone).log_initial, np.log(alone.to_dense()), table)
    np.testing.assert_allclose(model_of(alone).smooth(COUNTS).probabilities, full.probabilities, rtol=0, atol=NEAR)
    both = StayOrJump(stay, JUMP, elsewhere, by_step=True)  # what it says of last steps is not used
    given = {"lengths": [10, 14]}
    with np.errstate(divide="ignore"):
        full = hf.smooth(model_of(both).log_initial, np.log(both.to_dense()), table, **given)
    told = model_of(both).smooth(COUNTS, **given)
    np.testing.assert_allclose(told.probabilities, full.probabilities, rtol=0, atol=NEAR)
    stay[[9, 23]] = 0.5, 0.25
    again = model_of(StayOrJump(stay, JUMP, elsewhere, by_step=True)).smooth(COUNTS, **given)
    assert np.array_equal(again.log_probabilities, told.log_probabilities)
    with pytest.raises(ValueError, match=r"must have 24 steps that lead on \(T; those of last steps unused\), got 23"):
        model_of(alone).smooth(COUNTS, **given)
    with pytest.raises(ValueError, match=r"must have 23 steps that lead on \(T - 1\), got 24"):
        model_of(both).smooth(COUNTS)


def test_impossible_evidence():
    cycle = Sparse(np.roll(np.eye(12), 1, axis=1))
    model = hf.HMM(np.eye(12)[0], cycle, hf.emissions.Categorical(np.eye(12)))
    seen = [0, 1, 2, 4, 5]
    with pytest.raises(hf.ImpossibleEvidenceError) as caught:
        model.filter(seen)
    assert caught.value.step == 3
    marked = model.smooth([*seen, 0, 1], lengths=[5, 2], impossible="mark")
    assert marked.log_likelihood.tolist() == [-np.inf, 0.0]
    assert marked.probabilities[5:].argmax(axis=1).tolist() == [0, 1]
    restarted = model.filter([0, 1, 2, 0, 1], impossible="restart")
    assert restarted.probabilities.argmax(axis=1).tolist() == [0, 1, 2, 0, 1]


def test_emissions_that_depend_on_covariates():
    emission = Regression(np.linspace(0, 1, N_STATES)[:, np.newaxis] * [1.0, 0.5], family="poisson")
    beside = RNG.random((N_STEPS, 1))
    told = [hf.HMM(np.full(N_STATES, 1 / N_STATES), chain, emission) for chain in (BAND, BAND.to_dense())]
    one, other = (model.smooth(COUNTS, covariates=beside).log_probabilities for model in told)
    assert np.array_equal(one, other)
    with pytest.raises(ValueError, match="times must be left out: neither Banded nor Regression depends on any"):
        told[0].smooth(COUNTS, covariates=beside, times=np.arange(N_STEPS))


def test_the_functional_core_takes_them():
    table = model_of(BAND).emission.log_likelihoods(COUNTS)
    start = np.full(N_STATES, -np.log(N_STATES))
    with np.errstate(divide="ignore"):
        full = hf.forward_filter(start, np.log(BAND.to_dense()), table)
    for chain in (BAND, SAME_BITS["sparse"]):
        assert np.array_equal(hf.forward_filter(start, chain, table).log_probabilities, full.log_probabilities)


# What comes in as a sparse matrix.


def test_a_sparse_matrix_stays_one():
    model = model_of(SAME_BITS["scipy"])
    assert model.transition == SAME_BITS["sparse"]
    assert model.transition is model.chain
    assert model == model_of(SAME_BITS["sparse"])
    with pytest.raises(ValueError, match="transition row 0 must sum to 1, got 2"):
        model_of(SAME_BITS["scipy"] * 2)
    divided = model_of(SAME_BITS["scipy"] * 2, normalize=True).transition.to_dense()
    np.testing.assert_allclose(divided, BAND.to_dense(), rtol=1e-15)


@needs_compiled
def test_many_states_take_no_full_matrix():
    """Of so many states it would be 80 GB."""
    n_states = 100_000
    rows = np.repeat(np.arange(n_states), 2)
    columns = np.stack([np.arange(n_states), np.roll(np.arange(n_states), -1)], axis=1).ravel()
    ring = sparse.csr_array((np.tile([0.75, 0.25], n_states), (rows, columns)))
    model = hf.HMM(np.eye(1, n_states)[0], ring, Poisson(np.arange(float(n_states))))
    assert model.smooth([0, 1, 1, 2]).probabilities.argmax(axis=1).tolist() == [0, 1, 1, 1]
    assert len(repr(model)) < 400


def test_rows_that_sum_to_what_the_end_leaves():
    end = np.array([0.5, 0.0, 1.0])
    rest = np.array([[0.25, 0.25, 0.0], [0.5, 0.0, 0.5], [0.0, 0.0, 0.0]])
    emission = Poisson([1.0, 2.0, 3.0])
    model = hf.HMM([1.0, 0.0, 0.0], sparse.csr_array(rest), emission, final=end)
    assert np.array_equal(model.transition.to_dense(), hf.HMM([1.0, 0.0, 0.0], rest, emission, final=end).transition)
    whole = sparse.csr_array(np.eye(3))
    assert np.array_equal(hf.HMM([1, 0, 0], whole, emission, final=end).transition.to_dense(), np.eye(3))


# Values.


@pytest.mark.parametrize("chain", ALL.values(), ids=ALL)
def test_copies_are_equal(chain):
    chain._ways()
    for twin in (copy.copy(chain), copy.deepcopy(chain), pickle.loads(pickle.dumps(chain))):
        assert twin == chain
        assert hash(twin) == hash(chain)
        assert "_made_ways" not in vars(twin)
    with pytest.raises(AttributeError):
        chain.n_states = 3


@pytest.mark.parametrize("chain", ALL.values(), ids=ALL)
def test_states_numbered_anew_say_the_same(chain):
    if isinstance(chain, Kronecker):
        pytest.skip("has an order of its own")
    model = model_of(chain)
    order = np.random.default_rng(2).permutation(chain.n_states)
    told, anew = model.smooth(COUNTS), model.reordered(order).smooth(COUNTS)
    np.testing.assert_allclose(anew.probabilities, told.probabilities[:, order], rtol=0, atol=NEAR)


def test_a_band_whose_states_keep_their_numbers_stays_one():
    model = hf.HMM(np.full(N_STATES, 1 / N_STATES), BAND, Gaussian(np.arange(20.0), np.ones(20)))
    assert model.reordered(range(N_STATES)) == model
    assert hf.aligned(model, model) == model


def test_what_only_a_full_matrix_can_do_says_how_to_make_one():
    model = hf.HMM(np.full(N_STATES, 1 / N_STATES), BAND, Gaussian(np.arange(20.0), np.ones(20)))
    with pytest.raises(AttributeError, match=r"there is none of Banded transitions: .*transition\.to_dense\(\)"):
        model.log_transition  # noqa: B018
    with pytest.raises(TypeError, match=r"transition must be an array, got Banded transitions: to_dense\(\) makes one"):
        hf.stationary_distribution(BAND)
    for ask in (hf.to_hmmlearn, hf.to_dynamax, hf.to_pomegranate):
        with pytest.raises(ValueError, match=r"full matrix only, got Banded transitions: model\.transition\.to_dense"):
            ask(model)


# Files.


@pytest.mark.parametrize(
    "chain",
    [*ALL.values(), StayOrJump([0.25, 1.0], [0.5, 0.5], elsewhere=True, by_step=True), Kronecker(Dense([[1.0]]), LOGS)],
    ids=[*ALL, "by step", "nested"],
)
def test_files_bring_back_every_bit(chain, tmp_path):
    path, model = tmp_path / "model.json", model_of(chain)
    model.to_json(path)
    assert json.loads(path.read_text())["format"] == storage.FORMAT
    assert hf.HMM.from_json(path) == model
    hf.HMM.from_json(path).to_json(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()
    assert hf.HMM.from_json(path, normalize=True).transition.n_states == chain.n_states


def document_of(transition):
    emission = {"type": "Poisson", "rate": [1.0, 2.0]}
    return {"format": storage.FORMAT, "initial": [0.5, 0.5], "transition": transition, "emission": emission}


PAIRS = {"type": "Sparse", "n_states": 2, "rows": [0, 1], "columns": [1, 0]}
BROKEN = [
    ({**PAIRS}, "transition must have either probabilities or log_values, got both or none"),
    ({**PAIRS, "probabilities": [1, 1], "log_values": [0, 0]}, "got both or none"),
    ({**PAIRS, "probabilities": [1, True]}, "probabilities must hold numbers, got true or false"),
    ({**PAIRS, "probabilities": [1, 0.5]}, "probabilities row 1 must sum to 1, got 0.5"),
    ({**PAIRS, "probabilities": [1]}, "rows must have 1 entries, one for each of probabilities, got 2"),
    ({**PAIRS, "probabilities": 1}, r"probabilities must have shape \(M,\), got \(\)"),
    ({**PAIRS, "rows": [0, 2], "log_values": [0, 0]}, r"rows\[1\] must be from 0 to 1, got 2"),
    ({**PAIRS, "rows": [0, 0.5], "log_values": [0, 0]}, "rows must hold integers"),
    ({**PAIRS, "n_states": 1.5, "log_values": [0, 0]}, "n_states must be an integer, got 1.5"),
    ({"type": "Sparse", "n_states": 2}, r"transition must have the keys \['columns', 'n_states', 'rows', 'type'\]"),
    (
        {"type": "Kronecker", "a": {"type": "Poisson", "rate": [1.0]}, "b": [[1.0]]},
        "the type of transition must be one",
    ),
    (
        {"type": "Kronecker", "a": [[1.0]], "b": {"type": "StayOrJump", "stay": 0.5, "jump": [1.0]}},
        "b must be an array",
    ),
    ({"type": "Banded", "diagonals": [[1.0, 1.0]]}, "transition must have the keys"),
]


@pytest.mark.parametrize(("transition", "message"), BROKEN, ids=range(len(BROKEN)))
def test_broken_files_say_what_is_wrong(transition, message, tmp_path):
    path = tmp_path / "model.json"
    path.write_text(json.dumps(document_of(transition)))
    with pytest.raises(ValueError, match=f"holds no valid model: .*{message}"):
        hf.HMM.from_json(path)


# Pictures.


def n_squares(ax):
    return [mesh.get_array().size for mesh in ax.collections]


@pytest.mark.parametrize("chain", [BAND, SAME_BITS["sparse"], OTHERS["kronecker"]], ids=["band", "sparse", "kronecker"])
def test_few_states_are_drawn_as_their_matrix(chain):
    pytest.importorskip("matplotlib")
    moves, counts = model_of(chain).plot(COUNTS)
    assert n_squares(moves) == [N_STATES, N_STATES**2]
    assert len(counts.lines) == N_STATES


@pytest.mark.parametrize("final", [None, 0.25], ids=["going on", "ending"])
def test_many_states_share_the_places_of_a_map(final):
    """The map of a million states has ten thousand places; each says how probable it is to come there."""
    pytest.importorskip("matplotlib")
    n_states = 1_000_000
    chain = Banded([[0.75] * (n_states - 1) + [1.0], [0.25] * (n_states - 1) + [0.0]], 0)
    ends = None if final is None else np.full(n_states, final)
    model = hf.HMM(np.eye(1, n_states)[0], chain, Poisson(np.arange(float(n_states))), final=ends)
    moves, counts = model.plot()
    meshes = [mesh.get_array() for mesh in moves.collections]
    assert [mesh.size for mesh in meshes] == [100**2, 100] + [100] * (final is not None)
    shades = np.reshape(meshes[0], (100, 100))
    np.testing.assert_allclose(shades.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(shades[0, :2], [1 - 0.25e-4, 0.25e-4], rtol=1e-9)
    assert np.ravel(meshes[1])[:2].tolist() == [1.0, 0.0]
    assert "darkest 1" in moves.texts[-1].get_text()
    assert len(counts.lines) == 12
    if final is not None:
        np.testing.assert_allclose(np.ravel(meshes[2]), final, rtol=1e-12)


def test_a_sparse_matrix_of_many_states_is_drawn_like_a_band():
    pytest.importorskip("matplotlib")
    band = Banded(diagonals(150), 2)
    drawn = [model_of(chain).plot()[0] for chain in (band, Sparse(band.to_dense()))]
    maps = [[np.asarray(mesh.get_array()) for mesh in moves.collections] for moves in drawn]
    assert all(np.array_equal(one, other) for one, other in zip(*maps, strict=True))


def test_curves_of_many_states_are_those_of_the_data():
    pytest.importorskip("matplotlib")
    chain = Banded(diagonals(200), 2)
    model = hf.HMM(np.full(200, 1 / 200), chain, Gaussian(np.arange(200.0), np.full(200, 0.1)))
    _, seen = model.plot([100.0, 101.0, 102.0])
    named = [text.get_text() for text in seen.get_legend().get_texts()]
    assert {"state 100", "state 101", "state 102"} < set(named)
    assert len(named) == 1 + 12


def test_factors_are_drawn_side_by_side():
    pytest.importorskip("matplotlib")
    pitch = Banded(diagonals(300), 2)
    moves, _ = model_of(Kronecker([[0.5, 0.5], [0.25, 0.75]], pitch)).plot()
    assert n_squares(moves) == [4, 100**2]
    assert [text.get_text() for text in moves.texts] == ["a: 2 states, darkest 0.75", "b: 300 states, darkest 0.79"]


def test_stays_and_jumps_are_drawn_as_lines():
    pytest.importorskip("matplotlib")
    moves, _ = model_of(OTHERS["jump"]).plot()
    assert [text.get_text() for text in moves.get_legend().get_texts()] == ["initial", "stay", "jump"]
    assert np.array_equal(moves.lines[1].get_ydata(), STAY)
    assert moves.get_yscale() == "log"
    moves, _ = model_of(StayOrJump(0.5, np.full(200, 1 / 200))).plot()
    assert len(moves.get_xticks()) < 10
    even = StayOrJump([0.5] * 5, [0.2] * 5, by_step=True)
    moves, _ = model_of(even, final=[0.5] * 5).plot()
    assert [text.get_text() for text in moves.get_legend().get_texts()] == ["initial", "jump", "end"]
    assert moves.get_yscale() == "linear"


def test_a_network_of_too_many_nodes_is_refused(monkeypatch):
    monkeypatch.setattr(structures, "MOST_NODES", 50)
    with pytest.raises(
        ValueError, match="Kronecker must have fewer states, got 60 nodes of its network, of at most 50"
    ):
        Kronecker([[0.5, 0.5], [0.5, 0.5]], Banded(diagonals(10), 2))._ways()


# What goes by matrices.


BY_MATRICES = {
    "one_step_predictions": lambda model: model.one_step_predictions(COUNTS),
    "filtered_pairs": lambda model: model.filtered_pairs(COUNTS),
    "log_likelihoods_to_come": lambda model: model.log_likelihoods_to_come(COUNTS),
    "path_log_joint": lambda model: model.path_log_joint(COUNTS, model.viterbi(COUNTS).path),
    "path_log_posterior": lambda model: model.path_log_posterior(COUNTS, model.viterbi(COUNTS).path),
    "path_entropy": lambda model: model.path_entropy(COUNTS),
    "pseudo_residuals": lambda model: model.pseudo_residuals(COUNTS).residuals,
}


@pytest.mark.parametrize("ask", BY_MATRICES.values(), ids=BY_MATRICES)
def test_routines_by_matrices_make_small_ones_and_refuse_large_ones(ask, request, monkeypatch):
    """To the last bit where no node is between, and of a stay of each step, too."""
    assert np.array_equal(ask(model_of(BAND)), ask(model_of(BAND.to_dense())), equal_nan=True)
    jumps = StayOrJump(STAY, JUMP, elsewhere=True)
    np.testing.assert_allclose(ask(model_of(jumps)), ask(model_of(jumps.to_dense())), rtol=1e-12, atol=1e-13)
    steady, by_step = StayOrJump(0.5, JUMP), StayOrJump([0.5] * (N_STEPS - 1), JUMP, by_step=True)
    np.testing.assert_allclose(ask(model_of(by_step)), ask(model_of(steady)), rtol=1e-12, atol=1e-13)
    monkeypatch.setattr(tables, "MOST_PAIRS", N_STATES**2 - 1)
    with pytest.raises(ValueError, match=rf"{request.node.callspec.id} goes by matrices.*got a matrix of 20 states"):
        ask(model_of(BAND))
