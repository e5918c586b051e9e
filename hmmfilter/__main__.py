"""`python -m hmmfilter`, which is the `hmmfilter` command."""

import sys

from hmmfilter.cli import main

if __name__ == "__main__":
    sys.exit(main())
