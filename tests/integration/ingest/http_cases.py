"""Requests as they are written to a connection, and what becomes of each: after RFC 9112, section by section.

What is refused must not be read on: each of these is followed by a report that may never be stored.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from tests.integration.ingest.edges import KEY, PATH, REPORT, TARGET

HOST: Final = "Host: edge"
CHUNKED: Final = "Transfer-Encoding: chunked"
LENGTH: Final = f"Content-Length: {len(REPORT)}"
SIZE: Final = b"%x" % len(REPORT)
LAST: Final = b"0\r\n\r\n"


@dataclasses.dataclass(frozen=True)
class Case:
    """One connection: what is written to it, and the statuses of the answers.

    Attributes:
        name: what is special about it.
        sent: the bytes.
        statuses: of the answers, in their order; the connection is closed after one of 400 or more.
        stored: how many reports are stored.
    """

    name: str
    sent: bytes
    statuses: tuple[int, ...]
    stored: int = 0


def head(*fields: str, line: str = f"POST {TARGET} HTTP/1.1", host: str | None = HOST) -> bytes:
    """Return a head; fields are written as they are."""
    lines = [line, *([host] if host is not None else []), "Content-Type: application/csp-report", *fields]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def post(*fields: str, line: str = f"POST {TARGET} HTTP/1.1", host: str | None = HOST) -> bytes:
    """Return a head with the length of the report, and the report."""
    return head(*fields, LENGTH, line=line, host=host) + REPORT


def chunked(*parts: bytes, coding: str = CHUNKED) -> bytes:
    """Return a request with the report in chunks, which are written as they are."""
    return head(coding) + b"".join(parts)


def chunk(size: bytes = SIZE, data: bytes = REPORT, end: bytes = b"\r\n") -> bytes:
    """Return one chunk; its size is written as it is."""
    return size + end + data + b"\r\n"


FOLLOWING: Final = post()
"""A report of its own, behind each request."""


def _refused(status: int, **cases: bytes) -> list[Case]:
    return [Case(name.replace("_", " "), sent + FOLLOWING, (status,)) for name, sent in cases.items()]


def _taken(**cases: bytes) -> list[Case]:
    return [Case(name.replace("_", " "), sent + FOLLOWING, (200, 200), 2) for name, sent in cases.items()]


_LINES: Final = [
    *_taken(
        plain=post(),
        an_empty_line_first=b"\r\n" + post(),
        a_percent_encoded_path=post(line=f"POST /api/1/%73ecurity/?sentry_key={KEY} HTTP/1.1"),
    ),
    *_refused(
        400,
        two_empty_lines_first=b"\r\n\r\n" + post(),
        a_bare_LF_first=b"\n" + post(),
        a_blank_first=b" " + post(),
        two_blanks_after_the_method=post(line=f"POST  {TARGET} HTTP/1.1"),
        two_blanks_before_the_version=post(line=f"POST {TARGET}  HTTP/1.1"),
        a_blank_at_the_end=post(line=f"POST {TARGET} HTTP/1.1 "),
        a_tab_between=post(line=f"POST\t{TARGET}\tHTTP/1.1"),
        a_vertical_tab_between=post(line=f"POST\x0b{TARGET} HTTP/1.1"),
        a_form_feed_between=post(line=f"POST {TARGET}\x0cHTTP/1.1"),
        a_CR_between=post(line=f"POST {TARGET}\rHTTP/1.1"),
        a_blank_in_the_target=post(line=f"POST {TARGET}&a= b HTTP/1.1"),
        no_target=post(line="POST HTTP/1.1"),
        no_version=post(line=f"POST {TARGET}"),
        no_method=post(line=f"{TARGET} HTTP/1.1"),
        HTTP_0_9=b"GET /\r\n",
        HTTP_1_2=post(line=f"POST {TARGET} HTTP/1.2"),
        HTTP_1_10=post(line=f"POST {TARGET} HTTP/1.10"),
        HTTP_01_1=post(line=f"POST {TARGET} HTTP/01.1"),
        HTTP_1=post(line=f"POST {TARGET} HTTP/1"),
        HTTP_1_dot=post(line=f"POST {TARGET} HTTP/1."),
        HTTP_1_1_1=post(line=f"POST {TARGET} HTTP/1.1.1"),
        HTTP_2_0=post(line=f"POST {TARGET} HTTP/2.0"),
        HTTP_9_9=post(line=f"POST {TARGET} HTTP/9.9"),
        http_1_1=post(line=f"POST {TARGET} http/1.1"),
        HTTP_1_comma_1=post(line=f"POST {TARGET} HTTP/1,1"),
        HTTP_blank_1_1=post(line=f"POST {TARGET} HTTP/ 1.1"),
        another_protocol=post(line=f"POST {TARGET} ICE/1.0"),
        the_preface_of_HTTP_2=b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        a_method_in_small_letters=post(line=f"post {TARGET} HTTP/1.1"),
        a_method_in_mixed_letters=post(line=f"Post {TARGET} HTTP/1.1"),
        a_method_with_a_bracket=post(line=f"PO(ST {TARGET} HTTP/1.1"),
        a_method_with_NUL=post(line=f"POST\0 {TARGET} HTTP/1.1"),
        a_long_method=post(line=f"{'P' * 50} {TARGET} HTTP/1.1"),
        a_fragment=post(line=f"POST {TARGET}#part HTTP/1.1"),
        NUL_in_the_target=post(line=f"POST {TARGET}&a=\0 HTTP/1.1"),
        DEL_in_the_target=post(line=f"POST {TARGET}&a=\x7f HTTP/1.1"),
        no_ASCII_in_the_target=post(line=f"POST {TARGET}&a=ä HTTP/1.1"),
        a_proxy_line_first=b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + post(),
        a_handshake_of_TLS=b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40) + b"\r\n\r\n",
    ),
    *_refused(414, a_long_target=post(line=f"POST {TARGET}&a={'a' * 9000} HTTP/1.1")),
]

_TARGETS: Final = [
    *_taken(
        absolute_form=post(line=f"POST http://edge{TARGET} HTTP/1.1"),
        absolute_form_with_a_port=post(line=f"POST http://edge:8080{TARGET} HTTP/1.1"),
        absolute_form_over_TLS=post(line=f"POST HTTPS://edge{TARGET} HTTP/1.1"),
        absolute_form_for_another_host=post(line=f"POST http://other.example{TARGET} HTTP/1.1"),
        absolute_form_with_an_address=post(line=f"POST http://[::1]:80{TARGET} HTTP/1.1"),
    ),
    *_refused(
        400,
        absolute_form_with_no_host=post(line=f"POST http://{TARGET} HTTP/1.1"),
        absolute_form_with_user_info=post(line=f"POST http://me:pw@edge{TARGET} HTTP/1.1"),
        absolute_form_with_a_bad_port=post(line=f"POST http://edge:x{TARGET} HTTP/1.1"),
        absolute_form_of_another_scheme=post(line=f"POST ftp://edge{TARGET} HTTP/1.1"),
        absolute_form_without_a_Host=post(line=f"POST http://edge{TARGET} HTTP/1.1", host=None),
        absolute_form_with_a_bad_Host=post(line=f"POST http://edge{TARGET} HTTP/1.1", host="Host: a b"),
        an_absolute_form_with_a_fragment=post(line=f"POST http://edge{TARGET}#a HTTP/1.1"),
        authority_form=post(line="POST edge:443 HTTP/1.1"),
        a_relative_path=post(line=f"POST api/1/security/?sentry_key={KEY} HTTP/1.1"),
        a_query_alone=post(line=f"POST ?sentry_key={KEY} HTTP/1.1"),
        asterisk_form_of_POST=post(line="POST * HTTP/1.1"),
        asterisk_form_of_GET=head(line="GET * HTTP/1.1"),
    ),
    *_refused(
        405,
        CONNECT=head(line="CONNECT edge:443 HTTP/1.1"),
        CONNECT_with_a_path=head(line=f"CONNECT {TARGET} HTTP/1.1"),
    ),
    Case("asterisk form of OPTIONS", head(line="OPTIONS * HTTP/1.1") + FOLLOWING, (404, 200), 1),
    Case("an unknown method", head(line=f"MKCOLA {TARGET} HTTP/1.1") + FOLLOWING, (405, 200), 1),
    Case("TRACE", head(line=f"TRACE {TARGET} HTTP/1.1") + FOLLOWING, (405, 200), 1),
    Case("absolute form without a path", post(line="POST http://edge HTTP/1.1") + FOLLOWING, (404, 200), 1),
    Case("a target of slashes", post(line=f"POST //edge{TARGET} HTTP/1.1") + FOLLOWING, (404, 200), 1),
    Case(
        "absolute form in the query",
        post(line=f"POST {PATH}?u=http://edge/&sentry_key={KEY} HTTP/1.1") + FOLLOWING,
        (200, 200),
        2,
    ),
]

_HOSTS: Final = [
    *_taken(
        a_host_with_a_port=post(host="Host: edge:8080"),
        a_host_that_is_an_address=post(host="Host: [2001:db8::1]:80"),
        a_host_in_capitals=post(host="HOST:\t EDGE \t"),
        a_host_with_an_underscore=post(host="Host: my_edge"),
    ),
    *_refused(
        400,
        no_host=post(host=None),
        two_hosts=post(host="Host: edge\r\nHost: edge"),
        two_different_hosts=post("hOST: other", host="Host: edge"),
        an_empty_host=post(host="Host:"),
        a_blank_host=post(host="Host:  \t"),
        a_host_of_a_port_alone=post(host="Host: :80"),
        a_host_with_user_info=post(host="Host: me@edge"),
        a_host_with_a_path=post(host="Host: edge/path"),
        a_host_with_a_query=post(host="Host: edge?a"),
        a_host_with_a_scheme=post(host="Host: http://edge"),
        a_host_with_a_blank=post(host="Host: edge other"),
        a_list_of_hosts=post(host="Host: edge, other"),
        a_host_with_a_bad_port=post(host="Host: edge:80a"),
        a_host_with_two_ports=post(host="Host: edge:80:80"),
        a_host_that_is_no_ASCII=post(host="Host: \xe4.example"),
    ),
    Case("no host in HTTP/1.0", post(line=f"POST {TARGET} HTTP/1.0", host=None) + FOLLOWING, (200,), 1),
    Case(
        "two hosts in HTTP/1.0",
        post(line=f"POST {TARGET} HTTP/1.0", host="Host: a\r\nHost: b") + FOLLOWING,
        (400,),
    ),
]

_FIELDS: Final = [
    *_taken(
        an_empty_value=post("X-Empty:"),
        blanks_around_a_value=post("X-Blank: \t a \t "),
        a_value_of_high_bytes=post("X-High: \xe4\xff"),
        a_field_twice=post("X-Twice: 1", "X-Twice: 2"),
        all_characters_of_a_name=post("!#$%&'*+-.^_`|~0Az: a"),
        a_long_value=post(f"X-Long: {'a' * 8000}"),
        the_cookies_of_a_large_site=post(f"Cookie: {'a=b; ' * 3270}a=b"),
        a_request_in_a_value=post("X-Request: POST / HTTP/1.1"),
    ),
    *_refused(
        400,
        a_bare_LF_after_the_request_line=post().replace(b"\r\n", b"\n", 1),
        bare_LFs=post().replace(b"\r\n", b"\n"),
        a_bare_LF_after_a_field=head("X: y").replace(b"X: y\r\n", b"X: y\n"),
        a_bare_LF_at_the_end=head()[:-2] + b"\n",
        a_bare_LF_in_a_value=post("X: y\nContent-Length: 5"),
        a_bare_CR_in_a_value=post("X: y\rContent-Length: 5"),
        a_bare_CR_after_a_field=head("X: y").replace(b"X: y\r\n", b"X: y\r"),
        a_CR_before_a_name=post("\rX: y"),
        CR_CR_LF=head("X: y\r"),
        a_folded_line=post("X: a\r\n b"),
        a_line_folded_by_a_tab=post("X: a\r\n\tb"),
        a_folded_length=head("Content-Length:\r\n 5"),
        a_folded_coding=head("Transfer-Encoding:\r\n chunked"),
        a_folded_first_line=post(host=" Host: edge"),
        a_line_of_blanks=post("X: y\r\n  "),
        a_blank_before_the_colon=post("X : y"),
        a_tab_before_the_colon=post("X\t: y"),
        a_blank_in_a_name=post("X Y: z"),
        a_line_without_a_colon=post("nonsense"),
        an_empty_name=post(": y"),
        a_name_with_NUL=post("X\0: y"),
        a_name_with_a_bracket=post("X(: y"),
        a_name_with_an_at=post("Fo@: y"),
        a_name_with_a_semicolon=post("X;: y"),
        a_name_that_is_no_ASCII=post("X\xe4: y"),
        a_name_with_DEL=post("X\x7f: y"),
        NUL_in_a_value=post("X: a\0b"),
        a_vertical_tab_in_a_value=post("X: a\x0bb"),
        a_form_feed_in_a_value=post("X: a\x0cb"),
        a_bell_in_a_value=post("X: \x07"),
        an_escape_in_a_value=post("X: \x1b[2J"),
        DEL_in_a_value=post("X: a\x7fb"),
        two_content_types=post("Content-Type: text/plain"),
    ),
    *_refused(
        431,
        a_very_long_value=post(f"X-Long: {'a' * 17000}"),
        a_very_long_name=post(f"{'a' * 17000}: y"),
        many_fields=post(*(f"X-{number}: y" for number in range(200))),
        a_huge_head=post(*(f"X-{number}: {'y' * 8000}" for number in range(20))),
    ),
]

_LENGTHS: Final = [
    *_taken(
        a_length_between_blanks=head(f"content-length:\t {len(REPORT)} ") + REPORT,
        codings_for_the_answer=post("TE: trailers, chunked"),
    ),
    *_refused(
        400,
        **{
            f"a length of {value!r}": head(f"Content-Length: {value}") + REPORT
            for value in (
                *("", "+5", "-1", "-0", "5, 5", "5,5", "5, 6", "5;a", "5 5", "0x10", "5a", "a", "1e1", "5.0"),
                *("1_0", "00", "05", "0081", "0o7", "\xb2", "'5'", "5\x0b", "\x0c5", f"0{len(REPORT)}"),
            )
        },
        two_lengths=head(LENGTH, LENGTH) + REPORT,
        two_different_lengths=head("Content-Length: 5", "content-length: 6") + REPORT,
        a_length_with_an_underscore=head("Content_Length: 5") + REPORT,
        a_length_with_an_underscore_beside=head(LENGTH, "Content_Length: 5") + REPORT,
        a_blank_before_the_colon_of_a_length=head("Content-Length : 5") + REPORT,
        a_coding_beside_a_length=head(LENGTH, CHUNKED) + REPORT,
        a_length_beside_a_coding=head(CHUNKED, "Content-Length: 5") + chunk() + LAST,
        a_length_of_0_beside_a_coding=head(CHUNKED, "Content-Length: 0") + chunk() + LAST,
        a_coding_beside_a_length_in_HTTP_1_0=head(LENGTH, CHUNKED, line=f"POST {TARGET} HTTP/1.0") + REPORT,
    ),
    *_refused(
        413,
        a_length_of_19_digits=head(f"Content-Length: {2**63}") + REPORT,
        a_length_beyond_64_bits=head(f"Content-Length: {2**64 + len(REPORT)}") + REPORT,
        a_length_of_400_digits=head(f"Content-Length: {'9' * 400}") + REPORT,
    ),
    Case("no length", head() + FOLLOWING, (400, 200), 1),
    Case("a length of 0", head("Content-Length: 0") + FOLLOWING, (400, 200), 1),
    Case("a GET with a body", post(line=f"GET {TARGET} HTTP/1.1") + FOLLOWING, (405, 200), 1),
    Case(
        "a GET with a request for its body",
        head(f"Content-Length: {len(FOLLOWING)}", line=f"GET {TARGET} HTTP/1.1") + FOLLOWING,
        (405,),
    ),
]

_CODINGS: Final = [
    *_taken(
        chunks=chunked(chunk(), LAST),
        a_coding_in_capitals=chunked(chunk(), LAST, coding="transfer-encoding:\tCHUNKED "),
    ),
    *_refused(
        400,
        **{
            f"a coding of {value!r}": chunked(chunk(), LAST, coding=f"Transfer-Encoding: {value}")
            for value in (
                *("", ",", "chunked,", ",chunked", "chunked, chunked", "chunked,chunked", "xchunked"),
                *("chunkedx", "chunk", "x chunked", "chunked x", "chunked;a=b", "chunked; q=1", '"chunked"'),
                *("identity", "gzip", "chunked, gzip", "chunked, identity", "\x0bchunked", "chunked\x0b"),
                *(
                    "\x0cchunked",
                    "chunked\0",
                    "\0chunked",
                    "chunked\x7f",
                    "chun\tked",
                    "chunked\xa0",
                    "\xffchunked",
                ),
                *("gzip, , chunked", "gzip; chunked", "chunked, gzip, chunked", "gzip chunked"),
            )
        },
        two_codings_in_two_fields=head(CHUNKED, CHUNKED) + chunk() + LAST,
        two_different_codings=head("Transfer-Encoding: gzip", CHUNKED) + chunk() + LAST,
        a_coding_that_is_none_after_chunked=head(CHUNKED, "Transfer-Encoding: identity") + chunk() + LAST,
        a_blank_before_the_colon_of_a_coding=head("Transfer-Encoding : chunked") + chunk() + LAST,
        a_tab_before_the_colon_of_a_coding=head("Transfer-Encoding\t: chunked") + chunk() + LAST,
        a_coding_with_an_underscore=head("Transfer_Encoding: chunked") + chunk() + LAST,
        a_coding_after_a_bare_LF=head("X: y\nTransfer-Encoding: chunked") + chunk() + LAST,
        chunks_in_HTTP_1_0=head(CHUNKED, line=f"POST {TARGET} HTTP/1.0") + chunk() + LAST,
    ),
    *_refused(
        501,
        gzip_and_chunks=chunked(chunk(), LAST, coding="Transfer-Encoding: gzip, chunked"),
        an_unknown_coding_and_chunks=chunked(chunk(), LAST, coding="Transfer-Encoding: foo,chunked"),
    ),
]

_CHUNKS: Final = [
    *_taken(
        a_size_with_zeros=chunked(chunk(b"0" * 4 + SIZE), b"000\r\n\r\n"),
        a_size_in_capitals=chunked(chunk(SIZE.upper()), LAST),
        many_chunks=chunked(*(chunk(b"1", REPORT[at : at + 1]) for at in range(len(REPORT))), LAST),
        an_extension=chunked(chunk(SIZE + b";a"), b"0;b=c\r\n\r\n"),
        extensions=chunked(chunk(SIZE + b';a;b=c; d="e;\\" f"'), LAST),
        a_trailer=chunked(chunk(), b"0\r\nX-Checksum: abc\r\nVary: *\r\n\r\n"),
    ),
    *_refused(
        400,
        **{
            f"a size of {size!r}"[:60]: chunked(chunk(size), LAST)
            for size in (
                *(
                    b"",
                    b"z",
                    b"-5",
                    b"+" + SIZE,
                    b"0x" + SIZE,
                    SIZE + b"h",
                    b" " + SIZE,
                    SIZE + b" ",
                    SIZE + b"\t",
                ),
                *(
                    b"\t" + SIZE,
                    b"\x0b" + SIZE,
                    SIZE + b"\0",
                    b"5_1",
                    b"5.1",
                    b"5,1",
                    b"\xb2",
                    b"'5'",
                    SIZE + b"\r",
                ),
                *(b"1" + b"%016x" % len(REPORT), b"f" * 16, b"f" * 17, b"8" + b"0" * 15, b"0" * 20 + SIZE),
                *(b"1" + b"0" * 16, b"1" + b"0" * 32, b"0" * 17, b"ffffffff" * 40),
                *(SIZE + b" ;a", SIZE + b";", SIZE + b";;a", SIZE + b";a=", SIZE + b";a b", SIZE + b";a=b c"),
                *(
                    SIZE + b';a="b',
                    SIZE + b";a\0",
                    SIZE + b";a\x0b",
                    SIZE + b";a\rb",
                    SIZE + b";=b",
                    SIZE + b"=a",
                ),
                *(SIZE + b";a ", SIZE + b";" + b"a" * 2000),
            )
        },
        a_size_ended_by_LF=chunked(chunk(end=b"\n"), LAST),
        a_size_ended_by_CR=chunked(chunk(end=b"\r"), LAST),
        a_size_ended_by_CR_CR_LF=chunked(chunk(end=b"\r\r\n"), LAST),
        an_extension_ended_by_LF=chunked(chunk(SIZE + b";a", end=b"\n"), LAST),
        a_bare_LF_in_an_extension=chunked(chunk(SIZE + b";a\n" + SIZE), LAST),
        a_chunk_ended_by_LF=chunked(SIZE + b"\r\n" + REPORT + b"\n" + LAST),
        a_chunk_ended_by_CR=chunked(SIZE + b"\r\n" + REPORT + b"\r" + LAST),
        a_chunk_ended_by_LF_CR=chunked(SIZE + b"\r\n" + REPORT + b"\n\r" + LAST),
        a_chunk_that_does_not_end=chunked(SIZE + b"\r\n" + REPORT + LAST),
        a_chunk_with_more_than_it_says=chunked(SIZE + b"\r\n" + REPORT + b"XX" + LAST),
        a_chunk_with_less_than_it_says=chunked(b"%x" % (len(REPORT) + 2) + b"\r\n" + REPORT + b"\r\n" + LAST),
        a_last_chunk_ended_by_LF=chunked(chunk(), b"0\n\r\n"),
        a_body_ended_by_LF=chunked(chunk(), b"0\r\n\n"),
        a_trailer_ended_by_LF=chunked(chunk(), b"0\r\nX: y\n\r\n"),
        a_trailer_without_a_colon=chunked(chunk(), b"0\r\nnonsense\r\n\r\n"),
        a_trailer_with_a_blank_before_the_colon=chunked(chunk(), b"0\r\nX : y\r\n\r\n"),
        a_trailer_with_NUL=chunked(chunk(), b"0\r\nX: \0\r\n\r\n"),
        a_folded_trailer=chunked(chunk(), b"0\r\nX: y\r\n z\r\n\r\n"),
        a_request_for_a_trailer=chunked(chunk(), b"0\r\n" + FOLLOWING),
        a_long_trailer=chunked(chunk(), b"0\r\nX: " + b"y" * 2000 + b"\r\n\r\n"),
        many_extensions=chunked(*(b"1;a=" + b"b" * 900 + b"\r\n \r\n" for _ in range(50)), LAST),
        **{
            f"a trailer {name.decode()}": chunked(chunk(), b"0\r\n" + name + b": 5\r\n\r\n")
            for name in (
                *(b"Content-Length", b"Transfer-Encoding", b"HOST", b"Trailer", b"TE", b"Connection"),
                *(b"Content-Encoding", b"Content_Length", b"Authorization", b"X-Sentry-Auth", b"Expect"),
                *(b"X-Forwarded-For", b"Forwarded", b"Cookie", b"Upgrade"),
            )
        },
    ),
    *_refused(431, many_trailers=chunked(chunk(), b"0\r\n" + b"X: y\r\n" * 8000 + b"\r\n")),
    Case("chunks of nothing", chunked(LAST) + FOLLOWING, (400, 200), 1),
]

_CONNECTIONS: Final = [
    *_taken(
        a_body_that_waits_for_100=post("Expect: 100-continue"),
        an_upgrade_to_HTTP_2=post(
            "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"
        ),
        an_upgrade_to_a_socket=post("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
    ),
    Case("several reports", post() + post() + chunked(chunk(), LAST) + FOLLOWING, (200,) * 4, 4),
    Case("a refusal between reports", post() + post(host=None) + FOLLOWING, (200, 400), 1),
    Case("a bad chunk behind a report", post() + chunked(chunk(b"zz"), LAST) + FOLLOWING, (200, 400), 1),
    Case("the last request", post("Connection: close") + FOLLOWING, (200,), 1),
    Case("HTTP/1.0", post(line=f"POST {TARGET} HTTP/1.0") + FOLLOWING, (200,), 1),
]

CASES: Final = [
    *_LINES,
    *_TARGETS,
    *_HOSTS,
    *_FIELDS,
    *_LENGTHS,
    *_CODINGS,
    *_CHUNKS,
    *_CONNECTIONS,
]
