"""The report families: one module each, behind the contract of ``contract.Family``, and their registry."""

from __future__ import annotations

from typing import Final

from workers.families import contract, csp, expect_ct, hpkp, unknown

ALL: Final[tuple[contract.Family, ...]] = (csp.FAMILY, expect_ct.FAMILY, hpkp.FAMILY, unknown.FAMILY)
"""Every family, in the order in which their shapes are tried; ``unknown`` takes what no other knows."""

BY_TYPE: Final = {name: family for family in ALL for name in family.types}
"""The family of each Reporting API type."""
