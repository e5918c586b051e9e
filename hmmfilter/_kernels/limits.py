"""Thresholds, and why they are where they are.

Wide numbers, see `wide`, have a second part of the exponent from `FAR` on: below 2**51 a double holds whole numbers
and their sums, beyond, exponents of two parts are exact up to 2**104, the sum of 1e9 logs of the largest size that
comes in, 1e22.
"""

from __future__ import annotations

import math

NEVER = -math.inf
ROUNDING = 2.0**-53  # of a sum of doubles, at most and relative to it
FEW_STATES = 8  # up to so many, the recursion keeps the state in registers and carries tails
EXP_REACH = 2.0**19  # up to which whole multiples of log 2, taken in a short and a long part, are exact
NARROW_LOG = 2.0**36  # up to which the logs of a block add up to exponents that are `NEARBY`
NEARBY = 2.0**49  # below which two exponents, and what settles them, add up to less than `FAR`
FAR = 2.0**51  # from which on an exponent has a rest, as a double has no room for all whole numbers and halves
LARGE_LOG, FARTHEST_LOG = 1e15, 2.0**102  # beyond which a log may have such an exponent, and up to which it may
FAINT_SHARE = -900.0  # powers of two, below which a share of a row is stored as its log
CODED_LOG = 600.0  # in nats, from which on any other number is: well before doubles lose digits, at 708
BEYOND_TAIL = -200.0  # powers of two, below which a term is beyond the last digit of the tail of a sum
VANISHED = -1000.0  # powers of two, below which a factor is zero: none as small would leave a digit anywhere

# The fast steps keep numbers as doubles with one common exponent. Their sum stays within 2^±120, and positive ones at
# least LOWEST of it; A lies from 2^-250 to 2^100, or to the power of two near its largest entry where that is further
# out; b within 2^-200 of its largest, or 2^±100. So no product above zero falls below 2^-1000 or rises to 2^1000: a
# zero is a true zero, and no digit is lost.
LOWEST = 2.0**-300
TRANSITION_SPREAD = 250.0  # in powers of two
NEAR_ONE, LIKELIHOOD_SPREAD = 69.0, 138.0  # in nats: |log b| or |log A| up to which no shift is needed: 2^±100
WIDEST, HIGHEST = 280.0, 2.0**120  # the first in powers of two: how far a state may spread that fast steps begin with

# A sum of products of doubles, of `FADED` or more, lacks nothing that counts, all of it 2^-200 of it or less: logs
# among the factors, which are of numbers below 2^-900 and count as zero; entries of A below 2^-1000; what underflows.
FADED = 2.0**-600

# In lanes, where each state leads to each, by `NEVER_RARE` or more, every sum lies within 2^-63 of the one before,
# whatever b is. Forwards, b may then spread to 2^-700 of its largest, and numbers may be as low as 2^-800 of their sum:
# none of them falls below 2^-900 by that, so that products, quotients and what either loses are in range of a double,
# and none is as low as what is stored as a log.
NEVER_RARE = 2.0**-60
LOWEST_OF_DENSE = 2.0**-800
SPREAD, SPREAD_OF_DENSE = 199.0, 700.0  # of b, in powers of two: the first is `LIKELIHOOD_SPREAD`
UNLIKELY = 2.0**-130  # of a row of the filter: below, fast steps backwards will hardly do
