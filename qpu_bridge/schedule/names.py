"""Identifiers for a text form: legal, unique, and as near to the schedule's names as can be."""

from __future__ import annotations

import re

_WORDS = """
OPENQASM include defcalgrammar def cal defcal gate extern box let break continue if else end return for while in
switch case default pragma input output const readonly mutable qreg qubit creg bool bit int uint float angle complex
array void duration stretch gphase inv pow ctrl negctrl dim durationof delay reset measure barrier true false im dt ns
us ms s pi tau euler sin cos tan exp log sqrt mod popcount rotl rotr real imag port frame waveform newframe play
capture scale set_phase get_phase shift_phase set_frequency get_frequency shift_frequency mix sum nop shot shots
capture_iq capture_sum capture_trace discriminate
"""


class Names:
    """Gives each thing one identifier, and no two the same."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, object], str] = {}
        self._used = set(_WORDS.split())

    def __call__(self, kind: str, key: object, wish: str = "") -> str:
        """The identifier of a thing.

        Args:
            kind: What sort of thing it is.
            key: Which one.
            wish: The name it would like when it is first seen.
        """
        if (kind, key) not in self._given:
            plain = re.sub(r"[\W_]+", "_", wish or f"{kind}{key}", flags=re.ASCII).strip("_") or kind
            plain = plain if plain[0].isalpha() else f"{kind}_{plain}"
            name, number = plain, 1
            while name in self._used:
                number += 1
                name = f"{plain}_{number}"
            self._used.add(name)
            self._given[kind, key] = name
        return self._given[kind, key]
