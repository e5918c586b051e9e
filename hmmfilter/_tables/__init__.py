"""Tables, as the command reads and writes them block by block: CSV in the dialects of the world, Parquet and Arrow.

What is refused is refused with the row that it is about, and the words of the command that would help.
"""

from hmmfilter._tables.columns import Reader, Row, RowError
from hmmfilter._tables.dialects import Dialect
from hmmfilter._tables.doors import opened, opened_output
from hmmfilter._tables.writing import Writer, opened_for_writing

__all__ = ["Dialect", "Reader", "Row", "RowError", "Writer", "opened", "opened_for_writing", "opened_output"]
