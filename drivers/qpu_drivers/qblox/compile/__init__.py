"""From a schedule and rows of its table to Q1ASM and waveforms. Pure: no instrument, no package of the vendor's."""
