"""Sinks and policies of Trusted Types, in the spellings of all senders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.text import sinks

SINKS = [
    ("Element innerHTML|<li>Ann Smith</li>", "Element innerHTML"),
    ("Element innerHTML|", "Element innerHTML"),
    ("Element innerHTML <img src=x", "Element innerHTML"),
    ("Element.innerHTML <img src=x>", "Element innerHTML"),
    ("Element innerHTML", "Element innerHTML"),
    ("HTMLScriptElement src|https://cdn.example/a.js", "HTMLScriptElement src"),
    ("HTMLScriptElement text Ann", "HTMLScriptElement text"),
    ("SVGScriptElement href|x", "SVGScriptElement href"),
    ("Element onclick|greet('Ann')", "Element onclick"),
    ("Document writeln|<p>", "Document writeln"),
    ("DOMParser parseFromString|<a>|b", "DOMParser parseFromString"),
    ("Range createContextualFragment|x", "Range createContextualFragment"),
    ("ServiceWorkerContainer register|/sw.js", "ServiceWorkerContainer register"),
    ("Worker constructor|/w.js", "Worker constructor"),
    ("Location href|javascript:x", "Location href"),
    ("Window setTimeout|tick()", "Window setTimeout"),
    ("eval|2+2", "eval"),
    ("eval", "eval"),
    ("Function|(\n) {\n\n}", "Function"),
    ("Function(anonymous", "Function"),
    ("AsyncGeneratorFunction|x", "AsyncGeneratorFunction"),
    ("TrustedScript", "TrustedScript"),
    ("TrustedScriptURL", "TrustedScriptURL"),
    ("", ""),
    ("<li>Ann|Bob", ""),
    ("Ann Smith, 3 items", ""),
    ("Ann ate <b>", ""),
    ("evaluate()", ""),
]
POLICIES = [
    ("dompurify", "dompurify"),
    ("@azure/ms-rest-js#xml.browser", "@azure/ms-rest-js#xml.browser"),
    ("goog#html|x", "goog#html"),
    ("a policy", ""),
    ("", ""),
]


@pytest.mark.parametrize(("sample", "sink"), SINKS)
def test_a_sample_names_its_sink(sample: str, sink: str) -> None:
    assert sinks.sink_of(sample) == sink


@pytest.mark.parametrize(("sample", "policy"), POLICIES)
def test_a_sample_names_its_policy(sample: str, policy: str) -> None:
    assert sinks.policy_of(sample) == policy


@given(st.sampled_from([sink for _, sink in SINKS if sink]), st.text())
def test_the_value_is_no_part_of_the_sink(sink: str, value: str) -> None:
    assert sinks.sink_of(f"{sink}|{value}") == sink
