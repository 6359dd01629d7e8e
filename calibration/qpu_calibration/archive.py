"""The archive: raw data of every run, as HDF5 that xarray opens, with the figure and the fits beside it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from tempfile import mkdtemp

import xarray as xr
from matplotlib.figure import Figure
from pydantic import TypeAdapter

from qpu_calibration import hdf5
from qpu_calibration.fit import Fit

_FITS = TypeAdapter(tuple[Fit, ...])
Passes = Sequence[tuple[xr.Dataset, tuple[Fit, ...]]]
"""Data and fits of each pass of a run."""
Draw = Callable[[xr.Dataset, tuple[Fit, ...]], Figure]


class Archive:
    """Raw data of one device: ``runs/NAME/data.h5``, ``fits.json``, ``figure.png``; ``figure.txt`` says why there is none.

    Args:
        folder: Of the device's calibration.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, routine: str, passes: Passes, draw: Draw | None = None) -> str:
        """Keep the passes of a run, whole or not at all.

        Args:
            routine: Its name.
            passes: Data and fits.
            draw: Draws the figure of a pass; None for no figures.

        Returns:
            The run's folder, relative to that of the device.
        """
        runs = self.folder / "runs"
        runs.mkdir(parents=True, exist_ok=True)
        work = Path(mkdtemp(prefix=".new-", dir=runs))
        try:
            for number, (data, fits) in enumerate(passes):
                place = work if number == len(passes) - 1 else work / f"pass{number}"
                place.mkdir(exist_ok=True)
                hdf5.write(data, place / "data.h5")
                (place / "fits.json").write_bytes(_FITS.dump_json(fits, indent=1))
                if draw is not None:
                    _draw(draw, data, fits, place)
            name = self._named(runs, work, routine)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
        return f"runs/{name}"

    def data(self, run: str) -> xr.Dataset:
        """The raw data of a run's last pass."""
        return hdf5.read(self.folder / run / "data.h5")

    def fits(self, run: str) -> tuple[Fit, ...]:
        """The fits of a run's last pass."""
        return _FITS.validate_json((self.folder / run / "fits.json").read_bytes())

    def _named(self, runs: Path, work: Path, routine: str) -> str:
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        name = f"{moment}-{routine}"
        work.chmod(0o755)
        os.rename(work, runs / name)
        return name


def _draw(draw: Draw, data: xr.Dataset, fits: tuple[Fit, ...], place: Path) -> None:
    """Write the figure; what its author or matplotlib did not think of must not cost what was found."""
    picture = BytesIO()
    try:
        draw(data, fits).savefig(picture, dpi=110)
    except Exception as error:  # noqa: BLE001  whatever it is, see above
        (place / "figure.txt").write_text(f"no figure could be drawn: {type(error).__name__}: {error}\n")
    else:
        (place / "figure.png").write_bytes(picture.getvalue())
