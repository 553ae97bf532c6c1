"""What a captured request becomes before it is stored again."""

from __future__ import annotations

import pytest

from deploy.replay import captures, reingest
from storage.projects import model
from storage.queue import envelope

PROJECT = model.Project(id=7, name="shop", keys=("first", "second"))


def test_a_capture_becomes_what_the_edge_would_have_stored() -> None:
    capture = captures.Capture(b"{}", "shop", "prod & more", "1.0", "U" * 600, "c" * 200)
    assert reingest.payload(PROJECT, capture) == envelope.Payload(
        7, "first", "prod & more", "1.0", "U" * 512, "c" * 128, 0, b"{}"
    )


def test_an_invalid_label_of_a_capture_is_blanked_as_at_the_edge() -> None:
    payload = reingest.payload(PROJECT, captures.Capture(b"{}", "shop", "a/b", "latest"))
    assert (payload.environment, payload.release) == ("", "")
    assert payload.flags == envelope.ENVIRONMENT_BLANKED | envelope.RELEASE_BLANKED


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (("none", ""), "'none' is no valid environment"),
        (("", "latest"), "'latest' is no valid release"),
        (("e" * 65, ""), "is no valid environment"),
    ],
)
def test_an_invalid_label_on_the_command_line_is_refused(labels: tuple[str, str], sentence: str) -> None:
    with pytest.raises(reingest.LabelError, match=sentence):
        reingest.require_labels(*labels)


def test_valid_labels_are_taken() -> None:
    reingest.require_labels("", "")
    reingest.require_labels("production", "2026.11")


@pytest.mark.parametrize(
    ("sizes", "chunks"),
    [
        ([], []),
        ([1] * 501, [500, 1]),
        ([reingest.MAX_BYTES + 1, 1], [1, 1]),
        ([reingest.MAX_BYTES // 2] * 3, [2, 1]),
    ],
)
def test_payloads_are_cut_into_groups_for_one_append(sizes: list[int], chunks: list[int]) -> None:
    payloads = [envelope.Payload(1, "", "", "", "", "", 0, b" " * size) for size in sizes]
    assert [len(chunk) for chunk in reingest.chunks(payloads)] == chunks
