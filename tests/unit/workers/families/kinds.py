"""The kind of the rows that each type of the Reporting API becomes."""

from __future__ import annotations

from typing import Final

KINDS: Final = {
    "csp-hash": "csp-hash",
    "integrity-violation": "integrity",
    "permissions-policy-violation": "permissions-policy",
    "potential-permissions-policy-violation": "permissions-policy",
    "feature-policy-violation": "permissions-policy",
    "potential-feature-policy-violation": "permissions-policy",
    "document-policy-violation": "document-policy",
    "coep": "coep",
    "coop": "coop",
    "deprecation": "deprecation",
    "intervention": "intervention",
    "crash": "crash",
    "network-error": "nel",
    "connection-allowlist": "unknown",
    "performance-observer": "unknown",
    "test": "unknown",
}
