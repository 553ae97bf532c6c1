"""The traces that a proxy leaves in the requests which it passes on.

Behind a proxy that the settings do not name, all senders seem to be one. Browsers send reports with none of
these headers, and scripts may not add them: the edge's answer to a preflight does not allow it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_STANDARD: Final = """
    cdn-loop forwarded max-forwards surrogate-capability traceparent tracestate via
"""
"""RFC 8586, RFC 7239, RFC 9110, Edge Architecture Specification (W3C), Trace Context (W3C)."""

_FORWARDED: Final = """
    forwarded-for forwarded-proto x-forward-for x-forwarded x-forwarded-by x-forwarded-client-cert
    x-forwarded-client-ip x-forwarded-for x-forwarded-host x-forwarded-method x-forwarded-path
    x-forwarded-port x-forwarded-prefix x-forwarded-proto x-forwarded-protocol x-forwarded-scheme
    x-forwarded-server x-forwarded-ssl x-forwarded-tls-client-cert x-forwarded-tls-client-cert-info
    x-forwarded-uri x-original-for x-original-forwarded-for x-original-host x-original-proto x-original-uri
    x-original-url x-rewrite-url z-forwarded-for
"""
"""These tell what the request was before it was passed on."""

_ADDRESSES: Final = """
    client-ip http-client-ip proxy-client-ip real-ip remote-ip true-client-ip wl-proxy-client-ip x-client-ip
    x-client-port x-cluster-client-ip x-host x-originating-ip x-proxyuser-ip x-real-host x-real-ip x-real-port
    x-remote-addr x-remote-ip x-remote-port x-true-client-ip
"""
"""These tell whose request it was."""

_SECURED: Final = """
    front-end-https ssl-client-cert ssl-client-verify wl-proxy-ssl x-client-cert x-client-verify x-https
    x-scheme x-ssl x-ssl-cipher x-ssl-client-cert x-ssl-client-verify x-ssl-protocol x-url-scheme
"""
"""These tell that TLS ended in front of the edge."""

_TRACED: Final = """
    b3 grpc-trace-bin uber-trace-id x-b3-flags x-b3-parentspanid x-b3-sampled x-b3-spanid x-b3-traceid
    x-correlation-id x-datadog-parent-id x-datadog-trace-id x-ot-span-context x-queue-start x-request-id
    x-request-start x-trace-id x-unique-id
"""
"""By these, a request is found again in the logs of several services."""

_PRODUCTS: Final = """
    ngrok-trace-id tailscale-user-login x-accel-internal x-bluecoat-via x-envoy-attempt-count
    x-envoy-decorator-operation x-envoy-expected-rq-timeout-ms x-envoy-external-address x-envoy-internal
    x-envoy-original-path x-envoy-peer-metadata x-envoy-peer-metadata-id x-imforwards x-kong-request-id
    x-proxy-id x-varnish
"""
"""Proxies and caches that people run themselves add these."""

_CLOUDS: Final = """
    cf-connecting-ip cf-connecting-ipv6 cf-ew-via cf-ipcountry cf-pseudo-ipv4 cf-ray cf-visitor cf-worker
    cloudfront-forwarded-proto cloudfront-viewer-address cloudfront-viewer-country x-amz-cf-id
    x-amzn-mtls-clientcert x-amzn-request-id x-amzn-tls-cipher-suite x-amzn-tls-version x-amzn-trace-id
    x-appengine-country x-appengine-user-ip x-cloud-trace-context x-goog-iap-jwt-assertion
    disguised-host was-default-hostname x-appgw-trace-id x-arr-log-id x-arr-ssl x-azure-clientip
    x-azure-fdid x-azure-ref x-azure-requestchain x-azure-socketip x-waws-unencoded-url
"""
"""Cloudflare, Amazon, Google and Microsoft add these."""

_NETWORKS: Final = """
    akamai-origin-hop x-akamai-config-log-detail x-akamai-edgescape x-akamai-request-id
    fastly-client fastly-client-ip fastly-ff fastly-ssl x-timer
    incap-client-ip x-incap-client-ip x-cdn x-sucuri-clientip x-sucuri-country
    ali-cdn-real-ip ali-cdn-real-port eagleeye-traceid cdn-src-ip cdn-requestcountrycode cdn-requestid x-pull
    connect-time do-connecting-ip fly-client-ip fly-forwarded-port fly-forwarded-proto fly-region
    fly-request-id rndr-id total-route-time x-nf-client-connection-ip x-nf-request-id x-railway-edge
    x-railway-request-id x-vercel-forwarded-for x-vercel-id x-vercel-proxied-for
"""
"""Other networks that deliver content, guard sites or host applications add these."""

_ALL: Final = frozenset(
    name.encode()
    for names in (_STANDARD, _FORWARDED, _ADDRESSES, _SECURED, _TRACED, _PRODUCTS, _CLOUDS, _NETWORKS)
    for name in names.split()
)
_OLD: Final = "1.0"
"""The version of HTTP that nginx speaks to what is behind it unless it is told otherwise. No browser does."""


def any_in(scope: dict[str, Any], headers: Iterable[bytes]) -> bool:
    """Say whether a request shows that a proxy passed it on.

    Args:
        scope: the ASGI scope of the request.
        headers: names of the request's headers, in lower case.
    """
    return scope.get("http_version") == _OLD or not _ALL.isdisjoint(headers)
