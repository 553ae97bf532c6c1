"""The report families: one module each, behind the contract of ``contract.Family``, and their registry."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

from workers.reading import fields

if TYPE_CHECKING:
    from workers.families import contract

_MODULES: Final = (
    "csp",
    "expect_ct",
    "hpkp",
    "expect_staple",
    "nel",
    "csp_hash",
    "integrity",
    "permissions_policy",
    "document_policy",
    "coep",
    "coop",
    "deprecation",
    "intervention",
    "crash",
    "connection_allowlist",
    "unknown",
)
"""The module of each family, in the order in which the shapes of the families are tried.

``unknown`` is the last: it takes each type that no other family knows.
"""

ALL: Final[tuple[contract.Family, ...]] = tuple(
    importlib.import_module(f"workers.families.{name}").FAMILY for name in _MODULES
)
"""Every family, in the same order."""

BY_TYPE: Final = {name: family for family in ALL for name in family.types}
"""The family of each Reporting API type."""

WRAPPERS: Final = {
    spelling: family
    for family in ALL
    for wrapper in family.wrappers
    for spelling in fields.spellings(wrapper)
}
"""The family of each wrapper in each spelling, in the order in which they are looked for."""
