"""From a schedule and rows of its table to Q1ASM and waveforms. Pure: no instrument, no package of the vendor's."""

from qpu_drivers.qblox.compile.template import Template, compile_schedule

__all__ = ["Template", "compile_schedule"]
