"""HTTP public key pinning: a chain without a pinned key (RFC 7469 §3; Chrome 46 to 71, TrustKit in apps)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workers.families import certificates, contract, envelope
from workers.reading import aliases, values
from workers.text import cleaning

if TYPE_CHECKING:
    from workers.model import report
    from workers.reading.fields import FieldReader

KIND: Final = "hpkp"
_MAX_PIN: Final = 128
_APP: Final = ("app", "app_version", "app_platform", "app_platform_version", "trustkit_version")
_DISPOSITIONS: Final = {True: "enforce", False: "report", None: ""}


def normalise(item: report.Item) -> report.Report | report.Rejection:
    """Return the report. Only TrustKit says whether the pins were enforced."""
    read, sent = envelope.read(item, aliases.HPKP)
    disposition = _DISPOSITIONS[read.flag("enforce")]
    return certificates.report_of(KIND, read, sent.user_agent, disposition=disposition, details=_details)


def title(found: report.Report) -> str:
    """Return the title: which host's certificate chain held no pinned key."""
    return f"No pinned key in the certificate chain of {found.hostname}"


def _details(read: FieldReader) -> dict[str, str]:
    subdomains = read.flag("include_subdomains")
    return {
        "noted_hostname": certificates.hostname(read, "noted_hostname"),
        "include_subdomains": "" if subdomains is None else str(subdomains).lower(),
        "known_pins": _pins(read),
        **{field: read.text(field, _MAX_PIN) for field in _APP},
        "validation_result": str(read.integer("validation_result") or ""),
    }


def _pins(read: FieldReader) -> str:
    """Return the pins without the frame that some senders put around each, ``pin-sha256="…"``."""
    pins = (cleaning.clean(pin, _MAX_PIN) for pin in read.array("pins") if isinstance(pin, str))
    bare = (pin.removeprefix("pin-sha256=").strip("\"'") for pin in pins)
    return " ".join(bare)[: values.MAX_TEXT]


FAMILY: Final = contract.Family(
    kind=KIND,
    wrappers=("hpkp-report",),
    types=("hpkp",),
    names=aliases.HPKP,
    normalise=normalise,
    title=title,
)
