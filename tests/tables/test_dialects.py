"""The dialects of CSV: read where they are said, and named where they are not."""

import gzip

import numpy as np
import pytest

from hmmfilter._tables import Dialect

READ = [
    ("t;x\n1;2,5\n2;\n", {"delimiter": ";", "decimal": ","}, [2.5, None]),
    ("t\tx\n1\t2.5\n2\t\n", {"delimiter": "tab"}, [2.5, None]),
    ("t\tx\n1\t2.5\n2\t\n", {"delimiter": "\\t"}, [2.5, None]),
    ("t|x\n1|2.5\n", {"delimiter": "|"}, [2.5]),
    ("t x\n1 2.5\n", {"delimiter": " "}, [2.5]),
    ("t,x\n1,2.5\n", {"delimiter": "auto"}, [2.5]),
    ("t;x\n1;2.5\n", {"delimiter": "auto"}, [2.5]),
    ("t;x\n1;2,5\n", {"delimiter": "auto", "decimal": ","}, [2.5]),
    ("t\tx\n1\t2.5\n", {"delimiter": "auto"}, [2.5]),
    ("t|x\n1|2.5\n", {"delimiter": "auto"}, [2.5]),
    ("\n\nt;x\n1;2.5\n", {"delimiter": "auto"}, [2.5]),
    ('"a, b, c";t;x\n,;1;2.5\n', {"delimiter": "auto"}, [2.5]),
    ("x\n1\n2\n", {"delimiter": "auto"}, [1.0, 2.0]),
    ('t,x\n1,"2,5"\n2,"-1,5e3"\n', {"decimal": ","}, [2.5, -1500.0]),
    ("t, x\n1, 2.5\n2, \n", {}, [2.5, None]),
    ('t, "x"\n1, 2.5\n"a, b", 3\n', {}, [2.5, 3.0]),
    ("t,x \n1, 2.5 \n", {}, [2.5]),
    ("# made by hand\n#\nt,x\n1,2.5\n# the rest, is bad, they say\n2,3\n", {}, [2.5, 3.0]),
    ("# a comment\nx\n1\n# another\n2\n", {}, [1.0, 2.0]),
    ("t,x\n#1,2.5\n2,3\n", {}, [2.5, 3.0]),
    ("t,x\n#1,2.5\n2,3\n", {"comment": "#"}, [3.0]),
    ("#t,x\n#1,2.5\n2,3\n", {"comment": ""}, [2.5, 3.0]),
    ("% one\nt,x\n%1,2.5\n2,3\n", {"comment": "%"}, [3.0]),
    ('t,x\n"two\n# lines",2.5\n2,3\n', {}, [2.5, 3.0]),
    ("t,x\n1,\n2,NA\n3,na\n4,null\n5,NULL\n6,NaN\n7,nan\n8,.\n9,?\n10, NA \n", {}, [None] * 10),
    ("t,x\n1,-999\n2,-999.0\n3,n/a\n4,N/A\n5,\n6,1\n", {"missing": ("-999", "n/a")}, [None] * 5 + [1.0]),
    ("t;x\n1;-9,9\n2;1\n", {"delimiter": ";", "decimal": ",", "missing": ("-9,9",)}, [None, 1.0]),
    ("t,x\na,true\nb,FALSE\nc,True\nd, false\ne,\n", {}, [1.0, 0.0, 1.0, 0.0, None]),
    ("t,x\n\n1,2\n   \n2,3\n", {}, [2.0, 3.0]),
]


@pytest.mark.parametrize(("content", "dialect", "expected"), READ, ids=range(len(READ)))
def test_what_is_said_is_read(columns, content, dialect, expected):
    assert columns(content, ["x"], **dialect) == [expected]


NO_HEADER = [
    ("1,2.5\n2,3\n", ["2"], [[2.5, 3.0]]),
    ("1,2.5\n2,3\n", ["2", "1"], [[2.5, 3.0], [1.0, 2.0]]),
    ("a,2.5\nb,3\n", None, [[2.5, 3.0]]),
    ("13\n20\n", None, [[13.0, 20.0]]),
    ("\n13\n\n20\n", None, [[None, 13.0, None, 20.0]]),
    ("\n\na,13\n\nb,20\n", None, [[13.0, 20.0]]),
]


@pytest.mark.parametrize(("content", "observed", "expected"), NO_HEADER, ids=range(len(NO_HEADER)))
def test_without_a_header_columns_have_numbers_from_1(columns, content, observed, expected):
    assert columns(content, observed, has_header=False) == expected


def test_words_of_truth_count_where_no_numbers_do(columns):
    assert columns("flag,x\ntrue,2\nfalse,3\n") == [[2.0, 3.0]]
    assert columns("name,flag\na,true\nb,false\n") == [[1.0, 0.0]]


SEMICOLONS = "columns are separated by ';': add --delimiter ';'"
COMMAS = "numbers have decimal commas: add --decimal ,"
FOREIGN = [
    ("t;x\n1;2\n", ["x"], {}, SEMICOLONS),
    ("t;x\n1;2\n", None, {}, SEMICOLONS),
    ("t;x\n1;2\n", ["t;x"], {}, SEMICOLONS),
    ("t;x\n1;2,5\n", None, {}, f"{SEMICOLONS} --decimal ,"),
    ("t\tx\n1\t2\n", ["x"], {}, "columns are separated by tab: add --delimiter tab"),
    ("t|x\n1|2\n", ["x"], {}, "columns are separated by '|': add --delimiter '|'"),
    ("t,x\n1,2\n", ["x"], {"delimiter": ";"}, "columns are separated by ',': add --delimiter ','"),
    ("t,x\n1,2\n", ["x"], {"delimiter": "tab"}, "columns are separated by ',': add --delimiter ','"),
    ("t;x\n1;2,5\n", ["x"], {"delimiter": ";"}, COMMAS),
    ('t,x\n1,"2,5"\n', ["x"], {}, COMMAS),
    ("x\n2,5\n", None, {}, "numbers have decimal commas: add --delimiter ';' --decimal ,"),
    ("t;x\n1;2.5\n", ["x"], {"delimiter": ";", "decimal": ","}, "numbers have decimal points: leave --decimal , out"),
    (
        "t;x\n1;1.234,5\n",
        ["x"],
        {"delimiter": ";", "decimal": ","},
        "line 2: x must be a number or empty, got '1.234,5'",
    ),
    ('t,x\n1,"1,234"\n', ["x"], {}, "line 2: x must be a number or empty, got '1,234'"),
    ("t,x\n1,2\n#a,b\n", ["x"], {}, "line 3: x must be a number or empty, got 'b': add --comment '#' where such"),
    ("t,x\n1,-\n", ["x"], {}, "line 2: x must be a number or empty, got '-'"),
    ("t,x\n1,NA\n", ["x"], {"missing": ("-999",)}, "line 2: x must be a number or empty, got 'NA'"),
    ("t;x\na;b,c\nb;1,5\n", None, {"delimiter": ";"}, "name the observations with --column; numeric columns: none"),
    ("t;x\na;1,5\n", None, {"delimiter": ";"}, "numbers have decimal commas: add --decimal ,"),
    ("t;x\na;1.5\n", None, {"delimiter": ";", "decimal": ","}, "numbers have decimal points: leave --decimal , out"),
    ("x;y;z\n1;2;3,5\n", None, {"delimiter": ";"}, "name the observations with --column; numeric columns: x, y"),
    ("t,x\n1,2\n", ["2"], {"has_header": False}, "column 2 must be a number or empty, got 'x': leave --no-header out"),
    ("1,2\n1,y\n", ["2"], {"has_header": False}, "line 2: column 2 must be a number or empty, got 'y'"),
    ("t,x\nM\u00fcller,2\n".encode("latin-1"), ["x"], {}, "got the byte 0xfc (spreadsheets save it as 'CSV UTF-8')"),
    ("a|b\nx\n", None, {}, "name the observations with --column; numeric columns: none"),
    ("t,x\n1,2\n".encode("utf-16"), ["x"], {}, "must be CSV in UTF-8, got UTF-16"),
    ("t,x\n1,2\n".encode("utf-16-be"), ["x"], {}, "must be CSV in UTF-8, got zeros, as UTF-16 has"),
    (b"PK\x03\x04rest", ["x"], {}, "must be CSV in UTF-8, got a zip archive, as a workbook is"),
    (b"PAR1rest", ["x"], {}, "Parquet magic bytes not found"),
    (gzip.compress(b"t,x\n1,2\n" * 9)[:-9], ["x"], {}, "must be whole where it is compressed: "),
    (gzip.compress(b"t,x\n1,2\n")[:9] + b"junk", ["x"], {}, "must be whole where it is compressed: "),
    ("1,2\n3\n", ["2"], {"has_header": False}, "line 2 must have 2 cells as the first row does, got 1"),
    ("\n", None, {"has_header": False}, "at least one row is required, got none"),
]


@pytest.mark.parametrize(("content", "observed", "dialect", "message"), FOREIGN, ids=range(len(FOREIGN)))
def test_what_is_not_said_is_named(columns, content, observed, dialect, message):
    with pytest.raises(ValueError, match=r"data\.csv: ") as caught:
        columns(content, observed, **dialect)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "observed", "cell"),
    [
        ("13\n20\n", None, "13"),
        ("a,13\nb,20\n", None, "13"),
        ("a,13\nb,20\n", ["13"], "13"),
        ("a,1e3\nb,20\n", ["1e3"], "1e3"),
        ("a,inf\nb,20\n", ["inf"], "inf"),
        ("NA\n20\n", None, "NA"),
        ("a,\nb,20\n", None, ""),
        ("a, 13 \nb,20\n", None, "13"),
        ("true\nfalse\n", None, "true"),
        ("1,13\n2,20\n", None, "1"),
        ("x,13\n1,20\n", ["x", "13"], "13"),
    ],
)
def test_a_first_row_is_not_taken_for_a_header(columns, content, observed, cell):
    words = f"line 1 must name the columns, got '{cell}': add --no-header where it is a row"
    with pytest.raises(ValueError, match="line 1 must name") as caught:
        columns(content, observed)
    assert words in str(caught.value)


def test_numbers_name_columns_that_are_not_read(columns):
    assert columns("13,x\n1,2\n", ["x"]) == [[2.0]]


def test_a_column_of_ids_has_a_name_too(columns):
    with pytest.raises(ValueError, match="line 1 must name the columns, got '13'"):
        columns("13,x\n1,2\n", ["x"], "13")


def test_a_name_behind_a_comment_sign(columns):
    with pytest.raises(
        ValueError, match=r"line 2 must name .* --comment '' where the line before it names the columns"
    ):
        columns("#t,x\n1,2\n", ["2"])
    assert columns("#t,x\n1,2\n", ["x"], comment="") == [[2.0]]


def test_a_number_for_a_column_of_a_table_with_a_header(columns):
    with pytest.raises(
        ValueError, match=r"no column '2'; columns: t, x; to name columns by number, from 1, add --no-h"
    ):
        columns("t,x\n1,2\n", ["2"])


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "\n", "\r", "auto "])
def test_delimiters_that_cannot_be_are_refused(delimiter):
    with pytest.raises(ValueError, match="--delimiter must be one character, 'tab' or 'auto', got "):
        Dialect(delimiter=delimiter)


def test_decimal_signs_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match=r"--decimal must be '\.' or ',', got ';'"):
        Dialect(decimal=";")


CELLS = [
    "1",
    "-2.5",
    "1e-3",
    "",
    " ",
    "NA",
    " na ",
    ".",
    "?",
    "TRUE",
    "fAlSe",
    "-999",
    "inf",
    "1_0",
    "x",
    "1,5",
    "1.5",
    "nan",
]


@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("missing", [("NA", "."), ("-999", "1,5"), ()])
def test_a_cell_says_the_same_alone_as_in_a_column(decimal, missing):
    """The quick way through a column, the slow one, and that of a single cell."""
    dialect = Dialect(decimal=decimal, missing=missing)
    numbers = [dialect.number(cell) for cell in CELLS]
    for cell, number in zip(CELLS, numbers, strict=True):
        for company in ([], ["1"], ["na"]):
            column = dialect.numbers([*company, cell])
            if number is None or (company == ["na"] and "NA" not in missing):
                assert column is None
            else:
                assert np.array_equal(column[-1:], [number], equal_nan=True)
