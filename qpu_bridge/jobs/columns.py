"""What columns hold: words, whole numbers and sealed bytes that every database keeps and compares alike."""

from __future__ import annotations

import zlib
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, LargeBinary, Text
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeDecorator, TypeEngine

from qpu_bridge.errors import BadRequest, StoreFault

LARGEST = 2**63 - 1

SEAL = 4
"""Bytes of a checksum."""


class Words(TypeDecorator[str]):
    """Text of any length, in the order of its code points."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Words sort by the language of the server otherwise."""
        return postgresql.TEXT(collation="C") if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Refuse what some database cannot keep.

        Raises:
            BadRequest: If there is a character zero, or half a character.
        """
        if value is None:
            return None
        if "\0" in value or not _whole(value):
            raise BadRequest("text must be Unicode without the character zero", given=repr(value[:64]))
        return str(value)


class Whole(TypeDecorator[int]):
    """A whole number of 64 bits with its sign."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Every integer of SQLite has 64 bits, and only one called so counts up by itself."""
        return Integer() if dialect.name == "sqlite" else BigInteger()

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        """Refuse what does not fit.

        Raises:
            BadRequest: If it needs more than 64 bits.
        """
        if value is not None and not -LARGEST - 1 <= value <= LARGEST:
            raise BadRequest("a number must fit into 64 bits", given=f"one of {value.bit_length()} bits")
        return value


class Sealed(TypeDecorator[bytes]):
    """Bytes, kept behind their CRC-32: SQLite's pages have no checksum, and PostgreSQL's only if it was made so."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        """Put the checksum in front."""
        return None if value is None else zlib.crc32(value).to_bytes(SEAL, "big") + value

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        """Take the checksum off.

        Raises:
            StoreFault: If these are not the bytes that were stored.
        """
        if value is None:
            return None
        text = value[SEAL:]
        if value[:SEAL] != zlib.crc32(text).to_bytes(SEAL, "big"):
            raise StoreFault(
                "what was stored must be what is read",
                given=f"{len(text)} damaged bytes",
                remedy="Restore a backup, on a healthy disk.",
            )
        return text


def _whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
