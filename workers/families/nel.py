"""Network Error Logging: a request that failed on its way or at the server, or that succeeded.

Only the IP version of the server's address is kept: behind a proxy the address is a person's.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from workers.families import contract, envelope, reporting
from workers.model import memo, report
from workers.reading import aliases, decode, fields, values

if TYPE_CHECKING:
    from workers.reading.fields import FieldReader
    from workers.text import urls

KIND: Final = "nel"
_MAX_METHOD: Final = 32
_LEAST_FRACTION: Final = 1e-6
"""The lowest share, one request in a million: no sender uses less, and one report must not outweigh all."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}

_WORDS: Final = {
    "dns.unreachable": "DNS server not reached",
    "dns.name_not_resolved": "Host name not found",
    "dns.failed": "DNS look-up failed",
    "dns.timed_out": "DNS look-up timed out",
    "dns.protocol": "DNS answer malformed",
    "dns.server": "DNS server failed",
    "dns.address_changed": "Address changed since the policy was set",
    "tcp.timed_out": "Connection timed out",
    "tcp.closed": "Connection closed by the server",
    "tcp.reset": "Connection reset",
    "tcp.refused": "Connection refused",
    "tcp.aborted": "Connection aborted",
    "tcp.address_invalid": "Address invalid",
    "tcp.address_unreachable": "Address unreachable",
    "tcp.failed": "Connection failed",
    "tls.version_or_cipher_mismatch": "No TLS version or cipher in common",
    "tls.bad_client_auth_cert": "Client certificate refused",
    "tls.cert.name_invalid": "Certificate is for another host",
    "tls.cert.date_invalid": "Certificate expired or not yet valid",
    "tls.cert.authority_invalid": "Certificate of an untrusted authority",
    "tls.cert.invalid": "Certificate invalid",
    "tls.cert.revoked": "Certificate revoked",
    "tls.cert.pinned_key_not_in_cert_chain": "No pinned key in the certificate chain",
    "tls.protocol.error": "TLS protocol error",
    "tls.failed": "TLS failed",
    "tls.unrecognized_name_alert": "Server does not know the TLS server name",
    "http.error": "HTTP error",
    "http.protocol.error": "HTTP protocol error",
    "http.failed": "HTTP request failed",
    "http.response.redirect_loop": "Redirects in a loop",
    "http.response.invalid": "HTTP response invalid",
    "http.response.invalid.empty": "HTTP response empty",
    "http.response.invalid.content_length_mismatch": "HTTP response shorter or longer than announced",
    "http.response.invalid.incomplete_chunked_encoding": "HTTP response cut off",
    "http.response.invalid.invalid_chunked_encoding": "HTTP response with a malformed chunk",
    "http.response.headers.truncated": "HTTP response headers cut off",
    "http.response.headers.multiple_content_disposition": "HTTP response with two Content-Dispositions",
    "http.response.headers.multiple_content_length": "HTTP response with two Content-Lengths",
    "http.response.headers.multiple_location": "HTTP response with two Locations",
    "http.request.range_not_satisfiable": "Range not satisfiable",
    "h2.ping_failed": "HTTP/2 ping unanswered",
    "h2.protocol.error": "HTTP/2 protocol error",
    "h3.protocol.error": "HTTP/3 protocol error",
    "sxg.failed": "Signed exchange failed",
    "sxg.parse_error": "Signed exchange malformed",
    "sxg.cert_fetch_error": "Certificate of a signed exchange not fetched",
    "sxg.cert_verification_error": "Certificate of a signed exchange not valid",
    "sxg.signature_verification_error": "Signature of a signed exchange not valid",
    "abandoned": "Request abandoned by the user",
    "ok": "Request succeeded",
    "unknown": "Request failed for an unknown reason",
    "": "Request failed for an unknown reason",
}


def normalise(item: report.Item) -> report.Report:
    """Return the network error: its directive is the type, and its document is the requested URL.

    Browsers name that URL in the envelope. Where a body names it, as in drafts, the envelope has the page.
    """
    read, sent = envelope.read(item, aliases.NEL)
    failed = read.url("requested")
    requested = failed if failed.text else reporting.document(read, sent)
    page = sent.url.host if failed.text else ""
    return report.Report(
        kind=KIND,
        directive=_type(read),
        document=requested,
        referrer_host=read.url("referrer").host or page,
        hostname=requested.host,
        port=_port(requested),
        status_code=read.integer("status_code", fields.MAX_STATUS),
        user_agent=sent.user_agent,
        age=sent.age,
        moments=_moments(read),
        weight=1 / float(read.read("sampling_fraction", _fraction_of, "1")),
        details=reporting.noted(read, _details(read)),
    )


def title(found: report.Report) -> str:
    """Return what happened to requests to which host: ``HTTP error 503: api.example.com``."""
    words = _WORDS.get(found.directive) or f"Network error {found.directive}"
    if found.directive == "http.error" and found.status_code:
        words = f"{words} {found.status_code}"
    return f"{words}: {found.hostname}" if found.hostname else words


def _type(read: FieldReader) -> str:
    """Return the type; the first drafts put ``http.`` before each."""
    name = reporting.word(read, "directive")
    if name in _WORDS:
        return name
    bare = name.removeprefix("http.")
    return bare if bare in _WORDS else name


def _moments(read: FieldReader) -> dict[str, str]:
    elapsed = read.integer("elapsed_time")
    return {"elapsed_time_ms": str(elapsed)} if elapsed else {}


def _details(read: FieldReader) -> dict[str, str]:
    return {
        "phase": reporting.word(read, "phase"),
        "protocol": read.text("protocol", _MAX_METHOD),
        "method": read.text("method", _MAX_METHOD),
        "ip_version": _ip_version(read.text("server_ip")),
        "sampling_fraction": read.read("sampling_fraction", _fraction_of, ""),
        **read.read("exchange", _exchange_of, {}),
    }


def _ip_version(address: str) -> str:
    if not address:
        return ""
    return "6" if ":" in address else "4"


@memo.remembered
def _fraction_of(sent: bytes) -> str | None:
    """Return how many of all requests are reported, more than 0 and at most 1, or None."""
    value = values.load(sent)
    try:
        fraction = float(value) if isinstance(value, (int, float, str)) else 0.0
    except (ValueError, OverflowError):
        return None
    if isinstance(value, bool) or not _LEAST_FRACTION <= fraction <= 1:
        return None
    return f"{fraction:g}"


def _exchange_of(sent: bytes) -> dict[str, str] | None:
    """Return the addresses of a signed exchange."""
    members = decode.members(sent)
    if members is None:
        return None
    read = fields.FieldReader(members, aliases.EXCHANGE)
    found = {name: read.url(name).text for name in ("outer", "inner")}
    return {f"exchange_{name}": url for name, url in found.items() if url}


@functools.lru_cache(maxsize=4096)
def _port(url: urls.URL) -> int:
    """Return the port of a cleaned URL, by default that of its scheme; 0 without a host."""
    return (url.port or _DEFAULT_PORTS.get(url.text.partition("://")[0], 0)) if url.host else 0


FAMILY: Final = contract.Family(
    kind=KIND, types=("network-error",), names=aliases.NEL, normalise=normalise, title=title
)
