"""Texts that are base64, and texts that no Python may take for base64."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.text import base64text


@given(st.binary())
def test_what_was_encoded_is_decoded(sent: bytes) -> None:
    assert base64text.decode(base64.b64encode(sent).decode()) == sent


@pytest.mark.parametrize(
    "text", ["QUJD=", "QUJDAAAA==", "Q", "QQ", "QQ=", "QQ=Q", "QQ==QQ==", "=", "QU D", "QUJé", "_-__"]
)
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not in base64"):
        base64text.decode(text)
