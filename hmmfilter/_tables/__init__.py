"""CSV files, as the command reads and writes them, row by row or block by block, in the dialects of the world.

What is refused is refused with the line that it is about, and the words of the command that would help.
"""

from hmmfilter._tables.dialects import Dialect
from hmmfilter._tables.reading import Reader, opened
from hmmfilter._tables.rows import Row, RowError
from hmmfilter._tables.writing import Writer, opened_for_writing

__all__ = ["Dialect", "Reader", "Row", "RowError", "Writer", "opened", "opened_for_writing"]
