"""What is told of errors."""

from __future__ import annotations

from storage import errors
from workers.failures import defects


def test_the_message_of_a_foreign_error_is_not_told() -> None:
    try:
        int("https://a.example/?token=Zq7sEcRt")
    except ValueError as error:
        told = defects.describe(error)
    assert told.startswith("ValueError in workers/failures/test_defects.py, line ")
    assert defects.describe(ValueError("Zq7sEcRt")) == "ValueError"


def test_what_our_own_errors_quote_is_scrubbed() -> None:
    error = errors.InsertRefusedError(
        "ClickHouse refused 'https://a.example/?token=Zq7sEcRt' for line 1.\nStack"
    )
    assert (
        defects.describe(error) == "InsertRefusedError: ClickHouse refused 'https://a.example/' for line 1."
    )
