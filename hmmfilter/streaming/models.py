"""The streams of a model."""

from __future__ import annotations

from typing import Any, TypeVar

from hmmfilter import _checks
from hmmfilter._arrays import FloatArray
from hmmfilter.streaming.companions import Companion
from hmmfilter.streaming.decoder import OnlineViterbi
from hmmfilter.streaming.lagged import FixedLagSmoother
from hmmfilter.streaming.online import OnlineFilter
from hmmfilter.streaming.snapshots import Origin, fingerprint

Stream = TypeVar("Stream", OnlineFilter, FixedLagSmoother, OnlineViterbi)


def stream_of_model(
    stream: Stream,
    companion: Companion,
    initial: FloatArray,
    transition: Any,
    state_names: tuple[str, ...],
    snapshot: dict[str, Any] | None,
    force: bool,
) -> Stream:
    """Tell a stream the model whose logs it has, and where to go on, if not at the beginning."""
    known_by = stream if isinstance(stream, OnlineFilter) else stream._filter
    known_by._companion = companion
    known_by._origin = Origin(state_names, fingerprint(initial, *companion.parts(transition)))
    if snapshot is not None:
        stream._go_on(snapshot, _checks.flag("force", force))
    return stream
