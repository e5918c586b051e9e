"""How much is run: all of it, or as little as shows that it runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    steps: dict[int, int]  # T for each K, so that one call of ours takes milliseconds
    adverse_steps: dict[int, int]
    budget: float  # seconds for the rounds of one comparison
    most_rounds: int
    processes: int  # started for each time of a fresh process
    memory_steps: int
    small_calls: int
    sequences: int
    short_sequences: int
    cold_routines: tuple[str, ...]
    hostile_inputs: int | None  # all, if None
    longest_call: float = 3.0  # seconds; slower libraries are left out of a comparison


FULL = Effort(
    steps={2: 100_000, 4: 50_000, 16: 10_000, 64: 2000, 256: 500, 1024: 100},
    adverse_steps={16: 5000, 64: 1000},
    budget=4.0,
    most_rounds=25,
    processes=7,
    memory_steps=2_000_000,
    small_calls=5000,
    sequences=10_000,
    short_sequences=100_000,
    cold_routines=("forward_filter", "smooth", "viterbi"),
    hostile_inputs=None,
)
QUICK = Effort(
    steps={4: 300},
    adverse_steps={4: 50},  # of no further size, each of which would have to be compiled
    budget=0.0,
    most_rounds=1,
    processes=1,
    memory_steps=20_000,
    small_calls=10,
    sequences=5,
    short_sequences=20,
    cold_routines=(),
    hostile_inputs=1,
)
