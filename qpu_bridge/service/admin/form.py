"""What bodies and answers of administrators' routes are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Body(BaseModel):
    """What an administrator sends: unknown fields are refused, and a text is not taken for a number."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Shown(BaseModel):
    """What is answered."""

    model_config = ConfigDict(frozen=True)


Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="ISO 8601; without a zone it is UTC.")]
Reason = Annotated[str, Field(max_length=500)]
