"""Features that a page may not use (Permissions Policy, once Feature Policy), and those that a frame may not.

A *potential* violation is a frame's ``allow`` attribute that grants a feature which the page itself lacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workers.families import contract, reporting
from workers.reading import aliases, values

if TYPE_CHECKING:
    from workers.model import report
    from workers.reading.fields import FieldReader

KIND: Final = "permissions-policy"
_TYPE: Final = "permissions-policy-violation"
_POTENTIAL: Final = f"potential-{_TYPE}"


def normalise(item: report.Item) -> report.Report:
    """Return the violation: the feature is its directive, and the frame's URL is its blocked URL."""

    def details(read: FieldReader) -> dict[str, str]:
        return {
            "type": "" if item.type == _TYPE else item.type,
            "message": read.text("message"),
            "allow_attribute": read.text("allow", values.MAX_TEXT),
        }

    return reporting.read_report(KIND, item, aliases.PERMISSIONS_POLICY, details=details)


def title(found: report.Report) -> str:
    """Return which feature was refused to which page or frame."""
    feature = found.directive or "a feature"
    if found.details.get("type") == _POTENTIAL:
        return f"Frame {_of(found)}may not be allowed {feature}: its page has no permission"
    return f"Use of {feature} without permission"


def _of(found: report.Report) -> str:
    return f"from {reporting.place(found.blocked)} " if found.blocked.text else ""


FAMILY: Final = contract.Family(
    kind=KIND,
    types=(_TYPE, _POTENTIAL, "feature-policy-violation", "potential-feature-policy-violation"),
    names=aliases.PERMISSIONS_POLICY,
    normalise=normalise,
    title=title,
)
