"""The files of accounts: one that is damaged is no account, and ClickHouse starts with all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.embedded import accounts, password_hashes

if TYPE_CHECKING:
    from pathlib import Path

DAMAGED = [
    b"",
    b"garbage",
    b"\xff",
    b"[]",
    b'{"name": "other", "project_id": 1, "sha256": "0"}',
    b'{"name": "x"}',
]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_file_keeps_nobody_else_out(tmp_path: Path, content: bytes) -> None:
    accounts.add(tmp_path, "shop", 1)
    damaged = tmp_path / password_hashes.ACCOUNTS / "x.json"
    damaged.write_bytes(content)
    assert [account.name for account in accounts.every(tmp_path)] == ["shop"]
    assert password_hashes.variable_of("shop") in password_hashes.of_accounts(str(tmp_path))
    with pytest.raises(accounts.AccountError, match="already: remove it first"):
        accounts.add(tmp_path, "x", 1)
    accounts.remove(tmp_path, "x")
    assert not damaged.exists()


@pytest.mark.parametrize("name", ["", "../passwords", "Shop", "nobody", "shop.json"])
def test_what_is_no_account_cannot_be_removed(tmp_path: Path, name: str) -> None:
    accounts.add(tmp_path, "shop", 1)
    with pytest.raises(accounts.AccountError, match="There is no account"):
        accounts.remove(tmp_path, name)
