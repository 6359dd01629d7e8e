"""A snapshot as OpenQASM 3 text: calibrated gates as ``defcal``, and back."""

from qpu_calibration.defcal.read import from_defcal
from qpu_calibration.defcal.write import to_defcal

__all__ = ["from_defcal", "to_defcal"]
