"""Where secrets hide in reports: names that say so, URLs in every spelling, nonces, texts that quote one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAMES: Final = [
    "request_headers",
    "response_headers",
    "request-headers",
    "requestHeaders",
    "RequestHeaders",
    "REQUEST_HEADERS",
    "headers",
    "sessionToken",
    "session_token",
    "session-token",
    "SESSION_TOKEN",
    "session.token",
    "data[token]",
    "tokens",
    "accessToken",
    "refresh_token",
    "id-token",
    "idToken",
    "client-secret",
    "clientSecret",
    "secrets",
    "sharedSecret",
    "private-key",
    "privateKey",
    "PRIVATE_KEY",
    "api.key",
    "apiKey",
    "APIKEY",
    "x-api-key",
    "accountKey",
    "encryption_key",
    "AWSSecretAccessKey",
    "signingKey",
    "xForwardedFor",
    "x-forwarded-for",
    "X_FORWARDED_FOR",
    "forwarded",
    "x-real-ip",
    "set-cookie",
    "setCookie",
    "cookies",
    "Cookie",
    "cookie2",
    "authorization",
    "Authorisation",
    "proxy-authorization",
    "proxyAuthorization",
    "bearer",
    "auth",
    "authHeader",
    "oauth_verifier",
    "credentials",
    "password",
    "passwd",
    "pwd",
    "pass",
    "userPassword",
    "passphrase",
    "jwt",
    "csrfmiddlewaretoken",
    "X-CSRF-Token",
    "xsrf",
    "sessionid",
    "JSESSIONID",
    "PHPSESSID",
    "sid",
    "connect.sid",
    "nonce",
    "otp",
    "remoteAddr",
    "remote_addr",
    "clientIp",
    "client_ip",
    "serverIP",
    "serverip",
    "ip",
    "IP",
    "ipAddress",
    "ip_address",
    "X-Client-IP",
    "ipv4",
    "ipv6",
    "peerAddress",
    "private_ip",
    "hostIP",
    "src_ip",
    "email",
    "userEmail",
    "e_mail",
    "username",
    "user_id",
    "ssn",
    "cvv",
    "creditCard",
    "card_number",
    "iban",
    "phone",
    "vendorId",
    "app-vendor-id",
    "deviceId",
    "\uff54\uff4f\uff4b\uff45\uff4e",
    "to\u200bken",
]
"""Names of members that are private, as senders and frameworks spell them."""

BELOW: Final[tuple[Callable[[str], Any], ...]] = (
    lambda secret: secret,
    lambda secret: [secret],
    lambda secret: {"a": secret},
    lambda secret: {"a": [{"b": [secret]}]},
    lambda secret: {secret: 1},
    lambda secret: f" {secret}\n",
)
"""What may stand below a private name."""

PAIRS: Final[tuple[Callable[[str], Any], ...]] = (
    lambda secret: {"name": "Cookie", "value": secret},
    lambda secret: {"Name": "Cookie", "Value": [secret]},
    lambda secret: {"header": "authorization", "val": {"x": secret}},
    lambda secret: {"value": secret, "key": "X-Api-Key"},
    lambda secret: ["Cookie", secret],
    lambda secret: ["Host", "a.example", "Proxy-Authorization", {"x": secret}],
)
"""Values whose name is a value itself."""


def _each(text: str, spelled: Callable[[str], str], which: str = ":/?#@=") -> str:
    return "".join(spelled(char) if char in which else char for char in text)


SPELLINGS: Final[dict[str, Callable[[str], str]]] = {
    "plain": lambda url: url,
    "capitals": lambda url: url.replace("https", "HTTPS").replace("a.example", "A.Example"),
    "backslashes": lambda url: url.replace("/", "\\"),
    "escaped slashes": lambda url: url.replace("/", "\\/"),
    "twice escaped slashes": lambda url: url.replace("/", "\\\\/"),
    "u002F": lambda url: _each(url, lambda char: f"\\u{ord(char):04X}"),
    "u002f, slashes alone": lambda url: _each(url, lambda char: f"\\u{ord(char):04x}", "/"),
    "u{2f}": lambda url: _each(url, lambda char: f"\\u{{{ord(char):x}}}"),
    "x2f": lambda url: _each(url, lambda char: f"\\x{ord(char):02x}"),
    "2f of style sheets": lambda url: _each(url, lambda char: f"\\{ord(char):x} ", ":/"),
    "octal": lambda url: _each(url, lambda char: f"\\{ord(char):o}", ":/"),
    "percent": lambda url: _each(url.replace("%", "%25"), lambda char: f"%{ord(char):02X}"),
    "percent in lower case": lambda url: _each(url, lambda char: f"%{ord(char):02x}"),
    "percent twice": lambda url: _each(url, lambda char: f"%25{ord(char):02X}"),
    "percent, scheme too": lambda url: _each(url, lambda char: f"%{ord(char):02X}", "htps:/?"),
    "%u002F": lambda url: _each(url, lambda char: f"%u{ord(char):04X}"),
    "entities": lambda url: _each(url, lambda char: f"&#x{ord(char):X};"),
    "decimal entities": lambda url: _each(url, lambda char: f"&#{ord(char)};"),
    "escaped entities": lambda url: _each(url, lambda char: f"&amp;#x{ord(char):x};"),
    "named entities": lambda url: url.replace(":", "&colon;").replace("/", "&sol;").replace("?", "&quest;"),
    "fullwidth": lambda url: _each(url, lambda char: chr(ord(char) + 0xFEE0)),
}
"""Ways to write a URL down."""

URLS: Final = (
    "https://a.example/x?token={}",
    "https://a.example/x?{}",
    "https://a.example/#{}",
    "https://a.example/x;y?z=1&a[b]={}#c",
    "https://u:{}@a.example/x",
    "https://{}@a.example/",
    "wss://a.example/?a=b&c={}",
    "ftp://u:{}@a.example/",
    "https:a.example/?x={}",
    "https:/a.example/?x={}",
    "https:///a.example/?x={}",
    "https://[::1]:8443/?{}",
    "https://a.example?{}",
    "https://a.example/go/https://b.example/?{}",
    "https://a.example/go/https://u:{}@b.example/",
    "//a.example/x?{}",
    "//u:{}@a.example/x",
)
"""URLs with a secret where it is cut."""

CONTENT: Final = (
    "javascript:alert('{}')",
    "JavaScript:alert({})",
    "java\tscript:x('{}')",
    "ja\nva\rscript:{}",
    "\ufeffjavascript:{}",
    "javascript&colon;alert/{}",
    "&#106;avascript:{}/",
    "\\x6aavascript:{}/",
    "vbscript:{}",
    "blob:https://a.example/{}",
    "BLOB:null/{}",
    " \tblob:{}",
    "filesystem:https://a.example/{}",
    "data:text/html,<script>{}</script>",
    "DATA:text/plain,{}",
    "data:,{}",
    "data:text/html;base64,{}",
    "mailto:jane@x.example?subject={}",
    "mailto:{}@x",
    "tel:+49{}",
    "sms:{}",
    "view-source:https://a.example/?{}",
    "intent://{}#Intent;x;end",
    "about:blank#{}",
    "about:srcdoc?{}",
    "file:///home/{}/x",
    "C:\\Users\\{}",
    "jar:https://a.example!/{}",
    "urn:uuid:{}",
    "myapp:login/{}",
    "MyApp:login/{}",
    "  myapp:login/{}",
    "my\tapp:login/{}",
    "\u200bmyapp:x/{}",
    "myapp://login/{}",
    "web+foo:x/{}",
    "chrome-extension://{}/x.js",
    "moz-extension://{}/x.js?{}",
)
"""URLs that lead to no place on the network."""

BARE: Final = ("myapp:{}", "%6Dyapp:{}")
"""URLs that are none within text: nobody knows the scheme, and nothing looks like a path."""

NONCES: Final = (
    "script-src 'nonce-{}' 'self'",
    "script-src 'NONCE-{}'",
    "script-src 'nonce-{}",
    'script-src "nonce-{}"',
    "script-src 'self' 'nonce-{}==';img-src x",
    "script-src %27nonce-{}%27",
    "script-src &#39;nonce-{}&#39;",
    "script-src \\u0027nonce-{}\\u0027",
    "script-src\t'nonce-{}'",
    "script-src \u2018nonce-{}\u2019",
    "script-src nonce-{}",
    "script-src 'nonce- {}'",
    '<script nonce="{}">',
    "nonce: '{}'",
)
POLICY_NAMES: Final = [
    "original-policy",
    "originalPolicy",
    "original_policy",
    "violated-directive",
    "effective-directive",
    "violatedDirective",
    "effectiveDirective",
    "policy",
    "csp",
    "Content-Security-Policy",
    "message",
    "sample",
    "anything",
]
"""Where the text of a policy may stand."""

TEXTS: Final = (
    'document.cookie="sid={}"',
    "document.cookie = 'a=b; c={}'",
    "Cookie: a=b; sid={}",
    "Set-Cookie: x={}; Path=/",
    "Authorization: Basic {}",
    "Proxy-Authorization: Bearer {}",
    "Authorization%3A%20Basic%20{}",
    "X-Forwarded-For: {}",
    "X-Api-Key: {}1",
    "password='{}'",
    'x.secret = "a\\"{}"',
    "x.jwt = `{}`",
    '{{"token":"{}"}}',
    '{{\\"token\\":\\"{}\\"}}',
    '{{"passwords":["{}"]}}',
    '<input name="csrf" value="{}">',
    "<meta name=csrf-token content='{}'>",
    "<token>{}</token>",
    "setItem('token', '{}')",
    "setRequestHeader('Authorization','{}')",
    "a.example&password={}",
    "?token={}",
    "#access_token={}",
    "fetch('/reset?{}')",
    "fetch('reset?token={}')",
    "location='/x?a=1&b={}'",
    "fetch('https://a.example/?q=\"{}\"')",
    "fetch('https://a.example/?q=a b {}')",
    "GET /reset?token={} HTTP/1.1",
    "visit a.example/reset?token={} now",
    "PHPSESSID={}1",
    'Cookie: a="{}"',
    "Set-Cookie: a='b'; c={}",
    'curl -H "Cookie: a={}" -v',
    'Authorization: Digest username="x", response="{}"',
    '[{{"name":"Cookie","value":"{}"}}]',
    'x.headers = {{"a":"{}"}}',
    "https://a.example/a b?{}",
    'https://a.example/x?a="b"&c={}',
    "https://a.example/?a<b>{}",
    "https://us er:{}@a.example/",
    "https://a.example/x;jsessionid={}",
    "javascript:\n{}",
)
"""Texts that say what their secret is."""

QUOTING: Final = ("{}", "see '{}' now", 'fetch("{}")', "a {} b", "x=`{}`", "url({})")
"""How a text may quote a URL."""


def urls(secret: str) -> Iterator[str]:
    """Yield every URL in every spelling."""
    for spelled in SPELLINGS.values():
        for url in URLS:
            before, _, after = url.partition("{}")
            yield f"{spelled(before)}{secret}{spelled(after)}"


def filled(template: str, secret: str) -> str:
    """Return a template with its secret."""
    return template.replace("{}", secret).replace("{{", "{").replace("}}", "}")
