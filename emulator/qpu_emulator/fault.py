"""Faults on demand: what goes wrong, when, and how often."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event, get_ident
from typing import Literal, Self, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from qpu_bridge.driver import Chunk, Setting
from qpu_bridge.errors import DriverFault, UnsupportedOption
from qpu_bridge.schedule import Document
from qpu_emulator.chip.device import Device

T = TypeVar("T", bound=np.generic)

Kind = Literal[
    "drop_chunk", "delay_chunk", "oversize_chunk", "overflow", "hang", "crash", "dead_qubit", "frequency_jump", "firmware"
]
"""What can go wrong, see `Fault`."""

_DAY = 86400.0


class Fault(Document):
    """One thing that goes wrong.

    Attributes:
        kind: ``drop_chunk``: a result is lost; ``delay_chunk``: it comes ``seconds`` late; ``oversize_chunk``: it has too many
            shots; ``overflow``: the digitizer reports a fault instead; ``hang``: the driver's process stops; ``crash``: it dies;
            ``dead_qubit``: drive and readout of ``qubit`` reach nothing; ``frequency_jump``: its frequency moves by ``hz``;
            ``firmware``: the device says that it runs ``version``, and refuses to work.
        chunk: With which chunk of a run, from 0.
        seconds: Of the delay, at most a day.
        qubit: Index.
        hz: Of the jump.
        version: Of the firmware.
        times: Runs until it is over; None goes on for ever, as ``firmware`` must, with which no run begins.
    """

    kind: Kind
    chunk: int = Field(0, ge=0)
    seconds: float = Field(1.0, ge=0, le=_DAY)
    qubit: int | None = Field(None, ge=0)
    hz: float = 1e6
    version: str = "0"
    times: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _it_is_known_which_qubit(self) -> Self:
        if self.kind in ("dead_qubit", "frequency_jump") and self.qubit is None:
            raise ValueError(f"a fault of kind {self.kind} must name its qubit")
        if self.kind == "firmware" and self.times is not None:
            raise ValueError(
                "a fault of kind firmware must have no times: no run begins with it that could be counted; take it away"
            )
        return self

    def change(self, device: Device) -> Device:
        """The device with a dead or displaced qubit.

        Raises:
            UnsupportedOption: If there is no such qubit.
        """
        if self.kind not in ("dead_qubit", "frequency_jump") or self.qubit is None:
            return device
        if self.qubit >= len(device.transmons):
            raise UnsupportedOption(
                "a fault must hit a qubit of the device", given=f"qubit {self.qubit}", where=f"{len(device.transmons)} qubits"
            )
        transmons, resonators = list(device.transmons), list(device.resonators)
        old = transmons[self.qubit]
        if self.kind == "frequency_jump":
            transmons[self.qubit] = old.model_copy(update={"frequency": old.frequency + self.hz})
        else:
            transmons[self.qubit] = old.model_copy(update={"rabi": dict.fromkeys(old.rabi, 0.0)})
            resonators = [r.model_copy(update={"drive": 0.0}) if r.qubit == self.qubit else r for r in resonators]
        return device.model_copy(update={"transmons": tuple(transmons), "resonators": tuple(resonators)})

    def disturb(self, chunk: Chunk, stopped: Event) -> Chunk | None:
        """What becomes of a chunk; None if it is lost.

        Raises:
            DriverFault: If the digitizer overflows.
        """
        if self.kind == "drop_chunk":
            return None
        if self.kind == "delay_chunk":
            stopped.wait(self.seconds)
        if self.kind == "overflow":
            raise DriverFault("the digitizer must stay within its range", given="an overflow", where=f"row {chunk.first_row}")
        if self.kind == "oversize_chunk":
            return replace(chunk, bits=_twice(chunk.bits), iq=_twice(chunk.iq), mean=_twice(chunk.mean))
        if self.kind == "hang":
            # sent to the process, it would wait for the main thread to be scheduled, and this one give its chunk meanwhile
            signal.pthread_kill(get_ident(), signal.SIGSTOP)
        if self.kind == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        return chunk


class Faults:
    """All that is to go wrong with a device.

    Args:
        wanted: Of the options: a list, a file that is read before each run, or whether runs may ask.
    """

    def __init__(self, wanted: bool | Path | tuple[Fault, ...]) -> None:
        self.allowed = wanted is not False
        self._path = wanted if isinstance(wanted, Path) else None
        self._standing = list(wanted) if isinstance(wanted, tuple) else []

    @property
    def settings(self) -> tuple[Setting, ...]:
        """What a run may ask for."""
        if not self.allowed:
            return ()
        kinds = tuple(kind for kind in get_args(Kind) if kind != "firmware")
        return (
            Setting(name="fault", kind="text", description="What goes wrong during the run.", choices=kinds),
            Setting(name="fault_chunk", kind="integer", description="With which chunk of a result.", minimum=0),
            Setting(name="fault_seconds", kind="number", description="How late a chunk comes, s.", minimum=0, maximum=_DAY),
            Setting(name="fault_qubit", kind="integer", description="Which qubit is hit.", minimum=0),
            Setting(name="fault_hz", kind="number", description="How far its frequency jumps, Hz."),
        )

    def standing(self) -> tuple[Fault, ...]:
        """What is wrong at this moment, whatever a run asks for.

        Raises:
            DriverFault: If the file cannot be understood.
        """
        path = self._path
        if path is None:
            return tuple(self._standing)
        try:
            return _LIST.validate_json(path.read_bytes())
        except FileNotFoundError:
            return ()
        except (OSError, ValidationError) as error:
            raise DriverFault(
                "a file of faults must hold a list of them", given=str(error)[:300], where=str(self._path)
            ) from None

    def begin(self, settings: Mapping[str, float | int | str | bool]) -> tuple[Fault, ...]:
        """What goes wrong in a run that begins now; counts down what happens only some times.

        Raises:
            UnsupportedOption: If the run's settings do not say enough.
        """
        asked = {name.removeprefix("fault_").replace("fault", "kind"): value for name, value in settings.items()}
        mine: tuple[Fault, ...] = ()
        if asked and "kind" not in asked:
            raise UnsupportedOption("a setting of a fault must come with the setting fault", given=", ".join(settings))
        if asked:
            try:
                mine = (Fault.model_validate(asked),)
            except ValidationError as error:
                raise UnsupportedOption("settings must describe a fault", given=error.errors()[0]["msg"]) from None
        there = self.standing()
        if any(fault.times is not None for fault in there):
            self._keep([fault.model_copy(update={"times": fault.times and fault.times - 1}) for fault in there])
        return (*there, *mine)

    def _keep(self, faults: list[Fault]) -> None:
        left = [fault for fault in faults if fault.times != 0]
        if self._path is None:
            self._standing = left
            return
        # before anything happens: a process that crashes must not crash again for the same reason
        new = self._path.with_name(self._path.name + ".new")
        new.write_bytes(_LIST.dump_json(tuple(left), exclude_defaults=True))
        new.replace(self._path)


def disturbed(chunks: Iterator[Chunk], faults: tuple[Fault, ...], stopped: Event) -> Iterator[Chunk]:
    """What of a run's chunks gets through. Arguments as in `Fault.disturb`."""
    for number, chunk in enumerate(chunks):
        left: Chunk | None = chunk
        for fault in faults:
            if left is not None and fault.chunk == number:
                left = fault.disturb(left, stopped)
        if left is not None:
            yield left


_LIST = TypeAdapter(tuple[Fault, ...])


def _twice(values: NDArray[T] | None) -> NDArray[T] | None:
    return None if values is None else np.concatenate([values, values], axis=values.ndim - 2)
