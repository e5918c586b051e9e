"""The kernels, compiled.

Python imports the files of `hmmfilter._kernels` a second time, as modules of this package, since it looks for them in
the same place. The decorators look at the name: here they compile, there they do nothing.
"""

from hmmfilter import _kernels

__path__ = _kernels.__path__
