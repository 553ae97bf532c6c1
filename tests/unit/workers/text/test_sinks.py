"""Sinks of Trusted Types, in the spellings of all senders."""

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
RECORDED = (
    "Element innerHTML|<li>Ann Smith, 3 items and much more tex",
    "Element outerHTML|<b>",
    "Element insertAdjacentHTML|<b>x",
    "Element setHTMLUnsafe|<b>Ann",
    "Element onclick|greet('Ann')",
    "eval|2+2 /* Ann */",
    "Function|(a\n) {\nreturn a\n})",
    "Window setTimeout|tick('Ann')",
    "Document write|<p>hi",
    "Document execCommand|<b>Ann",
    "HTMLScriptElement src|/u/ann.js",
    "HTMLScriptElement text|f('Ann')",
    "HTMLIFrameElement srcdoc|<p>Ann",
    "Worker constructor|/w.js?u=ann",
    "ServiceWorkerContainer register|/sw.js",
    "Range createContextualFragment|<a>",
    "DOMParser parseFromString|<a>",
    "Location href|alert('Ann')",
)
"""Samples that Chromium 156 and Firefox 153 sent, recorded by hand."""


@pytest.mark.parametrize("sample", RECORDED)
def test_the_samples_of_browsers_name_their_sinks(sample: str) -> None:
    assert sinks.sink_of(sample) == sample.partition("|")[0]


@pytest.mark.parametrize(("sample", "sink"), SINKS)
def test_a_sample_names_its_sink(sample: str, sink: str) -> None:
    assert sinks.sink_of(sample) == sink


@given(st.sampled_from([sink for _, sink in SINKS if sink]), st.text())
def test_the_value_is_no_part_of_the_sink(sink: str, value: str) -> None:
    assert sinks.sink_of(f"{sink}|{value}") == sink
