"""What modules of a Qblox cluster can do: numbers, each with its source.

Sources: [manual] https://docs.qblox.com (pages on the Q1 sequence processor, oscillators, acquisition, the trigger network);
[package] docstrings and range checks in qblox-instruments 1.4.1; [simulator] q1simulator 1.3.4, whose numbers are estimates of
its author; [measured] by handing programs to the vendor's assembler.
"""

from __future__ import annotations

from qpu_drivers.qblox.rack import ModuleKind

SEQUENCERS = 6
"""Sequencers of a module [manual]."""
PROGRAM_LENGTH = {ModuleKind.QCM: 16_384, ModuleKind.QCM_RF: 16_384, ModuleKind.QRM: 12_288, ModuleKind.QRM_RF: 12_288}
"""Instructions that a sequencer holds [manual]; the assembler refuses from 16,384 on, for all modules [measured]."""
REGISTERS = 64
"""Registers of 32 bits of a sequencer [manual]."""

WAVEFORM_SAMPLES = 16_384
"""Samples of all waveforms of a sequencer [manual]."""
WAVEFORMS = 1_024
"""Waveforms of a sequencer [manual]."""
WEIGHT_SAMPLES = 16_384
"""Samples of all integration weights of a sequencer [manual]."""
WEIGHTS = 32
"""Integration weights of a sequencer [manual]."""
ACQUISITIONS = 32
"""Acquisitions (each with bins of its own) of a sequencer [manual]."""
BINS = 3_000_000
"""Bins of all sequencers of a readout module together [manual]."""
SCOPE_SAMPLES = 16_384
"""Samples of a scope trace [manual]."""
INTEGRATION = (4, 16_777_212)
"""Shortest and longest integration without weights, ns, in steps of 4 [package]."""
ACQUISITION_PAUSE = 300
"""From one acquisition of a sequencer to the next, ns; a few in between are queued, which nobody counts on [simulator]."""
ADDRESSES = 15
"""Addresses of the trigger network, counted from 1 [package]."""
TRIGGER_PAUSE = 252
"""From one trigger to the next, of all sequencers together, ns [manual]."""
BRANCH_LEAD = 12
"""How long before a branch a sequencer may have to begin with it, where both arms start at once, ns (`compile/arms.py`)."""

SHORTEST = 4
"""Least time from one real-time instruction to the next, ns [manual]."""
LONGEST = 65_535
"""Longest wait of one instruction, ns: 16 bits [manual]."""
CYCLE = 4
"""A cycle of the processor that reads instructions, ns [simulator]."""
QUEUE = 32
"""Real-time instructions that the processor may be ahead [simulator]."""
HEAD_START = 40
"""By how much the processor begins before the first instruction is played, ns [simulator]."""

TURN = 1_000_000_000
"""Units of phase per turn [manual]."""
FREQUENCY_UNITS = 4
"""Units of an oscillator's frequency per Hz [manual]."""
HIGHEST_FREQUENCY = 500e6
"""Highest frequency of an oscillator, and with the opposite sign the lowest, Hz [manual]."""
FULL_SCALE = 32_767
"""Gain or level of full scale, in units of the instruction [manual]."""

PROLOGUE = 8
"""Ticks (ns) before each shot in which the emitter resets the oscillators: the least wait between shots."""
LEAD_IN = 4_000
"""Ticks (ns) from synchronisation to the first prologue, in which registers are loaded."""
