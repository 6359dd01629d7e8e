"""What the bridge takes, whatever the device: sizes, and device time."""

from __future__ import annotations

from dataclasses import dataclass

from qpu_bridge.errors import TooLarge


@dataclass(frozen=True, slots=True)
class JobLimits:
    """Limits of one job.

    Attributes:
        body_bytes: Largest body of a submission.
        result_bytes: Largest text of a result.
        default_execution_s: Device time of a job that names none, s.
        most_execution_s: Longest device time that a job may name, s.
    """

    body_bytes: int = 64 * 2**20
    result_bytes: int = 900 * 2**20
    default_execution_s: int = 3 * 3600
    most_execution_s: int = 8 * 3600

    def execution_s(self, asked: int | None, planned_s: float | None = None) -> int:
        """Device time after which a job ends, s.

        Args:
            asked: What it asks for, if anything, s.
            planned_s: How long it will take, if known, s.

        Raises:
            TooLarge: If it asks for more than any job may have, or, without asking, would be ended before it is done.
        """
        if asked is None:
            if planned_s is not None and planned_s > self.default_execution_s:
                raise TooLarge(
                    f"a job must take at most {self.default_execution_s} s of device time unless it asks for more",
                    given=f"{planned_s:.0f} s",
                    where="cost",
                    remedy=f"Set max_execution_time, to at most {self.most_execution_s} s, or split the job.",
                )
            return self.default_execution_s
        if asked > self.most_execution_s:
            raise TooLarge(
                f"max_execution_time must be at most {self.most_execution_s} s",
                given=asked,
                where="cost",
                remedy="Split the job.",
            )
        return asked

    def published(self) -> dict[str, int]:
        """Beside those of the device, in its configuration."""
        return {
            "payload_bytes": self.body_bytes,
            "result_bytes": self.result_bytes,
            "default_execution_time": self.default_execution_s,
            "max_execution_time": self.most_execution_s,
        }
