"""How much is run: all of it, or as little as shows that it runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    steps: dict[int, int]  # T for each K, so that one call of ours takes milliseconds
    separated_steps: dict[int, int]
    adverse_steps: dict[int, int]
    lane_states: tuple[int, ...]  # of many sequences
    large_steps: dict[int, int]  # of each of some sequences, for each K
    density_steps: int
    budget: float  # seconds for the rounds of one comparison
    turn: float  # seconds that a call is repeated for, in each round
    least_rounds: int
    most_rounds: int
    processes: int  # started for each time of a fresh process
    memory_steps: int
    sequences: int
    short_sequences: int
    cold_routines: tuple[str, ...]
    hostile_inputs: int | None  # all, if None
    learning_cases: int | None  # all, if None
    learning_steps: int  # at most
    learning_memory_steps: int
    fits: int | None  # all, if None
    jumping_states: int
    sparse_states: tuple[int, ...]
    longest_call: float = 3.0  # seconds; slower libraries are left out of a comparison


FULL = Effort(
    steps={2: 100_000, 4: 50_000, 16: 10_000, 64: 2000, 128: 1000, 256: 500, 512: 200, 1024: 100},
    separated_steps={2: 20_000, 4: 10_000, 8: 5000, 16: 3000, 64: 500},
    adverse_steps={4: 10_000, 16: 5000, 64: 1000},
    lane_states=(2, 4, 8),
    large_steps={16: 200, 64: 50, 128: 30, 256: 20, 512: 10, 1024: 10},
    density_steps=100_000,
    budget=1.5,
    turn=0.005,
    least_rounds=3,
    most_rounds=15,
    processes=7,
    memory_steps=2_000_000,
    sequences=10_000,
    short_sequences=100_000,
    cold_routines=("forward_filter", "smooth", "viterbi"),
    hostile_inputs=None,
    learning_cases=None,
    learning_steps=1_000_000,
    learning_memory_steps=1_000_000,
    fits=None,
    jumping_states=2000,
    sparse_states=(1000, 10_000, 100_000),
)
QUICK = Effort(
    steps={4: 50},  # of no further size, each of which would have to be compiled
    separated_steps={4: 50},
    adverse_steps={4: 50},
    lane_states=(4,),
    large_steps={16: 3},
    density_steps=50,
    budget=0.0,
    turn=0.0,
    least_rounds=1,
    most_rounds=1,
    processes=1,
    memory_steps=20_000,
    sequences=5,
    short_sequences=20,
    cold_routines=(),
    hostile_inputs=1,
    learning_cases=1,
    learning_steps=200,
    learning_memory_steps=10_000,
    fits=1,
    jumping_states=20,
    sparse_states=(20,),
)
