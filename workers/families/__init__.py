"""The report families: one module each, behind the contract of ``contract.Family``, and their registry."""

from __future__ import annotations

from typing import Final

from workers.families import (
    coep,
    connection_allowlist,
    contract,
    coop,
    crash,
    csp,
    csp_hash,
    deprecation,
    document_policy,
    expect_ct,
    expect_staple,
    hpkp,
    integrity,
    intervention,
    nel,
    permissions_policy,
    unknown,
)
from workers.reading import fields

ALL: Final[tuple[contract.Family, ...]] = (
    csp.FAMILY,
    expect_ct.FAMILY,
    hpkp.FAMILY,
    expect_staple.FAMILY,
    nel.FAMILY,
    csp_hash.FAMILY,
    integrity.FAMILY,
    permissions_policy.FAMILY,
    document_policy.FAMILY,
    coep.FAMILY,
    coop.FAMILY,
    deprecation.FAMILY,
    intervention.FAMILY,
    crash.FAMILY,
    connection_allowlist.FAMILY,
    unknown.FAMILY,
)
"""Every family, in the order in which their shapes are tried; ``unknown`` takes each type no other knows."""

BY_TYPE: Final = {name: family for family in ALL for name in family.types}
"""The family of each Reporting API type."""

WRAPPERS: Final = {
    spelling: family
    for family in ALL
    for wrapper in family.wrappers
    for spelling in fields.spellings(wrapper)
}
"""The family of each wrapper in each spelling, in the order in which they are looked for."""

MARKS: Final = {
    frozenset(spelled): family
    for family in ALL
    for marks in family.marks
    for spelled in zip(*map(fields.spellings, marks), strict=True)
}
"""The family of each set of members that marks a report without a wrapper, in the same order."""
