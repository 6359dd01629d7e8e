"""The archive: raw data of every run, as HDF5 that xarray opens, with the figure and the fits beside it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import xarray as xr
from pydantic import TypeAdapter

from qpu_calibration import hdf5
from qpu_calibration.draw import FIGURE, draw, excuse
from qpu_calibration.figures import NOT_YET, Figures
from qpu_calibration.fit import Fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FITS = TypeAdapter(tuple[Fit, ...])
Passes = Sequence[tuple[xr.Dataset, tuple[Fit, ...]]]
"""Data and fits of each pass of a run."""
Plot = Callable[[xr.Dataset, tuple[Fit, ...]], "Figure"]


class Archive:
    """Raw data of one device: ``runs/NAME/data.h5``, ``fits.json``, ``figure.png``; ``figure.txt`` says why there is none.

    Args:
        folder: Of the device's calibration.
        figures: Draws what is kept while the caller goes on; None draws it at once.
    """

    def __init__(self, folder: Path, figures: Figures | None = None) -> None:
        self.folder = folder
        self.figures = figures

    def keep(self, routine: str, passes: Passes, plot: Plot | None = None) -> str:
        """Keep the passes of a run, whole or not at all.

        Args:
            routine: Its name.
            passes: Data and fits.
            plot: Draws the figure of a pass, that of the installed routine of this name; None for no figures.

        Returns:
            The run's folder, relative to that of the device.
        """
        runs = self.folder / "runs"
        runs.mkdir(parents=True, exist_ok=True)
        work = Path(mkdtemp(prefix=".new-", dir=runs))
        places = [*(f"pass{number}" for number in range(len(passes) - 1)), "."]
        try:
            for place, (data, fits) in zip((work / part for part in places), passes, strict=True):
                place.mkdir(exist_ok=True)
                hdf5.write(data, place / "data.h5")
                (place / "fits.json").write_bytes(_FITS.dump_json(fits, indent=1))
                if plot is not None and self.figures is not None:
                    excuse(place, NOT_YET)
                elif plot is not None:
                    draw(partial(plot, data, fits), place)
            name = self._named(runs, work, routine)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
        if plot is not None and self.figures is not None:
            for part in places:
                self.figures.ask(runs / name / part, routine)
        return f"runs/{name}"

    def data(self, run: str) -> xr.Dataset:
        """The raw data of a run's last pass."""
        return hdf5.read(self.folder / run / "data.h5")

    def fits(self, run: str) -> tuple[Fit, ...]:
        """The fits of a run's last pass."""
        return _FITS.validate_json((self.folder / run / "fits.json").read_bytes())

    def undrawn(self) -> list[tuple[Path, str]]:
        """Folders of passes without a figure, oldest first, and the routine that measured each."""
        kept = sorted(
            path.parent for path in (self.folder / "runs").glob("[0-9]*/**/data.h5") if not (path.parent / FIGURE).exists()
        )
        return [(place, place.relative_to(self.folder / "runs").parts[0].partition("-")[2]) for place in kept]

    def _named(self, runs: Path, work: Path, routine: str) -> str:
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        name = f"{moment}-{routine}"
        work.chmod(0o755)
        os.rename(work, runs / name)
        return name
