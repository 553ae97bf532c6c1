"""Where a rules file is read: from a file or a URL, within bounds, and without telling secrets."""

from __future__ import annotations

import contextlib
import http.server
import ssl
import threading
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from deploy.noise import sources
from tests.helpers import rules, waiting
from workers.noise import rules_file

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

TEXT = rules.text('a injected hosts = ["a.example"]')


class Server(http.server.ThreadingHTTPServer):
    """A server whose answers end once it is over."""

    daemon_threads = True

    def __init__(self) -> None:
        self.over = threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by the path that is asked for."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        answer = getattr(self, f"_{self.path.partition('?')[0].strip('/')}")
        with contextlib.suppress(OSError):
            answer()

    def log_message(self, *_: Any) -> None:
        """Log nothing."""

    def _send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _rules(self) -> None:
        self._send(200, TEXT)

    def _missing(self) -> None:
        self._send(404)

    def _elsewhere(self) -> None:
        self._send(302, Location="http://192.0.2.1/rules.toml?token=secret")

    def _local(self) -> None:
        self._send(302, Location="/rules")

    def _again(self) -> None:
        self._send(302, Location="/again")

    def _file(self) -> None:
        self._send(302, Location="file:///etc/passwd")

    def _user(self) -> None:
        self._send(302, Location="https://user:secret@192.0.2.1/")

    def _long(self) -> None:
        self._send(200, b"#" * (rules_file.MAX_BYTES + 1))

    def _endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        while not self.server.over.is_set():
            self.wfile.write(b"#" * 65536)

    def _slow(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        while not self.server.over.wait(0.01):
            self.wfile.write(b"#")

    def _silent(self) -> None:
        self.server.over.wait(waiting.PATIENCE_S)

    def _short(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"#")
        self.close_connection = True

    def _garbage(self) -> None:
        self.wfile.write(b"\x00\xff\r\n\r\n")
        self.close_connection = True


@contextlib.contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[str]:
    """Give the host and port of a server of rules files, under TLS if there is a context."""
    with Server() as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.over.set()
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """The URL of a server of rules files."""
    with serving() as where:
        yield f"http://{where}"


@pytest.fixture
def secure(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Iterator[str]:
    """The URL of the same answers under TLS, by an authority that this process trusts."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with serving(context) as where:
        yield f"https://{where}"


def refusal(where: str, timeout_s: float = waiting.PATIENCE_S) -> str:
    with pytest.raises(sources.SourceError) as refused:
        sources.read(where, timeout_s)
    assert "secret" not in str(refused.value)
    return str(refused.value)


def test_a_file_is_read(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_bytes(TEXT)
    assert sources.read(str(path)) == sources.ReadFile(TEXT, str(path), remote=False)
    path.write_bytes(b"#" * (10 << 20))
    assert "is too long: a rules file has at most 1,048,576 bytes." in refusal(str(path))
    assert refusal(str(tmp_path)) == f"{tmp_path} is a directory: name a file in it."
    with pytest.raises(FileNotFoundError):
        sources.read(str(tmp_path / "none"))


def test_a_url_is_read_and_shown_without_its_query(base: str) -> None:
    assert sources.read(f"{base}/rules?token=secret") == sources.ReadFile(TEXT, f"{base}/rules", remote=True)


def test_redirects_to_https_are_followed(secure: str) -> None:
    assert sources.read(f"{secure}/local").text == TEXT
    assert "redirects to a URL that is not https" in refusal(f"{secure}/elsewhere")
    assert "answers with the status 302" in refusal(f"{secure}/again")


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("missing?secret", "{}/missing answers with the status 404."),
        ("elsewhere?secret", "{}/elsewhere redirects to a URL that is not https: it is not read."),
        ("local", "{}/local redirects to a URL that is not https: it is not read."),
        ("file", "{}/file answers with the status 302."),
        ("user", "Name no user and no password in the URL: they would stand in lists of processes."),
        ("long", "{}/long is too long: a rules file has at most 1,048,576 bytes."),
        ("endless", "{}/endless is too long: a rules file has at most 1,048,576 bytes."),
        ("short", "{}/short does not answer: IncompleteRead."),
        ("garbage", "{}/garbage does not answer: BadStatusLine."),
    ],
)
def test_an_answer_that_is_no_rules_file_is_refused(base: str, path: str, sentence: str) -> None:
    assert refusal(f"{base}/{path}") == sentence.format(base)


@pytest.mark.parametrize("path", ["slow", "silent"])
def test_an_answer_that_never_ends_is_given_up(base: str, path: str) -> None:
    assert refusal(f"{base}/{path}", 0.2) == f"{base}/{path} did not answer within 0.2 seconds."


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://192.0.2.1/?secret", "http://192.0.2.1/ is not read: use https, because anybody on the way"),
        ("http://127.0.0.1.example/", "http://127.0.0.1.example/ is not read: use https"),
        ("http://localhost.example/", "http://localhost.example/ is not read: use https"),
        ("https://user:secret@192.0.2.1/", "Name no user and no password in the URL"),
        ("http://secret@127.0.0.1/", "Name no user and no password in the URL"),
        ("ftp://192.0.2.1/secret", "A rules file is read from a file or from an https URL."),
        ("file:///etc/passwd", "A rules file is read from a file or from an https URL."),
        ("https:///secret", "A rules file is read from a file or from an https URL."),
        ("https://[secret", "This is no URL that can be read."),
        ("https://192.0.2.1:99999/", "This is no URL that can be read."),
        ("http://127.0.0.1:1/x?secret", "http://127.0.0.1:1/x does not answer: Connection refused."),
        ("http://[::1]:1/x?secret", "http://[::1]:1/x does not answer: "),
    ],
)
def test_a_url_that_may_not_be_read_is_refused(url: str, sentence: str) -> None:
    assert refusal(url).startswith(sentence)


def test_another_protocol_behind_https_is_refused(base: str) -> None:
    """The server speaks plain HTTP where TLS is expected."""
    said = refusal(base.replace("http:", "https:") + "/rules")
    assert said.endswith("/rules does not answer: its certificate is not trusted, or its TLS is broken.")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@a.example:8443/x?y#z", "https://a.example:8443/x"),
        ("https://[::1]/x", "https://[::1]/x"),
        ("https://[x", "the URL"),
    ],
)
def test_what_is_shown_of_a_url(url: str, shown: str) -> None:
    assert sources.shown(url) == shown
