"""Sequences of more rows than one machine takes: filtering, smoothing, decoding and learning by Dask.

Models are those of `hmmfilter.HMM`. Rows come as a Dask DataFrame whose partitions have whole sequences, as
`from_parquet` makes it, or as the path of Parquet files. The answers about each sequence have the bits that one machine
finds, however the rows are cut; sums over sequences depend on the cut alone, and neither on the number of workers nor
on who finishes first, nor on workers that die on the way: tasks read their rows from files, and can do so again.
"""

try:
    import dask.dataframe  # noqa: F401
    import distributed  # noqa: F401
    import pyarrow  # noqa: F401
except ImportError as error:
    raise ImportError("hmmfilter.dask needs Dask and PyArrow: pip install 'hmmfilter[dask]'") from error

from hmmfilter._checks import LostWorkersError
from hmmfilter.dask.asking import filter, log_likelihood, smooth, viterbi
from hmmfilter.dask.learning import expected_statistics, fit
from hmmfilter.dask.partitions import from_parquet
from hmmfilter.dask.streams import filter_stream
from hmmfilter.dask.writing import to_parquet

__all__ = [
    "LostWorkersError",
    "expected_statistics",
    "filter",
    "filter_stream",
    "fit",
    "from_parquet",
    "log_likelihood",
    "smooth",
    "to_parquet",
    "viterbi",
]
