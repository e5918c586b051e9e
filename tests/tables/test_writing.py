"""What is written reads back as it was."""

import csv
import gzip
import io
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmmfilter import _tables

TABLE = np.array([[0.1, -np.inf], [1 / 3, 1e-300], [np.nan, 5e-324]])


def written(reading, tmp_path, content, name="output.csv", header=("p", "q"), table=TABLE, **dialect):
    with reading(content, **dialect) as reader, _tables.opened_for_writing(str(tmp_path / name), reader) as file:
        writer = _tables.Writer(file, reader)
        writer.write_header(header)
        for rows in reader.blocks(2):
            writer.write_numbers(rows, table[: len(rows)])
            table = table[len(rows) :]
    return (tmp_path / name).read_bytes()


@pytest.mark.parametrize(
    ("dialect", "content", "expected"),
    [
        ({}, "t,x\na,1\nb,2\nc,3\n", "t,x,p,q\na,1,0.1,-inf\nb,2,0.3333333333333333,1e-300\nc,3,nan,5e-324\n"),
        (
            {"delimiter": ";", "decimal": ","},
            "t;x\r\na;1,0\r\nb;2,0\r\nc;3,0",
            "t;x;p;q\na;1,0;0,1;-inf\nb;2,0;0,3333333333333333;1e-300\nc;3,0;nan;5e-324\n",
        ),
        (
            {"decimal": ","},
            't,x\na,"1,0"\nb,"2,0"\nc,3\n',
            't,x,p,q\na,"1,0","0,1",-inf\nb,"2,0","0,3333333333333333",1e-300\nc,3,nan,5e-324\n',
        ),
        ({"delimiter": "auto"}, "t\tx\na\t1\nb\t2\nc\t3\n", None),
        ({"has_header": False}, "1\n2\n3\n", "1,0.1,-inf\n2,0.3333333333333333,1e-300\n3,nan,5e-324\n"),
        ({}, "# a comment\nx\n1\n\n 3\n", "x,p,q\n1,0.1,-inf\n,0.3333333333333333,1e-300\n 3,nan,5e-324\n"),
    ],
    ids=range(6),
)
def test_output_is_in_the_dialect_of_the_input(reading, tmp_path, dialect, content, expected):
    output = written(reading, tmp_path, content, **dialect).decode()
    assert expected is None or output == expected
    delimiter = {"auto": "\t"}.get(dialect.get("delimiter"), dialect.get("delimiter", ","))
    rows = list(csv.reader(io.StringIO(output, newline=""), delimiter=delimiter))[dialect.get("has_header", True) :]
    assert np.array_equal([[float(cell.replace(",", ".")) for cell in row[-2:]] for row in rows], TABLE, equal_nan=True)


CELLS = ["a\rb", "a\r\nb", "a\nb", 'a "b"', "a,b", "", " a ", "ü", "'", "\x1b", "\x85", "\u2028", ";", "\t", "#"]


@pytest.mark.parametrize("cell", CELLS)
def test_cells_read_back_as_they_were(reading, tmp_path, cell):
    quoted = '"' + cell.replace('"', '""') + '"'
    output = written(reading, tmp_path, f"t,{quoted}\n{quoted},1\n2,{quoted}\n3,4\n", header=[cell, "b"])
    with reading(output) as reader:
        rows = list(reader)
        assert reader.header_row.cells == ["t", cell, cell, "b"]
    assert [row.cells[:2] for row in rows] == [[cell, "1"], ["2", cell], ["3", "4"]]
    with open(tmp_path / "output.csv", newline="") as file:
        assert [row[:2] for row in csv.reader(file)][1:] == [row.cells[:2] for row in rows]


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_words_read_back_as_they_were(reading, tmp_path, cell, delimiter):
    output = tmp_path / "output.csv"
    with (
        reading("x\n1\n2\n", delimiter=delimiter) as reader,
        _tables.opened_for_writing(str(output), reader) as file,
    ):
        _tables.Writer(file, reader).write_words(list(reader), [cell, "plain"])
    with reading(output.read_bytes(), delimiter=delimiter, has_header=False) as reader:
        assert [row.cells for row in reader] == [["1", cell], ["2", "plain"]]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
TABLES = st.integers(1, 3).flatmap(lambda n: st.lists(st.lists(TEXT, min_size=n, max_size=n), min_size=2, max_size=5))


@given(
    cells=TABLES,
    delimiter=st.sampled_from([",", ";", "\t", "|", " "]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    n_rows=st.integers(1, 3),
)
def test_any_table_reads_back_as_it_was(tmp_path_factory, cells, delimiter, quoting, end, n_rows):
    folder = tmp_path_factory.mktemp("tables")
    with open(folder / "data.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows(cells)
    dialect = _tables.Dialect(delimiter=delimiter)
    with (
        _tables.opened(str(folder / "data.csv"), None, None, dialect) as reader,
        _tables.opened_for_writing(str(folder / "output.csv"), reader) as output,
    ):
        writer = _tables.Writer(output, reader)
        writer.write_header(["added"])
        for rows in reader.blocks(n_rows):
            writer.write_words(rows, [row.cells[0] for row in rows])
    with _tables.opened(str(folder / "output.csv"), None, None, dialect) as reader:
        assert reader.header_row.cells == [*cells[0], "added"]
        assert [row.cells for row in reader] == [[*row, row[0]] for row in cells[1:]]


@pytest.mark.parametrize("as_it_goes", [True, False])
def test_compressed(reading, tmp_path, as_it_goes):
    path = str(tmp_path / "output.csv.gz")
    with reading("x\n1\n2\n3\n") as reader, _tables.opened_for_writing(path, reader, as_it_goes) as file:
        writer = _tables.Writer(file, reader)
        writer.write_header(["p", "q"])
        file.flush()
        writer.write_numbers(list(reader), TABLE)
    with gzip.open(path, "rt") as file:
        assert file.read().startswith("x,p,q\n1,0.1,-inf\n2,")
    with _tables.opened(path, ["x"], None) as reader:
        assert reader.numbers(list(reader)).tolist() == [[1.0], [2.0], [3.0]]


def test_a_file_may_take_the_place_of_the_one_that_is_read(reading, tmp_path):
    expected = written(reading, tmp_path, "x\n1\n2\n3\n")
    assert written(reading, tmp_path, "x\n1\n2\n3\n", name="data.csv") == expected


def test_a_failed_run_leaves_what_was_there(reading, tmp_path):
    with pytest.raises(ValueError, match="line 4 must have 1 cells"):
        written(reading, tmp_path, "x\n1\n2\n3,4,5\n", name="data.csv")
    assert (tmp_path / "data.csv").read_text() == "x\n1\n2\n3,4,5\n"
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]


@pytest.mark.parametrize("path", ["data.csv", "link.csv", "hard.csv"])
def test_what_is_seen_as_it_is_written_is_not_the_file_that_is_read(reading, tmp_path, path):
    with reading("x\n1\n") as reader:
        (tmp_path / "link.csv").symlink_to("data.csv")
        (tmp_path / "hard.csv").hardlink_to(tmp_path / "data.csv")
        opening = _tables.opened_for_writing(str(tmp_path / path), reader, as_it_goes=True)
        with pytest.raises(ValueError, match="must be another file than the one that is read"), opening:
            pass
    assert (tmp_path / "data.csv").read_text() == "x\n1\n"


def test_standard_output_is_not_the_file_that_is_read(reading, tmp_path, monkeypatch):
    with reading("x\n1\n") as reader, open(tmp_path / "data.csv", "a") as file:
        monkeypatch.setattr(sys, "stdout", file)
        opening = _tables.opened_for_writing("-", reader)
        with (
            pytest.raises(ValueError, match="standard output: must be another file than the one that is read"),
            opening,
        ):
            pass


@pytest.mark.parametrize("before", [None, "before"])
def test_what_is_seen_as_it_is_written_may_be_another_file(reading, tmp_path, before):
    output = tmp_path / "output.csv"
    if before is not None:
        output.write_text(before)
    with reading("x\n1\n") as reader, _tables.opened_for_writing(str(output), reader, as_it_goes=True) as file:
        file.write("a")
        file.flush()
        assert output.read_text() == "a"


@pytest.mark.parametrize("is_text", [True, False])
def test_standard_output_in_memory(reading, monkeypatch, is_text):
    stream = io.StringIO() if is_text else io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    with reading("x\n1\n") as reader, _tables.opened_for_writing("-", reader) as file:
        _tables.Writer(file, reader).write_words(list(reader), ["ü"])
    assert (stream.getvalue() if is_text else stream.buffer.getvalue().decode()) == "1,ü\n"


def test_closed_standard_output(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    opening = _tables.opened_for_writing("-")
    with pytest.raises(ValueError, match="standard output must be open, got a closed stream"), opening:
        pass


def test_what_cannot_be_replaced_is_not_the_file_that_is_read(reading, tmp_path, monkeypatch):
    with reading("x\n1\n") as reader:
        monkeypatch.setattr(_tables.writing, "is_replaceable", lambda path: False)
        opening = _tables.opened_for_writing(str(tmp_path / "data.csv"), reader)
        with pytest.raises(ValueError, match="must be another file"), opening:
            pass
