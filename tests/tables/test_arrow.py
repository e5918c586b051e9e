"""Parquet and Arrow: what columns of every type say, and where; and Parquet that is written."""

import contextlib
import datetime
import decimal
import errno
import io
import os
import sys

import numpy as np
import pytest

from hmmfilter import _files, _tables
from hmmfilter._tables import arrow_writing
from hmmfilter._tables.dialects import USUAL

pa = pytest.importorskip("pyarrow")
feather = pytest.importorskip("pyarrow.feather")
pq = pytest.importorskip("pyarrow.parquet")

UNKNOWN = [pa.float16()] if int(pa.__version__.partition(".")[0]) < 15 else []  # to Parquet
KINDS = ["parquet", "arrow", "feather"]
TWO = [{"x": 1.0, "who": "a"}, {"x": None, "who": None}]


@pytest.fixture(params=KINDS)
def kind(request):
    """The way in which a table is kept."""
    return request.param


def kept(path, table, kind="parquet", n_rows=3):
    """The name of a file with a table, in batches or row groups of a few rows."""
    path = path / f"data.{kind}"
    if kind == "parquet":
        pq.write_table(table, path, row_group_size=n_rows)
    elif kind == "feather":
        feather.write_feather(table, path, chunksize=n_rows)
    else:
        with pa.ipc.new_file(path, table.schema) as writer:
            writer.write_table(table, n_rows)
    return str(path)


@pytest.fixture
def opening(tmp_path, kind):
    """Open columns as a table."""

    def opened(columns, observed=None, sequence=None, dialect=USUAL, **options):
        table = columns if isinstance(columns, pa.Table) else pa.table(columns)
        return _tables.opened(kept(tmp_path, table, kind), observed, sequence, dialect, **options)

    return opened


NUMBERS = {
    "integers": (pa.array([1, None, -3], pa.int8()), [1, np.nan, -3]),
    "long integers": (pa.array([2**60 + 1, None, 2**63], pa.uint64()), [float(2**60), np.nan, 2.0**63]),
    "short floats": (pa.array([0.1, None, np.nan], pa.float32()), [float(np.float32(0.1)), np.nan, np.nan]),
    "floats": (pa.array([0.1, np.nan, np.inf]), [0.1, np.nan, np.inf]),
    "halves": (pa.array(np.array([0.5, np.nan, 2], np.float16)), [0.5, np.nan, 2]),
    "decimals": (pa.array([decimal.Decimal("0.10"), None, decimal.Decimal("2.5")]), [0.1, np.nan, 2.5]),
    "truths": (pa.array([True, None, False]), [1, np.nan, 0]),
    "nothing": (pa.nulls(3), [np.nan] * 3),
    "numbered": (pa.array([5, None, 7]).dictionary_encode(), [5, np.nan, 7]),
}


@pytest.mark.parametrize(("column", "expected"), NUMBERS.values(), ids=NUMBERS)
def test_numbers_of_every_type(opening, kind, column, expected):
    if kind == "parquet" and column.type in UNKNOWN:
        pytest.skip("Parquet of this version of pyarrow has no such type")
    with opening({"x": column}) as reader:
        rows = list(reader)
        reader.choose(rows)
        assert [row.line for row in rows] == [0, 1, 2]
        assert np.array_equal(reader.numbers(rows)[:, 0], expected, equal_nan=True)


TEXTS = {
    "strings": (pa.array(["a", None, "NA"]), ["a", "", "NA"]),
    "large strings": (pa.array(["a", None, "ü"], pa.large_string()), ["a", "", "ü"]),
    "numbered": (pa.array(["a", None, "a"]).dictionary_encode(), ["a", "", "a"]),
    "bytes": (pa.array([b"a", None, b"b"]), ["a", "", "b"]),
    "integers": (pa.array([1, None, 2**60 + 1]), ["1", "", str(2**60 + 1)]),
    "floats": (pa.array([0.1, None, 1e300]), ["0.1", "", "1e+300"]),
    "decimals": (pa.array([decimal.Decimal("0.10"), None, None]), ["0.10", "", ""]),
    "truths": (pa.array([True, None, False]), ["True", "", "False"]),
    "dates": (pa.array([datetime.date(2026, 1, 31), None, None]), ["2026-01-31", "", ""]),
    "moments": (pa.array([0, None, 1], pa.timestamp("ms")), ["1970-01-01 00:00:00.000", "", "1970-01-01 00:00:00.001"]),
    "zones": (pa.array([0, None, None], pa.timestamp("ms", "Europe/Zurich")), ["1970-01-01 00:00:00.000Z", "", ""]),
}


@pytest.mark.parametrize(("column", "expected"), TEXTS.values(), ids=TEXTS)
def test_sequences_are_told_apart_by_columns_of_every_type(opening, column, expected):
    with opening({"x": [1, 2, 3], "who": column}, ["x"], "who") as reader:
        rows = list(reader)
        assert reader.ids(rows) == expected
        assert [reader.id_of(row) for row in rows] == expected


TIMES = {
    "numbers": (pa.array([0.0, 1.5]), np.array([0, 1.5])),
    "dates": (pa.array([0, 2], pa.date32()), np.array([0, 2], "M8[D]")),
    "moments": (pa.array([0, 7], pa.timestamp("ns")), np.array([0, 7], "M8[ns]")),
    "zones": (pa.array([0, 7], pa.timestamp("us", "Asia/Tokyo")), np.array([0, 7], "M8[us]")),
    "words": (pa.array(["1970-01-01", "1970-01-01T02:00+02:00"]), np.array([0, 0], "M8[ns]")),
}


@pytest.mark.parametrize(("column", "expected"), TIMES.values(), ids=TIMES)
def test_times_of_every_type(opening, column, expected):
    with opening({"x": [1, 2], "t": column}, ["x"], beside=["t"]) as reader:
        times = reader.times(list(reader), "t")
    assert times.dtype == expected.dtype
    assert times.tolist() == expected.tolist()


@pytest.mark.parametrize(
    "column", [pa.array([1.0, None]), pa.array([0, None], pa.timestamp("s")), pa.array(["2026-01-01", None])]
)
def test_times_that_are_missing_are_refused_by_their_row(opening, column):
    with opening({"x": [1, 2], "t": column}, ["x"]) as reader, pytest.raises(ValueError, match=r"row 1 \(from 0\): t "):
        reader.times(list(reader), "t")
    with opening({"x": [1, 2], "t": column}, ["x"]) as reader, pytest.raises(ValueError, match="must not be missing"):
        reader.words(list(reader), "t")


def test_nothing_is_no_word(opening):
    """Not even an empty one, which is a missing observation as in CSV unless it is a symbol."""
    with opening({"x": ["", None, " a ", "NULL"]}, ["x"]) as reader:
        cells = reader.texts(list(reader))
        assert [cell in reader.dialect.missing_words for cell in cells] == [True, True, False, True]
        assert cells[0] != cells[1]
        assert cells[2:] == [" a ", "NULL"]


REFUSED = {
    "lists": (pa.array([[1.0], [2.0]]), "must hold numbers, got list<"),
    "structures": (pa.array([{"a": 1}, {"a": 2}]), "must hold numbers, got struct<a: int64>"),
    "strings": (pa.array(["1", "2"]), "must hold numbers, got string"),
    "dates": (pa.array([datetime.date(2026, 1, 1)] * 2), "must hold numbers, got date32"),
    "numbered": (pa.array(["1", "2"]).dictionary_encode(), "must hold numbers, got string"),
}


@pytest.mark.parametrize(("column", "message"), REFUSED.values(), ids=REFUSED)
def test_columns_of_no_numbers_are_refused_by_name(opening, column, message):
    with opening({"odd one": column}, ["odd one"]) as reader, pytest.raises(ValueError, match=message) as caught:
        reader.numbers(list(reader))
    assert "odd one" in str(caught.value)


def test_columns_of_no_text_are_refused_by_name(opening, tmp_path):
    columns = {"x": [1, 2], "nested": pa.array([[1], [2]])}
    with opening(columns, ["x"], "nested") as reader, pytest.raises(ValueError, match="nested: Unsupported cast"):
        reader.ids(list(reader))
    with opening(columns, ["x"]) as reader:
        opening_output = _tables.opened_output(str(tmp_path / "output.csv"), reader, ["p"])
        with pytest.raises(ValueError, match=r"nested must be left out of CSV, got list<.*--output can be .parquet"):
            opening_output.__enter__()
    assert not (tmp_path / "output.csv").exists()


def test_bytes_that_are_no_text_are_refused_by_name(opening):
    with (
        opening({"x": [1, 2], "raw": [b"a", b"\xff"]}, ["x"], "raw") as reader,
        pytest.raises(ValueError, match="raw: "),
    ):
        reader.ids(list(reader))


def chosen(opening, columns, **options):
    with opening(columns, **options) as reader:
        reader.choose(list(reader))
        return [reader.header[c] for c in reader.observed]


def test_the_only_column_of_numbers_is_observed(opening):
    assert chosen(opening, {"t": ["a"], "x": [1.5]}) == ["x"]
    assert chosen(opening, {"t": [True], "x": pa.array([None], pa.int8())}) == ["x"]
    assert chosen(opening, {"t": ["a"], "x": [True]}) == ["x"]
    assert chosen(opening, {"id": [1], "t": [2.0], "x": [1.5]}, sequence="id", beside=["t"]) == ["x"]
    assert chosen(opening, {"a": ["wet"], "b": ["dry"]}, symbols=["dry"]) == ["b"]
    with pytest.raises(ValueError, match="name the observations with --column; numeric columns: x, y"):
        chosen(opening, {"x": [1], "t": ["a"], "y": [2.5]})
    with pytest.raises(ValueError, match="numeric columns: none"):
        chosen(opening, {"t": ["a"]})
    with pytest.raises(ValueError, match="columns of symbols: none"):
        chosen(opening, {"t": pa.array([[1]])}, symbols=["dry"])


def test_an_index_of_pandas_is_not_observed(opening):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"x": [1.0, 2.0]}, index=[5, 7])
    assert chosen(opening, pa.Table.from_pandas(frame)) == ["x"]


def test_names_that_are_not_there_or_twice(opening):
    with (
        pytest.raises(ValueError, match=r"data\..*: no column 'z'; columns: x, y"),
        opening({"x": [1], "y": [1]}, ["z"]),
    ):
        pass
    twice = pa.table([pa.array([1]), pa.array([2])], names=["x", "x"])
    with pytest.raises(ValueError, match="two columns 'x'"), opening(twice, ["x"]):
        pass


def test_a_comma_between_names_is_as_of_csv(opening):
    with opening({"x": [1], "y": [2], "a,b": [3]}, ["y,x", "a,b"]) as reader:
        assert reader.numbers(list(reader)).tolist() == [[2, 1, 3]]


@pytest.mark.parametrize("words", [{"delimiter": ";"}, {"decimal": ","}, {"comment": "#"}, {"has_header": False}])
def test_the_dialect_of_csv_is_refused(opening, words):
    with pytest.raises(ValueError, match="must be left out: they are about CSV"):
        opening({"x": [1]}, dialect=_tables.Dialect(**words)).__enter__()


def test_numbers_and_words_that_stand_for_nothing(opening):
    dialect = _tables.Dialect(missing=("-999", "none"))
    with opening({"x": [1, -999], "w": ["none", "a"]}, ["x"], dialect=dialect) as reader:
        rows = list(reader)
        assert np.array_equal(reader.numbers(rows), [[1], [np.nan]], equal_nan=True)
        assert "none" in reader.dialect.missing_words


def test_no_rows_are_refused(opening):
    with opening({"x": pa.array([], pa.float64())}) as reader, pytest.raises(ValueError, match="at least one row"):
        list(reader)


def test_blocks_are_of_so_many_rows_and_count_on(opening):
    with opening({"x": range(7)}, ["x"]) as reader:
        blocks = list(reader.blocks(2))
        assert all(len(rows) <= 2 for rows in blocks)
        assert [row.line for rows in blocks for row in rows] == list(range(7))
        assert [number for rows in blocks for number in reader.numbers(rows)[:, 0]] == list(range(7))


def test_batches_of_no_rows_are_passed_over(tmp_path):
    table = pa.table({"x": [1.0, 2.0]})
    with pa.ipc.new_file(tmp_path / "data.arrow", table.schema) as writer:
        for part in (slice(0, 1), slice(0, 0), slice(1, 2)):
            writer.write_batch(table.to_batches()[0][part])
    with _tables.opened(str(tmp_path / "data.arrow"), ["x"], None) as reader:
        assert [(row.line, reader.numbers([row]).tolist()) for row in reader] == [(0, [[1]]), (1, [[2]])]


def test_rows_of_several_blocks_in_any_order(opening):
    with opening({"x": range(7)}, ["x"]) as reader:
        rows = [row for rows in reader.blocks(2) for row in rows][::-2]
        assert reader.numbers(rows)[:, 0].tolist() == [6, 4, 2, 0]


def test_columns_that_are_not_looked_at_are_not_read_but_copied(opening):
    columns = {"label": [7], "x": [1], "nested": [[1]], "id": ["a"]}
    with opening(columns, ["x"], "id", again=True) as reader:
        (row,) = reader
        assert row.block.batch.schema.names == ["label", "x", "id"]
        assert (reader.numbers([row]), reader.ids([row]), reader.cells([row], reader.label)) == ([[1]], ["a"], ["7"])
        reader.restart()
        assert next(iter(reader)).block.batch.schema.names == list(columns)
    with opening(columns, is_copied=False) as reader:
        assert next(iter(reader)).block.batch.schema.names == ["label", "x", "id"]
    with opening(columns, ["x"]) as reader:
        assert next(iter(reader)).block.batch.schema.names == list(columns)
    twice = pa.table([pa.array([1]), pa.array([2]), pa.array([3])], names=["x", "y", "y"])
    with opening(twice, ["x"], is_copied=False) as reader:
        assert next(iter(reader)).block.batch.schema.names == ["x", "y", "y"]


def test_a_file_that_changes_is_refused(opening, tmp_path, kind):
    with opening({"x": [1]}, again=True) as reader:
        list(reader)
        with open(tmp_path / f"data.{kind}", "ab") as file:
            file.write(b"more")
        with pytest.raises(ValueError, match="must not change while it is read twice"):
            reader.restart()


def test_a_file_that_is_cut_is_refused_by_name(tmp_path, kind):
    path = kept(tmp_path, pa.table({"x": range(100)}), kind)
    os.truncate(path, os.stat(path).st_size // 2)
    with pytest.raises(ValueError, match=rf"data\.{kind}: "):
        _tables.opened(path, None, None).__enter__()


def test_a_page_that_is_spoilt_is_refused_by_name(tmp_path):
    path = kept(tmp_path, pa.table({"x": np.random.default_rng(0).normal(size=1000)}), n_rows=1000)
    with open(path, "r+b") as file:
        file.seek(4)
        file.write(bytes(400))
    with _tables.opened(path, ["x"], None) as reader, pytest.raises(ValueError, match=r"data\.parquet: "):
        list(reader)


@pytest.mark.parametrize("start", [b"PAR1", b"ARROW1\0\0", b"FEA1"])
def test_what_is_no_file_is_read_as_csv(monkeypatch, start):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(start + b"rest")))
    with pytest.raises(ValueError, match=r"standard input: must be CSV in UTF-8, got [PAF]"):
        _tables.opened("-", None, None).__enter__()


def test_without_pyarrow_is_said_how_to_install_it(tmp_path, kind, monkeypatch):
    path = kept(tmp_path, pa.table({"x": [1]}), kind)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"data\..*: needs pyarrow: pip install 'hmmfilter\[parquet\]' brings it"):
        _tables.opened(path, None, None).__enter__()


def written(tmp_path, table, added, are_words=False, name="output.parquet", n_rows=2, kind="parquet"):
    """What is written of a table with columns added, block by block."""
    path = tmp_path / name
    with (
        _tables.opened(kept(tmp_path, table, kind), None, None) as reader,
        _tables.opened_output(str(path), reader, list(added), are_words) as writer,
    ):
        cells = list(added.values())
        for rows in reader.blocks(n_rows):
            part = [column[rows[0].line : rows[-1].line + 1] for column in cells]
            if are_words:
                writer.write_words(rows, *part)
            else:
                writer.write_numbers(rows, np.column_stack(part))
            writer.flush()
    return path


EVERYTHING = {
    **{name: column.slice(0, 3) for name, (column, _) in NUMBERS.items() if column.type not in UNKNOWN},
    **{f"text of {name}": column for name, (column, _) in TEXTS.items()},
    "lists": pa.array([[1], None, []]),
    "structures": pa.array([{"a": 1}, None, {"a": 2}]),
}


@pytest.mark.parametrize("n_rows", [1, 2, 5])
def test_columns_of_every_type_are_copied_as_they_are(tmp_path, n_rows):
    table = pa.table(EVERYTHING)
    added = {"p_0": np.array([0.1, np.nan, -np.inf]), "p_1": np.array([1 / 3, 0, 5e-324])}
    found = pq.read_table(written(tmp_path, table, added, n_rows=n_rows))
    before = pq.read_table(tmp_path / "data.parquet")
    assert found.select(table.schema.names).schema == before.schema
    assert repr(found.select(table.schema.names).to_pylist()) == repr(before.to_pylist())
    assert found.schema.names == [*table.schema.names, "p_0", "p_1"]
    assert all(np.array_equal(found[name], column, equal_nan=True) for name, column in added.items())


def test_words_are_strings_and_an_empty_one_is_null(tmp_path, kind):
    found = pq.read_table(written(tmp_path, pa.table({"x": [1, 2, 3]}), {"state": ["a", "", "b"]}, True, kind=kind))
    assert found.to_pydict() == {"x": [1, 2, 3], "state": ["a", None, "b"]}
    assert found.schema.field("state").type == pa.string()


def test_a_frame_of_pandas_keeps_its_index(tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"x": [1.0, 2.0]}, index=pd.Index([5, 7], name="when"))
    path = written(tmp_path, pa.Table.from_pandas(frame), {"p": np.array([0.5, 0.25])})
    pd.testing.assert_frame_equal(pd.read_parquet(path), frame.assign(p=[0.5, 0.25]))


def test_row_groups_hold_many_blocks(tmp_path, monkeypatch):
    table, added = pa.table({"x": range(10)}), {"p": np.arange(10.0)}
    assert pq.ParquetFile(written(tmp_path, table, added)).num_row_groups == 1
    monkeypatch.setattr(arrow_writing, "GROUP_ROWS", 4)
    assert pq.ParquetFile(written(tmp_path, table, added)).num_row_groups == 3
    monkeypatch.setattr(arrow_writing, "GROUP_ROWS", 2**17)
    monkeypatch.setattr(arrow_writing, "GROUP_BYTES", 30)
    path = written(tmp_path, table, added)
    assert pq.ParquetFile(path).num_row_groups == 5
    assert pq.read_table(path).to_pydict() == {"x": list(range(10)), "p": added["p"].tolist()}


def test_csv_of_parquet_reads_back_as_it_was(tmp_path, kind):
    table = pa.table(
        {"when": pa.array([0, 1, 2], pa.timestamp("us")), "w": ['a,"b"', None, "c\nd"], "x": [0.1, None, 1e300]}
    )
    path = written(tmp_path, table, {"p,q": np.array([1 / 3, np.nan, 0.0])}, name="output.csv", kind=kind)
    with _tables.opened(str(path), ["x", "p,q"], None) as reader:
        rows = list(reader)
        assert reader.header == ["when", "w", "x", "p,q"]
        assert reader.words(rows, "w") == ['a,"b"', "", "c\nd"]
        assert reader.times(rows, "when").tolist() == [0, 1000, 2000]
        assert np.array_equal(reader.numbers(rows), [[0.1, 1 / 3], [np.nan, np.nan], [1e300, 0]], equal_nan=True)


def test_parquet_is_not_written_where_it_cannot_be(tmp_path):
    table = pa.table({"x": [1]})
    with pytest.raises(ValueError, match="--output must be CSV or Parquet"):
        written(tmp_path, table, {"p": np.zeros(1)}, name="output.feather")
    (tmp_path / "pipe.parquet").symlink_to("/dev/null")
    with pytest.raises(ValueError, match="must be a file, which Parquet is written to as a whole"):
        written(tmp_path, table, {"p": np.zeros(1)}, name="pipe.parquet")
    (tmp_path / "data.csv").write_text("x\n1\n")
    with (
        _tables.opened(str(tmp_path / "data.csv"), None, None) as reader,
        pytest.raises(ValueError, match="--output must be CSV, too, where what is read is"),
    ):
        _tables.opened_output(str(tmp_path / "output.PQ"), reader, ["p"]).__enter__()


def test_a_file_that_is_not_finished_gets_no_name(tmp_path):
    path = kept(tmp_path, pa.table({"x": [1, 2]}))
    output = tmp_path / "output.parquet"
    output.write_bytes(b"before")
    with (
        _tables.opened(path, None, None) as reader,
        contextlib.suppress(KeyboardInterrupt),
        _tables.opened_output(str(output), reader, ["p"]) as writer,
    ):
        writer.write_numbers(list(reader), np.zeros((2, 1)))
        raise KeyboardInterrupt
    assert output.read_bytes() == b"before"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["data.parquet", "output.parquet"]


def test_a_disk_that_is_full_is_named_with_the_file(tmp_path, monkeypatch):
    class Full(io.FileIO):
        def write(self, content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "output.parquet"))

    monkeypatch.setattr(_files, "_Named", lambda path, mode, name: Full(path, mode))
    with pytest.raises(OSError, match=r"No space left on device: .*output\.parquet"):
        written(tmp_path, pa.table({"x": range(5000)}), {"p": np.arange(5000.0)}, n_rows=5000)
    assert [path.name for path in tmp_path.iterdir()] == ["data.parquet"]


def test_the_file_that_is_read_can_be_replaced(tmp_path):
    table = pa.table({"x": range(9)})
    path = written(tmp_path, table, {"p": np.arange(9.0)}, name="data.parquet")
    assert pq.read_table(path).to_pydict() == {"x": list(range(9)), "p": list(range(9))}
