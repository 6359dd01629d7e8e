"""The archive: raw data of every run, as Zarr that xarray opens, with the figure and the fits beside it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp

import xarray as xr
from matplotlib.figure import Figure
from pydantic import TypeAdapter

from qpu_calibration.fit import Fit

_FITS = TypeAdapter(tuple[Fit, ...])


class Archive:
    """Raw data of one device: ``runs/NAME/data.zarr``, ``fits.json``, ``figure.png``.

    Args:
        folder: Of the device's calibration.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, routine: str, passes: Sequence[tuple[xr.Dataset, Sequence[Fit], Figure | None]]) -> str:
        """Keep the passes of a run, whole or not at all.

        Args:
            routine: Its name.
            passes: Data, fits and figure of each.

        Returns:
            The run's folder, relative to that of the device.
        """
        runs = self.folder / "runs"
        runs.mkdir(parents=True, exist_ok=True)
        work = Path(mkdtemp(prefix=".new-", dir=runs))
        try:
            for number, (data, fits, figure) in enumerate(passes):
                place = work if number == len(passes) - 1 else work / f"pass{number}"
                place.mkdir(exist_ok=True)
                # format 2 is read by every tool there is, and has all of our types
                data.to_zarr(place / "data.zarr", zarr_format=2, consolidated=True)
                (place / "fits.json").write_bytes(_FITS.dump_json(tuple(fits), indent=1))
                if figure is not None:
                    figure.savefig(place / "figure.png", dpi=110)
            name = self._named(runs, work, routine)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
        return f"runs/{name}"

    def data(self, run: str) -> xr.Dataset:
        """The raw data of a run's last pass."""
        with xr.open_zarr(self.folder / run / "data.zarr", zarr_format=2, chunks=None) as lazy:
            data: xr.Dataset = lazy.load()
        return data

    def fits(self, run: str) -> tuple[Fit, ...]:
        """The fits of a run's last pass."""
        return _FITS.validate_json((self.folder / run / "fits.json").read_bytes())

    def _named(self, runs: Path, work: Path, routine: str) -> str:
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        name = f"{moment}-{routine}"
        work.chmod(0o755)
        os.rename(work, runs / name)
        return name
