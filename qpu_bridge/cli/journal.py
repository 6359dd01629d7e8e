"""What our processes say of themselves, one line each, on standard error."""

from __future__ import annotations

import logging


def keep_journal(verbose: bool) -> None:
    """Write warnings, and with ``verbose`` more, to standard error."""
    form = "%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"
    logging.basicConfig(level=logging.WARNING, format=form)
    logging.getLogger("qpu_bridge").setLevel(logging.INFO if verbose else logging.WARNING)
