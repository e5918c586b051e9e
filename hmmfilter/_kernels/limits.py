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
ROUNDER = 1.5 * 2.0**52  # x + ROUNDER has no room for a fraction: adding and subtracting it rounds to a whole number
EXP_REACH = 2.0**19  # up to which whole multiples of log 2, taken in a short and a long part, are exact
NARROW_LOG = 2.0**36  # up to which the logs of a block add up to exponents that are `NEARBY`
NEARBY = 2.0**49  # below which two exponents, and what settles them, add up to less than `FAR`
FAR = 2.0**51  # from which on an exponent has a rest, as a double has no room for all whole numbers and halves
LARGE_LOG, FARTHEST_LOG = 1e15, 2.0**102  # beyond which a log may have such an exponent, and up to which it may
FAINT = 2.0**-900  # below which a share of a row is stored as its log
CODED_LOG = 600.0  # in nats, from which on any other number is: well before doubles lose digits, at 708
BEYOND_TAIL = -200.0  # powers of two, below which a term is beyond the last digit of the tail of a sum
VANISHED = -1000.0  # powers of two, below which a factor is zero: none as small would leave a digit anywhere

# The fast steps keep numbers as doubles with one common exponent. Their sum stays within 2^±`HIGHEST`; A lies from
# 2^-250 to 2^16, or to the power of two near its largest entry where that is further out; b, at most 2^100, is near its
# largest (within 2^-200) or spread: then what is below 2^-1000 counts as zero, and numbers may underflow. No harm is in
# that, as long as the sums do not fade: with 2^20 states they are below 2^156, so that what a spread row loses is below
# 2^-844, below 2^-684 once its sum, `LEAST` or more, is near 1 again, and in the sums that follow below 2^-648: less
# than 2^-180 of those that are `DIM` or more, and nothing where no row is spread. Where one is below, the step is taken
# exactly. With all entries of A above zero none ever is: they are 2^-390 or more.
DIM, LEAST, HIGHEST = 2.0**-460, 2.0**-160, 2.0**120
DEEP = 450.0  # in powers of two, nearly as far as to `DIM`
TRANSITION_SPREAD = 250.0  # in powers of two
NEAR_ONE, LIKELIHOOD_SPREAD = 69.0, 138.0  # in nats: |log b| up to which no shift is needed: 2^±100
NEAR_UNIT = 11.0  # in nats: the same of log A: 2^±16
LEAST_LOG = -690.0  # in nats, up to which b is no less than 2^-1000
WIDEST = 280.0  # in powers of two: how far a state may spread of which nothing underflows
LOWEST = 2.0**-300  # of f and γ, and of states in lanes: then, with such A and narrow rows, nothing underflows at all

# Backwards, γ = f β / Σ f β. An f below `SMALL` may lead to shares below `FAINT`. One that is stored as its log, -624
# or less, leads to a log that is at least a third as far down where the sum of the others is within `NEAR_BETA` of β:
# what the stored log lacks is then no more beside it than three times its last digit.
SMALL = 2.0**-200
NEAR_BETA = 400.0  # in powers of two: with all entries of A above zero, always

# A sum of products of doubles, of `FADED` or more, lacks nothing that counts, all of it 2^-200 of it or less: logs
# among the factors, which are of numbers below 2^-900 and count as zero; entries of A below 2^-1000; what underflows.
FADED = 2.0**-600

# In lanes, where each state leads to each, by `NEVER_RARE` or more, every sum lies within 2^-80 of the one before,
# whatever b is. Forwards, b may then spread to 2^-700 of its largest, and numbers may be as low as 2^-800 of their sum:
# none of them falls below 2^-900 by that, so that products, quotients and what either loses are in range of a double,
# and none is as low as what is stored as a log.
NEVER_RARE = 2.0**-60
LOWEST_OF_DENSE = 2.0**-800
SPREAD_OF_ANY, SPREAD_OF_DENSE = 199.0, 700.0  # of b, in powers of two: the first is `LIKELIHOOD_SPREAD`
UNLIKELY = 2.0**-130  # of a row of the filter: below, fast steps backwards will hardly do
