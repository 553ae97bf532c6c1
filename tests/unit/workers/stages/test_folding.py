"""Folding: names of people, tenants, languages, versions and builds do not tell findings apart."""

from __future__ import annotations

import pytest

from workers.stages import folding

HOSTS = [
    ("d1234abcd.cloudfront.net", "*.cloudfront.net"),
    ("user42.app.example", "user*.app.example"),
    ("kqzjxwvtrplsmnbd42.t.example", "*.t.example"),
    ("cdn1.shop.co.uk", "cdn*.shop.co.uk"),
    ("shop24.example", "shop24.example"),
    ("localhost", "localhost"),
    ("", ""),
    ("192.0.2.1", "192.0.2.1"),
    ("127.0.0.1", "127.0.0.1"),
    ("192.168.1.17", folding.OWN_NETWORK),
    ("10.20.30.40", folding.OWN_NETWORK),
    ("169.254.1.1", folding.OWN_NETWORK),
    ("100.64.0.9", folding.OWN_NETWORK),
    ("[fe80::1]", folding.OWN_NETWORK),
    ("[fd12:3456::1]", folding.OWN_NETWORK),
    ("[2001:db8::1]", "[2001:db8::1]"),
    ("a.999", "a.999"),
]
PATHS = [
    ("/static/js/app.js", "/static/js/app.js"),
    ("/users/jane/x.js", "/users/*/x.js"),
    ("/Users/jane/x.js", "/Users/*/x.js"),
    ("/u/jane-doe/widget.js", "/u/*/widget.js"),
    ("/tenants/acme/app.js", "/tenants/*/app.js"),
    ("/users/app.js", "/users/app.js"),
    ("/users/static/app.js", "/users/static/app.js"),
    ("/users//app.js", "/users//app.js"),
    ("/~jane/a.js", "/*/a.js"),
    ("/npm/@babel/core.js", "/npm/@babel/core.js"),
    ("/en/app.js", "/*/app.js"),
    ("/en-US/app.js", "/*/app.js"),
    ("/zh_Hant_TW/app.js", "/*/app.js"),
    ("/ui/app.js", "/ui/app.js"),
    ("/messages.de.js", "/messages.*.js"),
    ("/el-button.js", "/el-button.js"),
    ("/assets/chunk-QWERTYUI.js", "/assets/chunk-*.js"),
    ("/internationalization2/a.js", "/internationalization*/a.js"),
    ("/gtag/js", "/gtag/js"),
    ("/", "/"),
    ("", ""),
]
NAMES = [
    ("WebComponentsV0", "WebComponentsV0"),
    ("deprecated-42", "deprecated-42"),
    ("order 4711", "order *"),
    ("job-9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d", "job-*"),
    ("build 3f9a1c77", "build *"),
    ("of {mail}", "of *"),
    ("", ""),
]


@pytest.mark.parametrize(("host", "folded"), HOSTS)
def test_what_varies_in_a_host(host: str, folded: str) -> None:
    assert folding.host(host) == folded


@pytest.mark.parametrize(("path", "folded"), PATHS)
def test_what_varies_in_a_path(path: str, folded: str) -> None:
    assert folding.path(path) == folded


@pytest.mark.parametrize(("name", "folded"), NAMES)
def test_what_varies_in_a_name(name: str, folded: str) -> None:
    assert folding.name(name) == folded
