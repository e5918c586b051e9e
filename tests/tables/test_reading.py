"""Rows in blocks, as they come, and again; and who is to blame."""

import gzip
import io
import os
import sys
import threading

import pytest

from hmmfilter import _tables
from hmmfilter._checks import EntryError, ImpossibleEvidenceError
from hmmfilter._tables import RowError

TABLES = {
    "plain": "t,x\n" + "".join(f"{t},{t / 8}\n" for t in range(100)),
    "quoted": 't,x\n"a, b",1\n"two\nlines",2\n"a ""word""",3\n' * 9,
    "CRLF": "t,x\r\n1,2\r\n\r\n3,4\r\n",
    "CR": "t,x\r1,2\r3,4\r",
    "byte order mark": "\ufefft,x\n1,2\n",
    "no last end": "t,x\n1,2\n3,4",
    "one column": "x\n1\n\n\n2\n",
    "comments": "# a\nt,x\n1,2\n# b\n3,4\n",
    "letters": "t,x\nü,1\n–,2\n",
    "a stray quote": 't,x\n5" pipe,1\n6" pipe,2\n7,3\n',
}


def texts(blocks):
    return [[(row.line, row.text, row.cells) for row in rows] for rows in blocks]


@pytest.mark.parametrize("content", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("n_rows", [1, 2, 7, 1000])
def test_blocks_are_the_rows(reading, content, n_rows):
    with reading(content) as reader:
        rows = list(reader)
    with reading(content) as reader:
        blocks = list(reader.blocks(n_rows))
    assert [row for block in blocks for row in block] == rows
    assert all(len(block) == n_rows for block in blocks[:-1])
    lines = content.splitlines()
    for row in rows:
        assert row.text.splitlines()[-1:] == [lines[row.line - 1]][: bool(row.text)]


@pytest.mark.parametrize("content", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("is_file", [True, False])
@pytest.mark.parametrize("n_bytes", [1, 3, 4])
def test_rows_do_not_depend_on_how_they_come(reading, monkeypatch, content, compress, is_file, n_bytes):
    monkeypatch.setattr(_tables.sources, "CHUNK", n_bytes)
    with reading(compress(content.encode()), is_file=is_file) as reader:
        in_pieces = list(reader)
    with reading(content) as reader:
        assert list(reader) == in_pieces


@pytest.mark.parametrize("content", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("is_file", [True, False])
@pytest.mark.parametrize("has_header", [True, False])
def test_all_can_be_read_again(reading, content, compress, is_file, has_header):
    with reading(compress(content.encode()), is_file=is_file, again=True, has_header=has_header) as reader:
        first = list(reader)
        for _ in range(2):
            reader.restart()
            assert list(reader) == first


class Pipe:
    """Standard input through a pipe."""

    def __init__(self, monkeypatch):
        reading, self.writing = os.pipe()
        self.stdin = os.fdopen(reading, encoding="utf-8")
        monkeypatch.setattr(sys, "stdin", self.stdin)

    def send(self, text):
        os.write(self.writing, text.encode())

    def close(self):
        os.close(self.writing)


@pytest.fixture
def pipe(monkeypatch):
    pipe = Pipe(monkeypatch)
    yield pipe
    pipe.stdin.close()


SENT = [  # what arrives at once, and the rows that can be answered then, in blocks
    ("1,2\n", [1]),
    ("1,2\n3,4\n5,6\n", [3]),
    ("1,2\n3,", [1]),
    ("4\n", [1]),
    ('1,2\n"op', [1]),
    ('en\n1",2\n3,4\n', [2]),
    ("1,2\n# a comment\n", [1]),
    ("1,2\n\n", [1]),
    ('1,5" pipe\n1,6" pipe\n', [1, 1]),
    ("1,2\r\n", [1]),
    ("1,2\n" * 2500, [1000, 1000, 500]),
]


def test_what_waits_in_a_pipe_is_a_block_and_a_row_alone_is_answered(pipe):
    """Were a row waited for that is not there, this test would never end."""
    pipe.send("t,x\n")
    with _tables.opened("-", None, None) as reader:
        blocks = reader.blocks(1000, as_they_come=True)
        for sent, sizes in SENT:
            pipe.send(sent)
            assert [len(next(blocks)) for _ in sizes] == sizes
        pipe.close()
        assert list(blocks) == []


def test_without_a_header_the_first_row_is_answered_at_once(pipe):
    pipe.send("1,2\n")
    with _tables.opened("-", None, None, _tables.Dialect(has_header=False)) as reader:
        assert len(next(reader.blocks(1000, as_they_come=True))) == 1


def test_a_pipe_can_be_read_again(pipe):
    threading.Thread(target=lambda: (pipe.send("x\n" + "1\n2\n" * 30_000), pipe.close())).start()
    with _tables.opened("-", None, None, again=True) as reader:
        first = list(reader)
        reader.restart()
        assert list(reader) == first
    assert len(first) == 60_000


@pytest.mark.parametrize("again", [True, False])
def test_lines_of_text(monkeypatch, again):
    monkeypatch.setattr(sys, "stdin", io.StringIO("x\n1\n2\n"))
    with _tables.opened("-", None, None, again=again) as reader:
        assert [row.cells for row in reader] == [["1"], ["2"]]
        if again:
            reader.restart()
            assert [row.cells for row in reader] == [["1"], ["2"]]


@pytest.mark.parametrize("when", ["before", "within"])
def test_a_file_that_changes_between_two_passes_is_refused(reading, tmp_path, when):
    with reading("x\n1\n2\n", again=True) as reader:
        assert len(list(reader)) == 2
        if when == "within":
            reader.restart()
        with open(tmp_path / "data.csv", "a") as file:
            file.write("3\n")
        with pytest.raises(ValueError, match=r"data.csv: must not change while it is read twice"):  # noqa: PT012
            if when == "before":
                reader.restart()
            list(reader)


def test_a_file_may_grow_while_it_is_read_once(reading, tmp_path):
    with reading("x\n1\n2\n") as reader:
        with open(tmp_path / "data.csv", "a") as file:
            file.write("3\n")
        assert len(list(reader)) == 3


def test_rows_before_a_refused_one_come_first(reading):
    with reading("t,x\n1,2\n3,4\n5\n") as reader:
        blocks = reader.blocks(1000)
        assert texts([next(blocks)]) == [[(2, "1,2", ["1", "2"]), (3, "3,4", ["3", "4"])]]
        with pytest.raises(ValueError, match="line 4 must have 2 cells"):
            next(blocks)


@pytest.mark.parametrize("n_rows", [1, 2])
def test_a_block_after_another(reading, n_rows):
    with reading("x\n1\n") as reader:
        assert len(next(reader.blocks(n_rows))) == 1
        assert list(reader.blocks(n_rows)) == []


REFUSED = [
    (b"", "a header line and at least one row are required, got 0 lines"),
    (b"# a comment\n\n", "a header line and at least one row are required, got 0 lines"),
    (b"x\n", "a header line and at least one row are required, got 1 lines"),
    (b"x\n1\n\xff\n", "line 3 must be in UTF-8, got the byte 0xff"),
    (b"x\xff\n1\n", "line 1 must be in UTF-8, got the byte 0xff"),
    (b'x\n1\n"1\n', "line 3 must be CSV: unexpected end of data"),
    (b'x,y\n1,2\n"1"2,3\n', "line 3 must be CSV: "),
    (b'x\n1\n"2\n3\n4\n', r"line 5 must be CSV: unexpected end of data \(of the row that begins in line 3\)"),
]


@pytest.mark.parametrize(("content", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_table_is_refused(reading, content, message):
    with pytest.raises(ValueError, match=message), reading(content) as reader:
        list(reader)


def test_closed_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with (
        pytest.raises(ValueError, match="standard input must be open, got a closed stream"),
        _tables.opened("-", [], None),
    ):
        pass


SYMBOLS = ["A", "C", "NA", "."]


def test_symbols_are_text(reading):
    with reading("t,x\n1,A\n2,NA\n3,\n4,?\n5, C\n", symbols=SYMBOLS) as reader:
        rows = list(reader)
        reader.choose(rows)
        assert reader.texts(rows) == ["A", "NA", "", "?", "C"]
        assert {"", "?", "null"} <= reader.dialect.missing_words


@pytest.mark.parametrize(
    ("content", "observed", "message"),
    [
        ("A\nC\n", None, "line 1 must name the columns, got 'A'"),
        ("t,A\n1,C\n", ["A"], "line 1 must name the columns, got 'A'"),
        ("t,x,y\n1,A,A\n", None, "name the observations with --column; columns of symbols: x, y"),
        ("t,x\n1,\n", None, "name the observations with --column; columns of symbols: none"),
        ("t,x\n1,B\n", None, "name the observations with --column; columns of symbols: none"),
    ],
)
def test_tables_of_symbols_that_are_refused(reading, content, observed, message):
    with pytest.raises(ValueError, match=message), reading(content, observed, symbols=SYMBOLS) as reader:
        reader.choose(list(reader))


def test_symbols_stand_in_one_column(reading):
    with reading("t,x\n1,A\n", ["t", "x"], symbols=SYMBOLS) as reader:
        rows = list(reader)
        with pytest.raises(ValueError, match="--column must name one column of symbols, got 2"):
            reader.texts(rows)


def test_without_a_row_nothing_is_chosen(reading):
    with reading("t,x\n1\n", keeps_faulty=True) as reader, pytest.raises(ValueError, match="numeric columns: none"):
        reader.choose([])


def test_a_column_that_is_empty_so_far_may_be_of_symbols(reading):
    with reading("x\n\nA\n", symbols=SYMBOLS) as reader:
        reader.choose(next(reader.blocks(1)), more_to_come=True)
        assert reader.observed == [0]


BLAMED = [
    (EntryError("observations[2] must be small, got 9", (2,)), "line 4: x must be small, got 9"),
    (EntryError("observations[2, 0] must be small, got 9", (2, 0)), "line 4: x must be small, got 9"),
    (
        EntryError("log_likelihoods[0, 1] must be finite", (0, 1)),
        "line 2: the log-likelihood in state 1 must be finite",
    ),
    (EntryError("rows[0] must be finite", (0,)), "line 2: rows[0] must be finite"),
    (ValueError("all is bad"), "data.csv: all is bad"),
]


@pytest.mark.parametrize(("error", "message"), BLAMED, ids=[words for _, words in BLAMED])
def test_blame_names_the_line(reading, error, message):
    with reading("who,x\na,1\nb,2\na,3\n", ["x"]) as reader:
        rows = list(reader)
        with pytest.raises(ValueError, match=r"data\.csv: ") as caught, reader.blamed(rows):
            raise error
    assert message in str(caught.value)


def test_impossible_evidence_is_left_to_those_who_know_its_sequence(reading):
    with reading("who,x\na,1\nb,2\n", ["x"], "who") as reader:
        rows = list(reader)
        with pytest.raises(ImpossibleEvidenceError), reader.blamed(rows):
            raise ImpossibleEvidenceError(1)
        assert "line 3, sequence 'b': the evidence is impossible from step 7 on" in str(reader.impossible(rows[1], 7))


FAULTY = 'who,x\na,1\nb\nc,2\n"d"e,3\nf,4\n\xff,5\ng,6\n'.encode("latin-1")


def test_rows_at_fault_can_be_kept(reading):
    with reading(FAULTY, ["x"], keeps_faulty=True) as reader:
        rows = list(reader)
        assert [row.text for row in rows if not row.fault] == ["a,1", "c,2", "f,4", "g,6"]
        assert [row.fault[:9] for row in rows if row.fault] == ["line 3 mu", "line 5 mu", "line 7 mu"]
        reader.insist_on_sound(rows[:1])
        with pytest.raises(RowError, match="line 3 must have 2 cells as the header does, got 1"):
            reader.insist_on_sound(rows)


@pytest.mark.parametrize("words", [b"\xff", b' "a" b, c, d', b'"', b"x" * 200_000, b',"a",'])
def test_a_comment_may_hold_anything(reading, words):
    with reading(b"x,y\n1,2\n#" + words + b"\n3,4\n") as reader:
        assert [row.text for row in reader] == ["1,2", "3,4"]


@pytest.mark.parametrize("row", ["#1,2", '#1,"two\nlines"', '#1, "a"', "#,"])
def test_what_may_be_a_row_is_no_comment(reading, row):
    with reading(f"x,y\n1,2\n{row}\n3,4\n") as reader:
        assert [row.text for row in reader] == ["1,2", row, "3,4"]


def test_messages_list_some_columns_and_quote_a_line_at_most(reading):
    header = ",".join("x" * 1000 + str(c) for c in range(1000))
    with pytest.raises(ValueError, match=r"no column 'y'; columns: .*, \.\.\.$") as caught, reading(header, ["y"]):
        pass
    assert len(str(caught.value)) < 1000
    with reading("x\n" + "y" * 100_000, ["x"]) as reader:
        rows = list(reader)
        with pytest.raises(ValueError, match="x must be a number") as caught:
            reader.numbers(rows)
    assert len(str(caught.value)) < 300
