"""A laboratory's own routine, in a package of its own: how warm a qubit is when nobody has touched it."""

from qpu_calibration.axis import Axis
from qpu_calibration.fit import bad, good
from qpu_calibration.reading import excited
from qpu_calibration.routine import Routine, Settings


class Thermal(Routine[Settings]):
    """Population of level 1 at the start of a shot, as the readout's own errors leave it over."""

    name = "thermal"
    depends_on = ("readout",)
    essential = False
    settings = Settings(shots=2000)

    def axes(self, snapshot, targets, settings):
        return [Axis("flipped", [0, 1], stepped=True)]

    def play(self, page, at, settings):
        if at.number("flipped"):
            page.x()
        page.measure()

    def fit_one(self, data):
        (rest, flipped), sigma = excited(data)
        if not flipped - rest > 0.5:
            return bad("a flipped qubit must be told from one at rest")
        return good(population=(rest, sigma[0], ""))
