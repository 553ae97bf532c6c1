"""Reading a receipt."""

from __future__ import annotations

import pytest

from storage.queue import envelope
from storage.tables import receipts


def test_a_receipt_is_read_as_it_was_written() -> None:
    text = envelope.receipt(3, "1795374160064-2", 17)
    receipt = receipts.Receipt.parse(f" {text}\n")
    assert (receipt.shard, receipt.ms, receipt.seq, receipt.index) == (3, 1795374160064, 2, 17)
    assert (receipt.entry_id, str(receipt)) == ("1795374160064-2", text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3",
        "3-1-2",
        "3-1-2-3-4",
        "3--1-2-3",
        "a-1-2-3",
        "3-1-2-x",
        "3-1-2-٣",
        "3-99999999999999999999-0-0",
    ],
)
def test_anything_else_is_one_sentence(text: str) -> None:
    with pytest.raises(receipts.ReceiptError, match="is no receipt: one is <shard>-<ms>-<seq>-<index>"):
        receipts.Receipt.parse(text)
