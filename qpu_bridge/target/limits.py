"""How much one job may ask for, whatever the device. Published in its configuration, and refused at submission."""

from __future__ import annotations

MAX_CIRCUITS = 10_000
"""Circuits in one job; the size of the request is limited before this number is."""

MAX_INSTRUCTIONS = 1_000_000
"""Instructions of one circuit, bodies of branches and loops counted once."""

MAX_ROWS = 2**22
"""Rows of one circuit (sets of arguments x randomizations): its results and angles are held in memory as a whole."""

MAX_EXECUTIONS = 10_000_000
"""Rows of all circuits of a job."""

MAX_RESULT_BYTES = 4 * 2**30
"""Most bytes that the results of one job may take in memory: one for a bit of a shot, eight for a point in the IQ plane."""
