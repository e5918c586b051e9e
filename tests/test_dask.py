"""Sequences in partitions, by the threads of this process; `test_dask_cluster` has workers that come and go."""

import importlib
import json
import math
import pickle
import subprocess
import sys
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

import hmmfilter as hf

dd = pytest.importorskip("dask.dataframe")
dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")
pq = pytest.importorskip("pyarrow.parquet")
hfd = pytest.importorskip("hmmfilter.dask")

learning, running, scanning, totals = hfd.learning, hfd.running, hfd.scanning, hfd.totals

POISSON = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 5.0]), ["calm", "busy"])
PAIRS = hf.HMM(
    [0.4, 0.6],
    [[0.7, 0.3], [0.1, 0.9]],
    hf.emissions.Gaussian([[0.0, 1.0], [2.0, -1.0]], [[1.0, 2.0], [0.5, 1.0]], "variances"),
)
SYMBOLS = hf.HMM([1.0, 0.0], [[0.5, 0.5], [0.0, 1.0]], hf.emissions.Categorical([[1.0, 0.0], [0.5, 0.5]]))
LENGTHS = [4, 1, 9, 2, 3, 30, 1, 1, 5, 7]


def made(kind=np.int64, lengths=LENGTHS):
    """Rows of ten sequences, of ids of some kind in the order of their coming, and counts and reals beside them."""
    rng = np.random.default_rng(1)
    ids = [f"s{n:02}" if kind is str else kind(n) for n in range(len(lengths))]
    ids = pd.Series(np.repeat(np.array(ids, dtype=object), lengths).tolist())
    counts = rng.poisson(np.repeat([1.0, 6.0, 1.0], [20, 30, 13])[: len(ids)])
    return pd.DataFrame({"id": ids, "x": counts, "y": rng.normal(size=len(ids)), "z": rng.normal(size=len(ids))})


ROWS = made()
COUNTS = ROWS["x"].to_numpy()


def stored(frame, folder, files=(23, 63), group=7):
    """A folder of two files of short row groups, of which the second comes later by its number alone."""
    begin = 0
    for number, end in zip((2, 10), files, strict=True):
        table = pa.Table.from_pandas(frame[begin:end], preserve_index=False)
        pq.write_table(table, folder / f"rows-{number}.parquet", row_group_size=group)
        begin = end
    return folder


@pytest.fixture
def folder(tmp_path):
    return stored(ROWS, tmp_path)


def kept_whole(ids, steps):
    """How many rows partitions have, cut one sequence after the other."""
    sizes = [0]
    for length in ids.groupby(ids, sort=False).size():
        if sizes[-1] > 0 and sizes[-1] + length > steps:
            sizes.append(0)
        sizes[-1] += length
    return sizes


@pytest.mark.parametrize("steps", [1, 5, 12, 30, 1000])
@pytest.mark.parametrize("group", [2, 7, 100])
def test_partitions_have_whole_sequences(tmp_path, steps, group):
    frame = hfd.from_parquet(stored(ROWS, tmp_path, group=group), steps_per_partition=steps)
    parts = dask.compute(*frame.to_delayed(), scheduler="sync")
    assert [len(part) for part in parts] == kept_whole(ROWS["id"], steps)
    pd.testing.assert_frame_equal(pd.concat(parts), ROWS)


@pytest.mark.parametrize("rows", [1, 3, 8])
def test_blocks_of_rows_are_not_seen(folder, monkeypatch, rows):
    whole = hfd.from_parquet(folder, steps_per_partition=10)
    monkeypatch.setattr(scanning, "ROWS", rows)
    cut = hfd.from_parquet(folder, steps_per_partition=10)
    assert cut._chunks == whole._chunks
    assert [chunk.first_sequence for chunk in cut._chunks] == [0, 2, 3, 5, 6, 9]
    assert [chunk.ids for chunk in cut._chunks] == [(0, 1), (2, 2), (3, 4), (5, 5), (6, 8), (9, 9)]
    pd.testing.assert_frame_equal(cut.compute(scheduler="sync"), ROWS)


@pytest.mark.parametrize("kind", [int, float, str, pd.Timestamp, "category"])
def test_ids_of_many_kinds(tmp_path, kind):
    rows = made(str).astype({"id": "category"}) if kind == "category" else made(kind)
    frame = hfd.from_parquet(stored(rows, tmp_path), steps_per_partition=12)
    answers = hfd.filter(POISSON, frame, columns="x").compute()
    assert answers["id"].tolist() == rows["id"].tolist()
    expected = POISSON.filter(COUNTS, lengths=LENGTHS).probabilities
    np.testing.assert_array_equal(answers[["calm", "busy"]], expected)
    np.testing.assert_array_equal(
        hfd.filter(POISSON, frame[frame["y"] > -99], columns="x").compute()["calm"], expected[:, 0]
    )


@pytest.mark.parametrize(("first", "again"), [(0, 2), (5, 9), (4, 7)])
def test_a_sequence_that_comes_again_is_named(tmp_path, first, again, monkeypatch):
    rows, begins = made(str), np.append(0, np.cumsum(LENGTHS))
    stored(rows.replace({"id": {f"s{again:02}": f"s{first:02}"}}), tmp_path)
    for most in (scanning.MOST_IDS, 2):  # at once, and a part after the other
        monkeypatch.setattr(scanning, "MOST_IDS", most)
        where = f"id 's{first:02}' in row {begins[first]} and again in row {begins[again]}$"
        with pytest.raises(ValueError, match=where):
            hfd.from_parquet(tmp_path)


def test_ids_in_any_order_that_come_once(tmp_path, monkeypatch):
    order = np.random.default_rng(0).permutation(10)
    rows = made()
    rows["id"] = order[rows["id"]]
    frame = hfd.from_parquet(stored(rows, tmp_path), steps_per_partition=12)
    assert [chunk.n_rows for chunk in frame._chunks] == kept_whole(ROWS["id"], 12)
    monkeypatch.setattr(scanning, "_fingerprints", lambda ids: np.zeros(len(ids), dtype=np.uint64))
    assert hfd.from_parquet(tmp_path, steps_per_partition=12)._chunks == frame._chunks  # fingerprints prove nothing
    rows["id"] = 9 - ROWS["id"]
    assert len(hfd.from_parquet(stored(rows, tmp_path), steps_per_partition=12)._chunks) == len(frame._chunks)


def test_what_is_no_table_of_sequences_is_refused(folder, tmp_path_factory):
    with pytest.raises(ValueError, match=r"sequence must be among the columns .'id', 'x', 'y', 'z'., got 'who'"):
        hfd.from_parquet(folder, "who")
    with pytest.raises(ValueError, match="steps_per_partition must be an integer from 1 up, got 0"):
        hfd.from_parquet(folder, steps_per_partition=0)
    other = tmp_path_factory.mktemp("other")
    with pytest.raises(ValueError, match="path must be that of a Parquet file, or of a folder that has some"):
        hfd.from_parquet(other)
    ROWS.drop(columns="y").to_parquet(other / "a.parquet")
    with pytest.raises(ValueError, match=r"a\.parquet must have the columns of the first file, and lacks \['y'\]"):
        hfd.from_parquet([folder / "rows-2.parquet", other / "a.parquet"])
    ROWS.astype({"id": float}).replace({"id": {3.0: np.nan}}).to_parquet(other / "a.parquet")
    with pytest.raises(ValueError, match=r"a\.parquet: the column 'id' must say of each row which sequence it is of"):
        hfd.from_parquet(other)
    with pytest.raises(ValueError, match="columns must be among the columns"):
        hfd.filter(POISSON, folder, columns="w")
    with pytest.raises(ValueError, match="columns must not have that of the sequences, 'id'"):
        hfd.filter(POISSON, folder, columns=["id", "x"])
    with pytest.raises(ValueError, match="columns must have at least one besides 'id', got none"):
        hfd.filter(POISSON, folder, columns=[])
    with pytest.raises(ValueError, match="states must have other names than the column of the sequences, 'state'"):
        hfd.viterbi(POISSON, hfd.from_parquet(folder).rename(columns={"id": "state"}), "state", "x")
    with pytest.raises(TypeError, match="model must be"):
        hfd.filter(3, folder)
    with pytest.raises(TypeError, match=r"frame must be a Dask DataFrame, .* got DataFrame: dask.dataframe"):
        hfd.filter(POISSON, ROWS)


def test_models_that_take_more_than_observations_are_refused(folder):
    rates = hf.HMM([0.5, 0.5], hf.transitions.Rates([[-1.0, 1.0], [1.0, -1.0]]), POISSON.emission)
    with pytest.raises(
        ValueError, match="model must depend on nothing but observations here, got one that needs times"
    ):
        hfd.smooth(rates, folder, columns="x")
    haplotypes = hf.HMM([0.5, 0.5], hf.transitions.StayOrJump([0.9] * 12, [0.5, 0.5], by_step=True), POISSON.emission)
    for ask in (hfd.smooth, hfd.fit):
        with pytest.raises(ValueError, match="must move in the same way at each step here, got StayOrJump by step"):
            ask(haplotypes, folder, columns="x")
    angles = hf.HMM([1.0], [[1.0]], hf.emissions.Gamma([1.0], [1.0]))
    if learning.keeps(angles.emission):
        with pytest.raises(ValueError, match="Gamma learns from all observations at once"):
            hfd.fit(angles, folder, columns="x")


def test_a_file_that_changes_is_noticed(folder):
    frame = hfd.from_parquet(folder, steps_per_partition=12)
    stored(ROWS.assign(id=ROWS["id"] + 1), folder)
    with pytest.raises(ValueError, match=r"rows-.+\.parquet, rows .+ .ids .+. must not change after from_parquet"):
        hfd.log_likelihood(POISSON, frame, columns="x").compute()
    stored(ROWS[:30], folder, files=(20, 30))
    with pytest.raises(ValueError, match=r"/rows-.+\.parquet must not change"):
        hfd.log_likelihood(POISSON, frame, columns="x").compute()


@pytest.mark.parametrize("steps", [1, 12, 1000])
def test_answers_have_the_bits_of_each_sequence_alone(folder, steps):
    sequences = np.split(COUNTS, np.cumsum(LENGTHS)[:-1])
    frame = hfd.from_parquet(folder, steps_per_partition=steps)
    plain = frame[frame["x"] > -1]
    for rows in (frame, plain):
        for door in ("filter", "smooth"):
            answers = getattr(hfd, door)(POISSON, rows, columns="x").compute()
            alone = [getattr(POISSON, door)(sequence).probabilities for sequence in sequences]
            np.testing.assert_array_equal(answers[["calm", "busy"]], np.concatenate(alone))
            assert answers.index.tolist() == list(range(len(ROWS)))
        paths = hfd.viterbi(POISSON, rows, columns="x").compute()
        assert paths["state"].cat.categories.tolist() == ["calm", "busy"]
        assert paths["state"].cat.codes.tolist() == [
            *np.concatenate([POISSON.viterbi(part).path for part in sequences])
        ]
        totals_of = hfd.log_likelihood(POISSON, rows, columns="x").compute()
        assert totals_of["log_likelihood"].tolist() == [POISSON.log_likelihood(part) for part in sequences]
        assert totals_of["id"].tolist() == list(range(10))


def test_vectors_and_single_columns(folder):
    expected = PAIRS.smooth(ROWS[["y", "z"]].to_numpy(), lengths=LENGTHS).probabilities
    np.testing.assert_array_equal(hfd.smooth(PAIRS, folder, columns=["y", "z"]).compute()[["0", "1"]], expected)
    np.testing.assert_array_equal(
        hfd.smooth(PAIRS, hfd.from_parquet(folder)[["id", "y", "z"]]).compute()[["0", "1"]], expected
    )
    one = hfd.filter(POISSON, folder, columns=["x"]).compute()
    np.testing.assert_array_equal(one["calm"], POISSON.filter(COUNTS, lengths=LENGTHS).probabilities[:, 0])
    np.testing.assert_array_equal(
        hfd.filter(POISSON, hfd.from_parquet(folder)[["id", "x"]]).compute()["calm"], one["calm"]
    )


def test_empty_partitions(folder, tmp_path_factory):
    frame = hfd.from_parquet(folder, steps_per_partition=12)
    some = frame[frame["id"] >= 6]
    assert dask.compute(*map(len, dask.compute(*some.to_delayed())))[0] == 0
    np.testing.assert_array_equal(
        hfd.filter(POISSON, some, columns="x").compute()["calm"],
        POISSON.filter(COUNTS[49:], lengths=LENGTHS[6:]).probabilities[:, 0],
    )
    assert hfd.viterbi(POISSON, some, columns="x").compute()["state"].notna().all()
    assert hfd.log_likelihood(POISSON, some, columns="x").compute()["id"].tolist() == [6, 7, 8, 9]
    found = hfd.expected_statistics(POISSON, some, columns="x")
    assert found.log_likelihood == math.fsum(POISSON.log_likelihood(COUNTS[49:], lengths=LENGTHS[6:]))
    none = tmp_path_factory.mktemp("none")
    stored(ROWS[:0], none, files=(0, 0))
    assert len(hfd.smooth(POISSON, none, columns="x").compute()) == 0
    with pytest.raises(ValueError, match="must have a step that is not missing, got none"):
        hfd.expected_statistics(POISSON, none, columns="x")
    with pytest.raises(ValueError, match="must have a step that is not missing, got none"):
        hfd.fit(POISSON, none, columns="x")


def test_a_sequence_that_spans_partitions_is_named(folder):
    cut = dd.from_pandas(made(str), npartitions=3, sort=False)
    assert len({*cut.partitions[0].compute()["id"]} & {*cut.partitions[1].compute()["id"]}) == 1
    with pytest.raises(ValueError, match="a partition must have whole sequences, got id 's05' in partitions 0 and 1"):
        hfd.filter(POISSON, cut, columns="x").compute()
    with pytest.raises(ValueError, match="got id 's05' in partitions 0 and 1"):
        hfd.fit(POISSON, cut, columns="x")
    far = dd.from_delayed([dask.delayed(ROWS[a:b]) for a, b in ((0, 5), (5, 19), (19, 49), (0, 4))], meta=ROWS[:0])
    with pytest.raises(ValueError, match="got id 0 in partitions 0 and 3"):
        hfd.log_likelihood(POISSON, far, columns="x").compute()
    torn = dd.from_delayed([dask.delayed(ROWS.iloc[[0, 1, 10, 11, 2, 3]])], meta=ROWS[:0])
    with pytest.raises(ValueError, match="partition 0: the rows of a sequence must stand together, got id 0 again"):
        hfd.log_likelihood(POISSON, torn, columns="x").compute()
    null = dd.from_pandas(made(float).replace({"id": {3.0: np.nan}}), npartitions=1, sort=False)
    with pytest.raises(ValueError, match="partition 0: the column 'id' must say of each row"):
        hfd.log_likelihood(POISSON, null, columns="x").compute()


def test_what_is_impossible_is_named(tmp_path):
    rows = made(str).assign(x=0)
    rows.loc[12, "x"] = 1  # "1" is seen in the second state alone, from where no way leads back
    model = hf.HMM([1.0, 0.0], [[0.5, 0.5], [0.0, 1.0]], hf.emissions.Categorical([[1.0, 0.0], [0.0, 1.0]]))
    frame = hfd.from_parquet(stored(rows, tmp_path), steps_per_partition=12)
    for door in (hfd.filter, hfd.smooth, hfd.viterbi):
        with pytest.raises(hf.ImpossibleEvidenceError) as caught:
            door(model, frame, columns="x").compute()
        assert (caught.value.step, caught.value.sequence, caught.value.key) == (8, 2, "s02")
        where = r"rows-2\.parquet, rows 5 to 15 .ids 's02' to 's03'.: the evidence is impossible from step 8"
        assert caught.match(where + " of sequence 's02' on")
    known = hfd.log_likelihood(model, frame, columns="x").compute()["log_likelihood"]
    assert np.flatnonzero(known == -np.inf).tolist() == [2]
    for learn in (hfd.expected_statistics, hfd.fit):
        with pytest.raises(hf.ImpossibleEvidenceError, match=where):
            learn(model, frame, columns="x")


class Failing:
    """An emission of one's own, that fails where a count is the largest of all."""

    n_states = 2

    def __init__(self, error):
        self.error = error

    def log_likelihoods(self, observations):
        if (np.asarray(observations) == COUNTS.max()).any():
            raise self.error
        return np.zeros((len(observations), 2))

    def sample(self, states, rng):
        return np.zeros(len(states))


def test_a_task_that_fails_says_which_rows(folder):
    assert ROWS["id"][COUNTS.argmax()] == 5
    assert (COUNTS.max() == COUNTS).sum() == 1
    frame = hfd.from_parquet(folder, steps_per_partition=12)
    where = r"rows-2\.parquet, rows 19 to 22; rows-10\.parquet, rows 0 to 25 .ids 5 to 5.: "
    for error, kind, words in (
        (ZeroDivisionError("no"), RuntimeError, "ZeroDivisionError: no"),
        (TypeError("bad"), TypeError, "bad"),
        (ValueError("bad"), ValueError, "bad"),
    ):
        model = hf.HMM(POISSON.initial, POISSON.transition, Failing(error))
        with pytest.raises(kind, match=where + words):
            hfd.filter(model, frame, columns="x").compute()
        with pytest.raises(kind, match=rf"partition \d .ids 5 to 5.: {words}"):
            hfd.filter(model, frame[frame["x"] > -1], columns="x").compute()


def test_answers_are_written_whole(folder, tmp_path_factory):
    frame, place = hfd.from_parquet(folder, steps_per_partition=12), tmp_path_factory.mktemp("out")
    answers = hfd.filter(POISSON, frame, columns="x")
    answers.to_parquet(place / "answers")
    assert [path.name for path in place.iterdir()] == ["answers"]
    assert sorted(path.name for path in (place / "answers").iterdir()) == [f"part-0000{n}.parquet" for n in range(6)]
    pd.testing.assert_frame_equal(pd.read_parquet(place / "answers"), answers.compute())
    assert hfd.from_parquet(place / "answers")._chunks[-1].first_row == 0
    with pytest.raises(FileExistsError, match="must be that of a folder that is not there yet, or is empty"):
        answers.to_parquet(place / "answers")
    (place / "empty").mkdir()
    hfd.to_parquet(hfd.viterbi(POISSON, frame, columns="x").persist(), place / "empty")
    assert pd.read_parquet(place / "empty")["state"].tolist() == [
        POISSON.state_names[k] for k in POISSON.viterbi(COUNTS, lengths=LENGTHS).path
    ]
    model = hf.HMM(POISSON.initial, POISSON.transition, Failing(ZeroDivisionError("no")))
    with pytest.raises(RuntimeError, match=r"rows 0 to 25 .ids 5 to 5.: ZeroDivisionError"):
        hfd.filter(model, frame, columns="x").to_parquet(place / "failed")
    for _ in range(10):  # tasks that still write when another one fails leave nothing, either
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            hfd.filter(model, frame, columns="x").to_parquet(place / "failed")
    assert sorted(path.name for path in place.iterdir()) == ["answers", "empty"]


def test_files_of_the_dead_are_removed(tmp_path):
    def written(n):
        for part in tmp_path.glob(".*.part"):
            (part / ".left.part").write_text("the beginning")
        return pd.DataFrame({"x": [n]})

    hfd.to_parquet(dd.from_delayed([dask.delayed(written)(0)], meta=pd.DataFrame({"x": [0]})), tmp_path / "answers")
    assert [path.name for path in (tmp_path / "answers").iterdir()] == ["part-00000.parquet"]


def test_expected_statistics_are_those_of_one_machine(folder):
    expected = hf.expected_statistics(POISSON, COUNTS, lengths=LENGTHS)
    for steps in (1, 12, 1000):
        found = hfd.expected_statistics(POISSON, hfd.from_parquet(folder, steps_per_partition=steps), columns="x")
        assert found.log_likelihood == math.fsum(expected.log_likelihood)
        tables = [(found.initial, expected.initial), (found.transition, expected.transition)]
        tables += [(found.emission[name], expected.emission[name]) for name in expected.emission]
        for got, wanted in tables:
            if steps == 1000:
                np.testing.assert_array_equal(got, wanted)
            np.testing.assert_allclose(got, wanted, rtol=1e-14)


def test_a_fit_is_that_of_one_machine(folder):
    options = {
        "fixed": "initial",
        "tied": {"emission.rate": [0, 1]},
        "max_iterations": 12,
        "prior": hf.Prior(transition=hf.priors.Dirichlet(1.5)),
    }
    expected = hf.fit(POISSON, COUNTS, lengths=LENGTHS, **options)
    one = hfd.fit(POISSON, folder, columns="x", **options)
    assert one.history.tolist() == expected.history.tolist()
    assert one.model == expected.model
    assert (one.aic, one.gradient_norm, one.n_observations) == (expected.aic, expected.gradient_norm, len(ROWS))
    many = hfd.fit(POISSON, hfd.from_parquet(folder, steps_per_partition=12), columns="x", **options)
    np.testing.assert_allclose(many.history, expected.history, rtol=1e-12)
    again = hfd.fit(POISSON, hfd.from_parquet(folder, steps_per_partition=12), columns="x", **options)
    assert again.history.tolist() == many.history.tolist()


def test_a_fit_knows_how_far_off_it_may_be(folder):
    expected = hf.fit(POISSON, COUNTS, lengths=LENGTHS)
    found = hfd.fit(POISSON, hfd.from_parquet(folder, steps_per_partition=12), columns="x")
    assert found.converged
    np.testing.assert_allclose(
        found.standard_errors().emission["rate"], expected.standard_errors().emission["rate"], rtol=1e-5
    )


def test_rows_that_are_all_missing_are_no_evidence(tmp_path):
    rows = made().astype({"x": float})
    rows.loc[rows["id"] <= 1, "x"] = np.nan
    frame = hfd.from_parquet(stored(rows, tmp_path), steps_per_partition=5)
    found = hfd.fit(POISSON, frame, columns="x", max_iterations=2)
    assert found.n_observations == len(rows) - 5
    with pytest.raises(ValueError, match="must have a step that is not missing, got none"):
        hfd.fit(POISSON, frame[frame["id"] <= 1], columns="x")


@pytest.mark.parametrize("n_before", [0, 1, 5])
def test_a_fit_goes_on_from_its_last_iteration(folder, tmp_path_factory, monkeypatch, n_before):
    frame, place = hfd.from_parquet(folder, steps_per_partition=12), tmp_path_factory.mktemp("fit")
    asked, ask = [], learning.Spread.ask
    monkeypatch.setattr(learning.Spread, "ask", lambda spread, model: asked.append(model) or ask(spread, model))
    through = hfd.fit(POISSON, frame, columns="x", max_iterations=9)
    n_steps = len(asked)

    def interrupted(n, model, objective):
        if n > n_before:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hfd.fit(POISSON, frame, columns="x", max_iterations=9, checkpoint=place, callback=interrupted)
    n_kept = len(list(place.iterdir()))
    assert n_kept == n_before + 2  # the start, and the iteration that was not to be
    del asked[:]
    seen = []
    resumed = hfd.fit(
        POISSON, frame, columns="x", max_iterations=9, checkpoint=place, callback=lambda n, *_: seen.append(n) and None
    )
    assert len(asked) == n_steps - n_kept
    assert seen == list(range(n_before + 2, 10))
    assert resumed.history.tolist() == through.history.tolist()
    assert resumed.model == through.model
    farther = hfd.fit(POISSON, frame, columns="x", max_iterations=11, checkpoint=place)
    assert farther.history[:10].tolist() == through.history.tolist()
    others = [
        {"start": PAIRS, "columns": ["y", "z"]},
        {"frame": hfd.from_parquet(folder, steps_per_partition=5)},
        {"frame": frame.assign(x=frame["x"] + 1)},
    ]
    for other in others:
        with pytest.raises(ValueError, match="checkpoint must be a folder of this very fit, or an empty one"):
            hfd.fit(**{"start": POISSON, "frame": frame, "columns": "x", "checkpoint": place, **other})


def test_a_checkpoint_of_another_chain_is_refused(folder, tmp_path_factory):
    """Its parameters may be the same numbers, of moves to other states."""
    jump, place = [0.25, 0.75], tmp_path_factory.mktemp("fits")
    ways = hf.transitions.Sparse([[1.0, 0.0], [0.0, 1.0]]), hf.transitions.Sparse([[0.0, 1.0], [1.0, 0.0]])
    jumps = hf.transitions.StayOrJump(0.5, jump), hf.transitions.StayOrJump(0.5, jump, elsewhere=True)
    for n, (chain, other) in enumerate([ways, jumps]):
        options = {"columns": "x", "max_iterations": 1, "checkpoint": place / str(n)}
        first = hfd.fit(hf.HMM([0.5, 0.5], chain, POISSON.emission), folder, **options)
        assert hfd.fit(hf.HMM([0.5, 0.5], chain, POISSON.emission), folder, **options).model == first.model
        with pytest.raises(ValueError, match="checkpoint must be a folder of this very fit, or an empty one"):
            hfd.fit(hf.HMM([0.5, 0.5], other, POISSON.emission), folder, **options)
    for content in (b"", b"no step"):
        (place / "0" / "step-000000.npz").write_bytes(content)
        with pytest.raises(ValueError, match=r"step-000000\.npz holds no step of a fit"):
            hfd.fit(hf.HMM([0.5, 0.5], ways[0], POISSON.emission), folder, **options | {"checkpoint": place / "0"})


def test_a_fit_of_sequences_that_end(tmp_path):
    ending = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], POISSON.emission, final=[0.1, 0.2])
    stored(ROWS, tmp_path)
    expected = hf.fit(ending, COUNTS, lengths=LENGTHS, max_iterations=5)
    found = hfd.fit(ending, hfd.from_parquet(tmp_path), columns="x", max_iterations=5, checkpoint=tmp_path / "fit")
    assert found.history.tolist() == expected.history.tolist()
    assert found.model == hfd.fit(ending, tmp_path, columns="x", max_iterations=5, checkpoint=tmp_path / "fit").model


BLOCKS = [COUNTS[:1], COUNTS[1:30], COUNTS[30:31], COUNTS[31:]]


@pytest.mark.parametrize("form", ["arrays", "delayed", "frame"])
def test_a_stream_has_the_bits_of_the_whole(form, tmp_path):
    expected = POISSON.filter(COUNTS)
    blocks = {
        "arrays": BLOCKS,
        "delayed": [dask.delayed(block) for block in BLOCKS],
        "frame": dd.from_pandas(ROWS[["x"]], npartitions=4),
    }[form]
    found = list(hfd.filter_stream(POISSON, blocks, state=tmp_path))
    np.testing.assert_array_equal(np.concatenate([part.probabilities for part in found]), expected.probabilities)
    np.testing.assert_array_equal(np.concatenate([part.log_increments for part in found]), expected.log_increments)
    assert list(hfd.filter_stream(POISSON, blocks, state=tmp_path)) == []


def test_a_stream_goes_on_behind_what_was_done_with(tmp_path):
    whole = list(hfd.filter_stream(POISSON, BLOCKS))
    ran = []
    blocks = [dask.delayed(lambda n: ran.append(n) or BLOCKS[n])(n) for n in range(4)]
    stream = hfd.filter_stream(POISSON, blocks, state=tmp_path)
    next(stream), next(stream), next(stream)  # the third is not done with
    stream.close()
    document = json.loads((tmp_path / "stream.json").read_text())
    assert (document["n_blocks"], document["n_steps"]) == (2, 30)
    assert document["snapshot"]["n_observed"] == 30
    assert [path.name for path in tmp_path.iterdir()] == ["stream.json"]
    del ran[:]
    rest = list(hfd.filter_stream(POISSON, blocks, state=tmp_path))
    assert ran == [2, 3]
    for part, wanted in zip(rest, whole[2:], strict=True):
        np.testing.assert_array_equal(part.probabilities, wanted.probabilities)
        assert part.log_likelihood == wanted.log_likelihood


def test_streams_of_others_are_refused(tmp_path):
    list(hfd.filter_stream(POISSON, BLOCKS[:1], state=tmp_path))
    other = hf.HMM([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], hf.emissions.Poisson([1.0, 7.0]))
    with pytest.raises(ValueError, match="model"):
        hfd.filter_stream(other, BLOCKS, state=tmp_path)
    (tmp_path / "stream.json").write_text("[]")
    with pytest.raises(ValueError, match=r"stream\.json holds no state of a stream"):
        hfd.filter_stream(POISSON, BLOCKS, state=tmp_path)
    impossible = hf.HMM([1.0], [[1.0]], hf.emissions.Categorical([[1.0, 0.0]]))
    stream = hfd.filter_stream(impossible, [[0, 0], [0, 1]])
    next(stream)
    with pytest.raises(hf.ImpossibleEvidenceError, match="block 1: the evidence is impossible from step 3 on"):
        next(stream)


def test_sums_of_log_likelihoods_are_exact():
    rng = np.random.default_rng(3)
    numbers = (rng.normal(size=200) * 10.0 ** rng.integers(-20, 20, 200)).tolist()
    few = totals._by_sign(numbers)
    assert sum(map(Fraction, few)) == sum(map(Fraction, numbers))
    assert len(few) < 12
    assert np.abs(few).sum() == pytest.approx(np.abs(numbers).sum(), rel=1e-15)
    assert totals._by_sign([]) == ()
    assert totals._by_sign([1.0, -math.inf]) == (1.0, -math.inf)


def test_a_tree_is_by_position():
    parts = [dask.delayed(str)(n) for n in range(70)]
    together = running.merged("text", lambda group: "".join(f"({part})" for part in group), parts).compute()
    assert together.replace("(", "").replace(")", "") == "".join(map(str, range(70)))
    assert together.count("(") == 70 + 9 + 2


def test_the_workers_of_a_task_are_the_threads_of_its_worker(folder):
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=3, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        assert client.submit(running.n_threads).result() == 3
        answers = hfd.filter(POISSON, folder, columns="x", client=client)
        expected = POISSON.filter(COUNTS, lengths=LENGTHS).probabilities[:, 0]
        np.testing.assert_array_equal(answers.compute()["calm"], expected)
        (first, *_) = hfd.filter_stream(POISSON, [dask.delayed(block) for block in BLOCKS], client=client)
        assert len(first) == 1
        with client.as_current():
            assert running.client_of(None) is client
    assert running.n_threads() == 1
    assert running.client_of(None) is None


def test_what_was_lost_is_named():
    names = ["a.parquet, rows 0 to 9", "a.parquet, rows 10 to 19"]
    for key, where in (
        ("hmmfilter-filter-0a-1", names[1]),
        (("rows-of-a", 0), names[0]),
        ("hmmfilter-ids-together-0a-tree-1", "hmmfilter-ids-together-0a-tree-1"),
        ("hmmfilter-model-0a", "hmmfilter-model-0a"),
    ):
        wanted = pytest.raises(hfd.LostWorkersError, match=f"^{where}: the task ended its workers: .*")
        with wanted as caught, running.naming_the_lost(names):
            raise distributed.KilledWorker(key, SimpleNamespace(address="tcp://there"), 3)
        assert isinstance(caught.value.__cause__, distributed.KilledWorker)


def test_the_rest_of_the_house_does_not_know_dask():
    code = "import sys, hmmfilter; print([name for name in sys.modules if name.split('.')[0] in ('dask', 'pyarrow')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_without_dask_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "hmmfilter.dask")
    with pytest.raises(ImportError, match=r"hmmfilter\.dask needs Dask and PyArrow: pip install 'hmmfilter.dask.'"):
        importlib.import_module("hmmfilter.dask")


def test_frames_go_where_others_do(folder):
    frame = hfd.from_parquet(folder, steps_per_partition=12)
    copy = pickle.loads(pickle.dumps(frame))
    assert copy._chunks == frame._chunks
    answers = hfd.viterbi(POISSON, copy, columns="x")
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(answers)).compute(), answers.compute())


def test_dask_knows_how_much_is_let_in(folder):
    part = learning.Spread.of(POISSON, folder, "id", "x", None).parts[0].compute()
    assert 8 * len(ROWS) <= dask.sizeof.sizeof(part) <= 40 * len(ROWS)


def test_row_groups_without_rows(tmp_path):
    table = pa.Table.from_pandas(ROWS, preserve_index=False)
    with pq.ParquetWriter(tmp_path / "a.parquet", table.schema) as writer:
        for part in (table[:0], table[:30], table[:0], table[30:]):
            writer.write_table(part)
    pd.testing.assert_frame_equal(hfd.from_parquet(tmp_path, steps_per_partition=12).compute(), ROWS)


def test_chains_of_structure(folder):
    """Their statistics, of whatever tables, are added up and kept like those of a matrix."""
    lasting = hf.transitions.Durations([[0.5, 0.2, 0.3], [0.1, 0.3, 0.6]], [[0.0, 1.0], [1.0, 0.0]])
    model, frame = hf.HMM([0.5, 0.5], lasting, POISSON.emission), hfd.from_parquet(folder, steps_per_partition=12)
    expected = hf.fit(model, COUNTS, lengths=LENGTHS, max_iterations=3)
    assert hfd.fit(model, folder, columns="x", max_iterations=3).history.tolist() == expected.history.tolist()
    options = {"columns": "x", "max_iterations": 3, "checkpoint": folder / "fit"}
    many = hfd.fit(model, frame, **options)
    np.testing.assert_allclose(many.history, expected.history, rtol=1e-12)
    assert hfd.fit(model, frame, **options).model == many.model
    banded = hf.transitions.Banded(np.array([[0.0, 0.25], [0.5, 0.75], [0.5, 0.0]]), 1)
    for chain in (lasting, banded, hf.transitions.StayOrJump([0.5, 0.7], [0.5, 0.5])):
        model = hf.HMM([0.5, 0.5], chain, POISSON.emission)
        path = model.viterbi(COUNTS, lengths=LENGTHS).path
        assert hfd.viterbi(model, frame, columns="x").compute()["state"].cat.codes.tolist() == path.tolist()
        expected = hf.fit(model, COUNTS, lengths=LENGTHS, max_iterations=2)
        assert hfd.fit(model, folder, columns="x", max_iterations=2).model == expected.model
