"""The reports that somebody asks about: of one project, of a period, and with what in their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.findings import periods
from storage import errors
from storage.servers import sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.servers import clickhouse

_SQL: Final = sql.beside(__name__)

HOSTS: Final = ("host", "document_host")
"""Filters by host, in which ``.example.com`` means the domain and all below it."""
PLAIN: Final = ("environment", "release", "kind", "directive", "disposition")
"""Filters by the exact value of a column."""
_ONLY_IN_REPORTS: Final = frozenset({"host", "document_host"})
"""The days of findings do not tell these."""
_FOLDED: Final = {"script-src-elem": "script-src", "style-src-elem": "style-src"}
"""Directives that older browsers do not tell apart, and that a fingerprint does not either."""
_ACTIVE: Final = ("active", "disabled", "retired")


class SelectError(errors.HeadraceError):
    """It is not clear which project or which reports are meant."""


class ProjectName(msgspec.Struct, frozen=True):
    """A project by id and name."""

    id: int
    name: str


class Filters(msgspec.Struct, frozen=True):
    """Conditions on columns: what each must hold, and what it must not.

    Args:
        wanted: the values of which a column must have one, by filter.
        unwanted: the values of which it must have none, by filter.
        noise: whether noise and the impossible are wanted too.
    """

    wanted: dict[str, list[str]] = {}
    unwanted: dict[str, list[str]] = {}
    noise: bool = False

    @property
    def need_reports(self) -> bool:
        """Whether only the reports can answer, and not the days of findings."""
        return not _ONLY_IN_REPORTS.isdisjoint([*self.wanted, *self.unwanted])


class ChosenReports(msgspec.Struct, frozen=True):
    """The reports of a project that are asked about; of one finding, or of all."""

    project: ProjectName
    filters: Filters
    period: periods.Period
    fingerprint: int | None = None

    @property
    def conditions(self) -> str:
        """The SQL of all conditions but project and period, to put behind those."""
        one = "" if self.fingerprint is None else _SQL["fingerprint"]
        return f"{conditions(self.filters)} {one}"

    @property
    def source(self) -> str:
        """The SQL of the rows: of the days of findings where they tell it, else of the reports."""
        exact = not self.period.whole or self.filters.need_reports
        source = _SQL["of_reports" if exact else "of_days"]
        return source.format(conditions=self.conditions)

    @property
    def parameters(self) -> dict[str, Any]:
        """The values for its SQL."""
        return {
            "project_id": self.project.id,
            "now_ms": self.period.now_ms,
            "since_ms": self.period.since_ms,
            "step_ms": self.period.step_ms,
            "step_days": max(self.period.step_ms // periods.DAY_MS, 1),
            "last_bar": self.period.bars - 1,
            "whole": int(self.period.whole),
            "fingerprint": self.fingerprint or 0,
            **values(self.filters),
        }


def checked(name: str, text: str) -> str:
    """Return the value of a filter as it was given.

    Raises:
        ValueError: the column of this filter never holds it; the message says what there is.
    """
    possible = _possible(name)
    if possible and text not in possible:
        raise ValueError(f"one of {', '.join(filter(None, possible))}")
    return text


def _possible(name: str) -> list[str]:
    """Return all values that the column of a filter can hold; none where it may hold anything."""
    if name == "kind":
        from workers import families  # noqa: PLC0415 - the families are slow to load

        return sorted({family.kind for family in families.ALL})
    return ["enforce", "report", ""] if name == "disposition" else []


def conditions(filters: Filters) -> str:
    """Return the SQL of the filters: fixed text, without any value."""
    parts = [] if filters.noise else [_SQL["without_noise"]]
    parts += [_SQL[name] for name in (*PLAIN, *HOSTS) if filters.wanted.get(name)]
    parts += [_SQL[f"not_{name}"] for name in (*PLAIN, *HOSTS) if filters.unwanted.get(name)]
    return " ".join(parts)


def values(filters: Filters) -> dict[str, Any]:
    """Return the values of the filters, by the names of the parameters in their SQL."""
    found: dict[str, Any] = {}
    for prefix, given in (("", filters.wanted), ("not_", filters.unwanted)):
        for name, texts in given.items():
            if name in HOSTS:
                found[f"{prefix}{name}"] = [text.lower().lstrip(".") for text in texts]
                found[f"{prefix}{name}_below"] = [text.lower() for text in texts if text.startswith(".")]
            else:
                found[f"{prefix}{name}"] = tuple(_FOLDED.get(text, text) for text in texts)
    return found


def find_project(server: clickhouse.Connection, name: str) -> ProjectName:
    """Return the project of this name or id, or the only one where no name is given.

    Raises:
        SelectError: there is none, or there are several.
    """
    found = server.execute(_SQL["projects"], {"states": _ACTIVE})
    known = [ProjectName(number, title) for number, title in found]
    if not name:
        return _only(known)
    for project in known:
        if name in {project.name, str(project.id)}:
            return project
    raise SelectError(f"There is no project {name!r}")


def _only(known: Sequence[ProjectName]) -> ProjectName:
    if len(known) == 1:
        return known[0]
    if not known:
        raise SelectError("There is no project yet: headrace project create makes one")
    names = ", ".join(project.name for project in known[:10])
    more = f" and {len(known) - 10} more" if len(known) > 10 else ""  # noqa: PLR2004 - enough to remember
    raise SelectError(f"Which project? Say --project with one of {names}{more}")
