"""Broken text, wherever it stands in a body: the JSON around it is read, and the rest stays as it was."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.text import charsets, lenient, mending

BROKEN = [
    pytest.param(b"\xff", "\ufffd", id="no byte of utf-8"),
    pytest.param(b"\xc0\xaf", "\ufffd\ufffd", id="overlong"),
    pytest.param(b"\xe0\x80\xaf", "\ufffd\ufffd\ufffd", id="overlong in three bytes"),
    pytest.param(b"\xed\xa0\x80", "\ufffd\ufffd\ufffd", id="a surrogate"),
    pytest.param(b"\xed\xa0\xbd\xed\xb8\x80", "\ufffd" * 6, id="a pair of surrogates, CESU-8"),
    pytest.param(b"\xe2\x82", "\ufffd", id="cut short"),
    pytest.param(b"\xf0\x9f\x98", "\ufffd", id="cut in an emoji"),
    pytest.param(b"\xf4\x90\x80\x80", "\ufffd" * 4, id="beyond Unicode"),
    pytest.param(b"\x80\x80", "\ufffd\ufffd", id="ends without a beginning"),
    pytest.param(b"\\ud83d", "\ufffd", id="half a pair"),
    pytest.param(b"\\ude00\\ud83d", "\ufffd\ufffd", id="a pair the wrong way round"),
    pytest.param(b"\\ud83d\\ude", "\ufffd\ufffd", id="a pair cut short"),
    pytest.param(b"\\u12", "\ufffd", id="an escape cut short"),
    pytest.param(b"\\u", "\ufffd", id="an escape without digits"),
    pytest.param(b"\\q", "\ufffdq", id="an escape that is none"),
    pytest.param(b"\\\\\\u12", "\\\ufffd", id="after an escaped backslash"),
    pytest.param(b"\x01\x1b", "\ufffd\ufffd", id="raw controls"),
    pytest.param(b"\xff\\u12\xc0", "\ufffd\ufffd\ufffd", id="all at once"),
]
SOUND = [
    pytest.param(b"it\\'s", "it's", id="an escape of JavaScript"),
    pytest.param(b"\\x3cb\\x3e", "<b>", id="bytes as JavaScript escapes them"),
    pytest.param("\ufffd".encode() + b"\\'", "\ufffd'", id="what was replaced before it came"),
]


@pytest.mark.parametrize(("broken", "mended"), BROKEN)
def test_what_is_no_text_is_replaced(broken: bytes, mended: str) -> None:
    body = b'{"a":"x' + broken + b'","' + broken + b'":["' + broken + b'y",1]}'
    lenient.require_container(body)
    assert lenient.loads(body) == {"a": f"x{mended}", mended: [f"{mended}y", 1]}
    assert lenient.mended(body).replaced


@pytest.mark.parametrize(("sent", "read"), SOUND)
def test_what_is_understood_is_not_replaced(sent: bytes, read: str) -> None:
    body = b'{"a":"' + sent + b'"}'
    lenient.require_container(body)
    assert lenient.loads(body) == {"a": read}
    assert not lenient.mended(body).replaced


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("begin", ["{", " {", "\n{"])
def test_broken_units_are_replaced(encoding: str, begin: str, *, marked: bool) -> None:
    text = ("\ufeff" if marked else "") + begin + '"a":"x\ud83dy"}'
    body = text.encode(encoding, "surrogatepass")
    for end in (b"", b"\n"):
        assert lenient.loads(body + end) == {"a": "x\ufffdy"}
        assert lenient.mended(body + end).replaced


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'\xff{"a":1}', {"a": 1}),
        (b'{"a":1}\xff\n', {"a": 1}),
        (b'\xef\xbb\xbf{"a":"\xff"}', {"a": "\ufffd"}),
    ],
)
def test_json_is_found_between_ends_that_are_no_text(body: bytes, found: object) -> None:
    lenient.require_container(body)
    assert lenient.loads(body) == found


@pytest.mark.parametrize(
    "rest", [b'","b":1}', b'" , "b":1}', b'","b":"\\"}"}', b'","b":[]}', b'","c":"\\",\\"","b":1}']
)
def test_a_sample_may_end_with_half_an_escape(rest: bytes) -> None:
    body = b'{"a":"if (x == \\' + rest
    lenient.require_container(body)
    assert lenient.loads(body)["a"] == "if (x == \ufffd"
    assert lenient.mended(body).replaced


def test_few_such_ends_are_tried() -> None:
    body = b"[" + b'"\\",' * 20 + b"1]"
    with pytest.raises(lenient.NotJSONError):
        lenient.require_container(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":\xff}',
        b'{"a":\x01}',
        b'{"a":"\n"}',
        b'{"a":"\xff\t"}',
        b'{"a":"\0"}',
        b'{"a":"\xff\0"}',
        b'{"a":\\ud83d}',
        b"\xff\xfe\xfd",
        b'"{no json}"',
        b"a=[no",
        b"%ff",
    ],
)
def test_where_no_json_is_there_is_nothing_to_mend(body: bytes) -> None:
    with pytest.raises(lenient.NotJSONError):
        lenient.require_container(body)


WRAPPED = [
    pytest.param(json.dumps('{"a":[1]}').encode(), id="a text"),
    pytest.param(json.dumps(json.dumps(' {"a":[1]}')).encode(), id="a text in a text"),
    pytest.param(b"report=%7B%22a%22%3A%5B1%5D%7D&x=1", id="a field of a form"),
    pytest.param(b"%7B%22a%22%3A%5B1%5D%7D=", id="the name of a field"),
    pytest.param(b"%7B%22a%22%3A%5B1%5D%7D", id="an encoded body"),
    pytest.param(b'csp={"a":[1]}', id="a field that is not encoded"),
]


@pytest.mark.parametrize("body", WRAPPED)
def test_json_may_be_wrapped(body: bytes) -> None:
    lenient.require_container(body)
    assert json.loads(lenient.mended(body).text) == {"a": [1]}


def test_a_text_that_is_read_as_one_stays_one() -> None:
    assert lenient.loads(b'"{\\"a\\":\\ud83d}"') == '{"a":\ufffd}'


@pytest.mark.parametrize(
    ("sent", "found"),
    [(b"%ff", "\ufffd"), (b"%", "%"), (b"%zz", "%zz"), (b"%c0%af", "\ufffd\ufffd"), (b"\xff.", "\ufffd.")],
)
def test_a_form_may_be_broken(sent: bytes, found: str) -> None:
    body = b"violated-directive=img-src&document-url=" + sent
    lenient.require_container(body)
    assert lenient.loads(body) == {"violated-directive": "img-src", "document-url": found}
    assert lenient.mended(body).replaced is ("\ufffd" in found)


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        ("application/csp-report; charset=ISO-8859-1", "cp1252"),
        ('application/json;charset="latin1"', "cp1252"),
        ("application/json; a=b; Charset = windows-1252", "cp1252"),
        ("text/plain; charset=windows-1251", "cp1251"),
        ("text/plain; charset=koi8-r", "koi8-r"),
        ("text/plain; charset=Shift_JIS", "cp932"),
        ("text/plain; charset=EUC-JP", "euc_jp"),
        ("text/plain; charset=gb2312", "gbk"),
        ("text/plain; charset=big5", "cp950"),
        ("text/plain; charset=euc-kr", "cp949"),
    ],
)
def test_another_charset_counts_if_it_is_declared(content_type: str, encoding: str) -> None:
    letters = {"cp1252": "café €", "cp1251": "что", "koi8-r": "что", "cp949": "한국"}.get(encoding, "表示")
    if encoding in {"gbk", "cp950"}:
        letters = "中文"
    charset, body = charsets.codec_of(content_type), json.dumps({"a": letters}, ensure_ascii=False)
    lenient.require_container(body.encode(encoding), charset)
    assert json.loads(lenient.mended(body.encode(encoding), charset).text) == {"a": letters}
    assert not lenient.mended(body.encode(encoding), charset).replaced
    assert lenient.mended(body.encode(encoding)[:-3] + b'\xff"}', charset).text.endswith(b'"}')
    assert json.loads(lenient.mended(body.encode(), charset).text) == {"a": letters}  # UTF-8 comes first


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "application/json",
        "a/b; charset=utf-8",
        "a/b; charset=rot13",
        "a/b; charset=utf-7",
        "a/b; charset=",
    ],
)
def test_no_other_charset_does(content_type: str) -> None:
    assert charsets.codec_of(content_type) == ""


def test_every_charset_reads_all_bytes_alike_under_every_python() -> None:
    letters = bytes(range(0x80, 0x100))
    pairs = b"".join(bytes([high, low]) + b" " for high in letters for low in (*range(0x40, 0x7F), *letters))
    digest = hashlib.sha256()
    for codec in sorted(set(charsets._BY_LABEL.values())):
        digest.update((letters + pairs).decode(codec, "replace").encode())
    assert digest.hexdigest()[:16] == "729f1560be845bd0"


@given(st.binary(max_size=60), st.sampled_from(["", "cp1252", "cp932", "gbk"]))
def test_whatever_the_edge_takes_can_be_read(noise: bytes, charset: str) -> None:
    for body in (noise, b'{"a":"' + noise + b'"}', b"[{}," + noise, b"document-url=" + noise):
        try:
            lenient.require_container(body, charset)
        except lenient.NotJSONError:
            continue
        text = lenient.mended(body, charset).text
        assert isinstance(json.loads(text), dict | list)
        assert lenient.count_items(body, charset) >= 0


@given(st.lists(st.sampled_from(["\\", '"', "u", "d8", "3d", "de", "00", "x", "\xff", "a"])))
def test_a_broken_text_is_mended_once(parts: list[str]) -> None:
    sent = b'["' + "".join(parts).encode("latin-1") + b'"]'
    once = mending.mend(sent).text
    assert mending.mend(once) == mending.Mended(once, replaced=False)
