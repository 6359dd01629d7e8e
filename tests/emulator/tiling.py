"""A device of any size: a line whose even qubits are qubit 0 of the built-in device and whose odd ones are its qubit 1."""

from qpu_emulator import five
from qpu_emulator.driver import EmulatorDriver


def tiled(qubits):
    """Truth and snapshot; every pair of neighbours is the built-in pair (0, 1)."""
    truth, snapshot = five.device(), five.snapshot()
    transmons, resonators, couplers = [], [], []
    for q in range(qubits):
        transmon, resonator = truth.transmons[q % 2], truth.resonators[q % 2]
        transmons.append(transmon.model_copy(update={"rabi": {f"d{q}": transmon.rabi[f"d{q % 2}"]}}))
        lines = {"qubit": q, "port": f"r{q // 2}", "acquire_port": f"a{q // 2}"}
        resonators.append(resonator.model_copy(update=lines))
        if q:
            even, odd = (q - 1, q) if q % 2 else (q, q - 1)
            couplers.append(truth.couplers[0].model_copy(update={"qubits": (even, odd), "port": f"c{q - 1}{q}"}))
    parts = {"transmons": tuple(transmons), "resonators": tuple(resonators), "couplers": tuple(couplers)}
    return truth.model_copy(update={"name": f"tiled_{qubits}"} | parts), _believed(snapshot, qubits)


def _believed(snapshot, qubits):
    ports = {port.name: port for port in snapshot.ports}
    frames = {frame.name: frame for frame in snapshot.frames}
    new_ports, new_frames, gates, measures, believed = {}, [], [], [], []

    def line(name, like):
        new_ports[name] = ports[like].model_copy(update={"name": name})
        return name

    def moved(gate, where):
        names = {f"q{old}": f"q{new}" for old, new in where.items()}
        if len(where) == 2:
            names["c01"] = f"c{min(where.values())}{max(where.values())}"
        pulses = tuple(pulse.model_copy(update={"frame": names[pulse.frame]}) for pulse in gate.pulses)
        phases = tuple(phase.model_copy(update={"qubit": where[phase.qubit]}) for phase in gate.phases)
        return gate.model_copy(update={"qubits": tuple(where[q] for q in gate.qubits), "pulses": pulses, "phases": phases})

    for q in range(qubits):
        kind = q % 2
        for new, old, port, like in (
            (f"q{q}", f"q{kind}", f"d{q}", f"d{kind}"),
            (f"m{q}", f"m{kind}", f"r{q // 2}", "r"),
            (f"a{q}", f"a{kind}", f"a{q // 2}", "a"),
        ):
            update = {"name": new, "port": line(port, like)}
            if frames[old].follows is not None:
                update["follows"] = q
            new_frames.append(frames[old].model_copy(update=update))
        believed.append(snapshot.qubits[kind].model_copy(update={"index": q, "drive_frame": f"q{q}"}))
        gates += [moved(gate, {kind: q}) for gate in snapshot.gates if gate.qubits == (kind,)]
        spec = snapshot.measures[kind]
        measures.append(spec.model_copy(update={"qubit": q, "drive_frame": f"m{q}", "acquire_frame": f"a{q}"}))
        if q:
            even, odd = (q - 1, q) if q % 2 else (q, q - 1)
            name = f"c{q - 1}{q}"
            new_frames.append(frames["c01"].model_copy(update={"name": name, "port": line(name, "c01")}))
            gates += [moved(gate, {0: even, 1: odd}) for gate in snapshot.gates if set(gate.qubits) == {0, 1}]
    parts = {"ports": tuple(new_ports.values()), "frames": tuple(new_frames), "gates": tuple(gates)}
    return snapshot.model_copy(
        update={"device": f"tiled_{qubits}", "qubits": tuple(believed), "measures": tuple(measures)} | parts
    )


def tiled_driver(qubits, folder, **options):
    """Driver and snapshot of a tiled device."""
    truth, snapshot = tiled(qubits)
    path = folder / f"tiled_{qubits}.json"
    truth.write(path)
    return EmulatorDriver(truth.name, snapshot, {"truth": str(path)} | options), snapshot
