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
NARROW_LOG = 2.0**36  # up to which a block's logs add up to less than
NEARBY = 2.0**49  # below which two exponents add up to less than
FAR = 2.0**51  # from which on an exponent has a rest
LARGE_LOG, FARTHEST_LOG = 1e15, 2.0**102  # beyond which a log may have such an exponent, and up to which it may
FAR_LOG = 600.0  # from which on a double is no longer at ease with the number
TILED_STATES = 64  # above, whole rows at a time are faster

# The fast steps keep numbers as doubles with one common exponent. Their sum stays within 2^±120, and positive ones at
# least LOWEST of it; A lies from 2^-250 to 2^100, or to the power of two near its largest entry where that is further
# out; b within 2^-200 of its largest, or 2^±100. So no product above zero falls below 2^-1000 or rises to 2^1000: a
# zero is a true zero, and no digit is lost.
LOWEST = 2.0**-300
TRANSITION_SPREAD = 250.0
NEAR_ONE, LIKELIHOOD_SPREAD = 69.0, 138.0  # in nats: |log b| or |log A| up to which no shift is needed: 2^±100
WIDEST, HIGHEST = 280.0, 2.0**120
FADED = 2.0**-600  # a sum below this may have lost terms to underflow
