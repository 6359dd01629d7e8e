"""The programs that a job may name: ours, and those of installed packages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from qpu_bridge import plugins
from qpu_bridge.errors import UnsupportedProgram
from qpu_bridge.programs import estimator_job, executor_job, noise_learner, sampler_job
from qpu_bridge.programs.context import Context
from qpu_bridge.programs.device import DeviceView


@dataclass(frozen=True, slots=True)
class Program:
    """What a job of one program id does: when it is submitted, and when it runs."""

    check: Callable[[str, DeviceView], float | None]
    run: Callable[[str, Context], str]


PROGRAMS: Mapping[str, Program] = {
    "executor": Program(executor_job.check, executor_job.run),
    "sampler": Program(sampler_job.check, sampler_job.run),
    "estimator": Program(estimator_job.check, estimator_job.run),
    "noise-learner": Program(noise_learner.check, noise_learner.run),
}


def find(program_id: str) -> Program:
    """The program of an id.

    Raises:
        UnsupportedProgram: If there is none.
    """
    if program_id in PROGRAMS:
        return PROGRAMS[program_id]
    installed = plugins.program_names()
    if program_id in installed:
        module = plugins.load_program(program_id)
        return Program(module.check, module.run)
    raise UnsupportedProgram(f"the program must be one of {', '.join((*PROGRAMS, *installed))}", given=program_id)
