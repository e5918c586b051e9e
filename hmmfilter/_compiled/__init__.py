"""The rooms of `hmmfilter._kernels` once more, under another name, by which they are compiled."""

from hmmfilter import _kernels

__path__ = _kernels.__path__
