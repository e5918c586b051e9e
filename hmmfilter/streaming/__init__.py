"""Streaming: filtering one observation, or one block, at a time, and smoothing a few steps behind."""

from hmmfilter.streaming.blocks import filter_blocks
from hmmfilter.streaming.decoder import OnlineViterbi, Settled
from hmmfilter.streaming.lagged import FixedLagSmoother
from hmmfilter.streaming.online import OnlineFilter
from hmmfilter.streaming.sojourns import OnlineSojourns

__all__ = ["FixedLagSmoother", "OnlineFilter", "OnlineSojourns", "OnlineViterbi", "Settled", "filter_blocks"]
