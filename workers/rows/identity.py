"""When two reports are equal: every hash by which the pipeline compares reports, in one place.

========== ============================================== =================================================
hash       two reports are equal if they agree in         what it decides
========== ============================================== =================================================
digest     all that a row stores of their content         it is the part that the next two have in common
identity   the digest, the browser, details and rules     within a dedupe window they become one row
variant    the digest and the browser                     the cap on new variants counts them once
coarse key kind, disposition, directive, hosts and noise  beyond that cap they are reduced to the same report
========== ============================================== =================================================

The fingerprint is no equality: it groups reports that say different things of one finding
(``workers.stages.fingerprint``). ADR 26 says what follows when one of these hashes changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import xxhash

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workers.reading import user_agents
    from workers.stages import classify

_digest: Final = xxhash.xxh64_intdigest


def identity_of(
    finding: classify.Finding, agent: user_agents.Agent, details: Mapping[str, str], noise_version: str
) -> int:
    """Return the hash that is stored in the column ``identity``: equal rows of one window are added up.

    Args:
        finding: what the report says.
        agent: the browser that the report is about.
        details: what the pipeline itself adds to the details of the row.
        noise_version: version of the rules by which the report is labelled.
    """
    browser, version, system = agent
    text = f"{finding.digest or digest_of(finding)}\0{noise_version}\0{browser}\0{version}\0{system}"
    return _hash((text, *details, *details.values())) if details else _digest(text.encode())


def single_identity_of(shared: int, receipt: str, position: int) -> int:
    """Return the identity of a report that shares no row with others, because its project collapses none.

    Args:
        shared: the identity that it would have otherwise.
        receipt: the receipt of its payload.
        position: its index in the payload.
    """
    return _hash((str(shared), receipt, str(position)))


def variant_of(finding: classify.Finding, agent: user_agents.Agent) -> int:
    """Return the hash of a variant: a report as a row would store it, less its time."""
    return _hash((str(finding.digest or digest_of(finding)), *agent))


def coarse_key_of(finding: classify.Finding) -> int:
    """Return the hash of what is left of a report that is one variant too many, see ``limits.variants``."""
    found = finding.report
    return _hash(
        (
            found.kind,
            found.disposition,
            found.directive,
            found.blocked.host or found.blocked.text,
            found.document.host or found.document.text,
            found.hostname,
            finding.label.rule,
            str(int(finding.contradiction)),
        )
    )


def digest_of(finding: classify.Finding) -> int:
    """Return the hash of everything that a row stores of a report, less time, browser and raw text.

    The finding remembers it: one finding stands for all equal payloads of a batch. Each part is free of NUL,
    and the parts of varying number stand last.
    """
    found, label, details = finding.report, finding.label, finding.report.details
    text = (  # one text at once takes half the time of joining its parts
        f"{found.kind}\0{found.disposition}\0{finding.title}\0{found.directive}\0{found.blocked.text}\0"
        f"{found.document.text}\0{found.referrer_host}\0{found.source_file.text}\0{found.line}\0"
        f"{found.column}\0{found.sample}\0{found.hostname}\0{found.port}\0{finding.policy}\0"
        f"{found.status_code}\0{label.noise}\0{label.rule}\0{finding.contradiction:d}"
    )
    finding.digest = _hash((text, *details, *details.values())) if details else _digest(text.encode())
    return finding.digest


def _hash(parts: Iterable[str]) -> int:
    return _digest("\0".join(parts).encode())
