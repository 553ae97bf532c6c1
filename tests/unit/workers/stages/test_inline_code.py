"""Samples of inline code: the code tells findings apart, the data in it does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.stages import inline_code

FOLDED = [
    ("alert(1)", "alert(*)"),
    ("alert(1)...", "alert(*)"),
    ("alert(1)\n", "alert(*)"),
    ("showProfile('Ann')", "showProfile(*"),
    ("return'Ann'", "return*"),
    ("greet(`Hello ${name}`)", "greet(*"),
    ("['Ann','Bob']", "[*"),
    ('{"name":"Ann","age":3}', '{"name":*'),
    ('{"id":42,"name":"Ann"}', '{"id":*,"name":*'),
    ("window.__USER__={'id':1,'na", "window.__USER__={'id':*,'na"),
    ("f({a:1},'Ann')", "f({a:*},*"),
    ("'Ann'", "*"),
    ("a();'Ann'", "a();*"),
    ('"use strict";var a', '"use strict";var a'),
    ("w['GoogleAnalyticsObject']=r", "w['GoogleAnalyticsObject']=r"),
    ("$('#menu').show()", "$('#menu').show()"),
    ("$('#cart-12').show()", "$('#cart-*').show()"),
    ("document.getElementById('a').value='Ann'", "document.getElementById('a').value=*"),
    ("ga('create','UA-1-2')", "ga('create',*"),
    ("a.on('click", "a.on('click"),
    ("// don't stop", "// don't stop"),
    ("setUser({mail},1)", "setUser(*"),
    ("background:url(/avatars/ann.png)", "background:url(*"),
    ("background:url('/avatars/ann.png')", "background:url(*"),
    ("width:37.5%;height:2px", "width:*%;height:*px"),
    (f"x=1;{'y' * 30}=2", f"x=*;{'y' * 27}"),
    ("f(1,2,3,4,5)", "f(*,*,*,*"),
    ("onclick attribute on DIV element", "onclick attribute on DIV element"),
    ("a)]}b", "a)]}b"),
    ("", ""),
]
APART = [
    ("alert(1)", "confirm(1)"),
    ("$('#menu').show()", "$('#cart').show()"),
    ("document.getElementById('a')", "document.getElementById('b')"),
    ("greet('Ann')", "delete('Ann')"),
    ('{"name":"Ann"}', '{"mail":"Ann"}'),
    ("ga('create',1)", "ga('send',1)"),
]
CODE = st.sampled_from(
    [
        "var user={{'id':{0},'name':'{1}','mail':'{1}'}};start(user);run(user)",
        'window.__STATE__={{"cart":{0},"total":{0},"owner":"{1}"}};hydrate()',
        "greet('{1}');count({0});render();bind();observe();finish()",
        "track({0});init();load();bind();observe();render();finish()",
        "dataLayer.push({{items:{0},user:`{1}`}});gtm();start();more();last()",
    ]
)
NUMBERS = st.integers(0, 10**9)
NAMES = st.text(st.characters(exclude_characters="\"'`\\", exclude_categories=["C"]), max_size=60)


@pytest.mark.parametrize(("sample", "folded"), FOLDED)
def test_data_is_taken_out_of_a_sample(sample: str, folded: str) -> None:
    assert inline_code.folded(sample) == folded


@pytest.mark.parametrize(("one", "other"), APART)
def test_different_code_stays_apart(one: str, other: str) -> None:
    assert inline_code.folded(one) != inline_code.folded(other)


@given(CODE, st.tuples(NUMBERS, NAMES), st.tuples(NUMBERS, NAMES), st.sampled_from([40, 256]))
def test_samples_of_the_same_code_are_equal(
    code: str, one: tuple[int, str], other: tuple[int, str], length: int
) -> None:
    sent = [code.format(*data)[:length] for data in (one, other)]
    assert inline_code.folded(sent[0]) == inline_code.folded(sent[1])


@given(st.text())
def test_any_text_is_folded(sample: str) -> None:
    assert len(inline_code.folded(sample)) <= 41
