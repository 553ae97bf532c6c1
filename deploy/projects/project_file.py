"""Projects as a TOML file, to keep in version control: reading one, writing one, and planning its changes.

A file describes the projects in it, and leaves all others alone. A setting that it leaves out has its
default; keys and a status that it leaves out stay as they are. A project with an ``id`` keeps it under
another name.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple

import msgspec
import tomli_w

from deploy.projects import project_fields
from storage import errors
from storage.projects import model, project_settings, public_keys, registry

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MS: Final = dt.timedelta(milliseconds=1)
_HEAD: Final = "# Projects of Headrace: `headrace project import FILE` makes them so.\n\n"


class ProjectFileError(errors.HeadraceError):
    """A file of projects cannot be used; none of its changes were made."""


class _Key(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    key: str
    state: Literal["enabled", "disabled"] = "enabled"
    created: dt.datetime | None = None
    valid_until: dt.datetime | None = None


class _Project(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    id: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)] | None = None
    status: model.Status | None = None
    keys: list[_Key] | None = None
    settings: dict[str, Any] = {}


class _ProjectFile(msgspec.Struct, forbid_unknown_fields=True):
    projects: dict[str, _Project]


class Wanted(NamedTuple):
    """One project as a file describes it.

    Attributes:
        name: the project's name.
        id: its id; None finds the project by its name.
        status: None leaves the status; a new project is active.
        keys: None leaves the keys; a new project gets one.
        settings: all settings.
    """

    name: str
    id: int | None
    status: model.Status | None
    keys: public_keys.Keys | None
    settings: project_settings.ProjectSettings

    def applied(self, project: model.Project) -> model.Project:
        """Return the project as the file describes it."""
        changed = msgspec.structs.replace(
            project, name=self.name, status=self.status or project.status, settings=self.settings
        )
        if self.keys is None:
            return changed
        known = {record.key: record.created for record in project.records}
        dated = tuple(
            msgspec.structs.replace(record, created=record.created or known.get(record.key, 0))
            for record in self.keys
        )
        return model.with_keys(changed, dated)


class Step(NamedTuple):
    """The change of one project by the import of a file.

    Attributes:
        wanted: the project as the file describes it.
        current: the project as it is; None for a new one.
        changes: one phrase for each change, for a person; empty when nothing changes.
    """

    wanted: Wanted
    current: model.Project | None
    changes: list[str]


def dumps(projects: Iterable[model.Project]) -> str:
    """Return a file that describes these projects; settings at their default are left out."""
    described = {
        project.name: msgspec.to_builtins(_described(project), builtin_types=(dt.datetime,))
        for project in projects
    }
    return _HEAD + tomli_w.dumps({"projects": described})


def loads(text: str, known_rules: Container[str] = ()) -> list[Wanted]:
    """Read and check a whole file.

    Args:
        text: the file.
        known_rules: ids of noise rules that settings may name beside those that are shipped.

    Raises:
        ProjectFileError: it is no TOML, or a value is wrong; the sentence names the value and its place.
    """
    try:
        found = msgspec.toml.decode(text, type=_ProjectFile)
    except msgspec.ValidationError as error:
        raise ProjectFileError(f"The file is not as it must be: {_spoken(str(error))}.") from error
    except msgspec.DecodeError as error:
        raise ProjectFileError(f"The file is no TOML: {error}.") from error
    wanted = [_wanted(name, project, known_rules) for name, project in found.projects.items()]
    ids = [project.id for project in wanted if project.id is not None]
    if twice := [number for number in ids if ids.count(number) > 1]:
        raise ProjectFileError(f"The id {twice[0]} stands there twice.")
    return wanted


def plan(projects: Sequence[model.Project], wanted: Iterable[Wanted]) -> list[Step]:
    """Return the changes that make the projects as a file describes them.

    Raises:
        ProjectFileError: a project would get a name that another one has.
    """
    steps = []
    by_id = {project.id: project for project in projects}
    by_name = {project.name: project for project in projects}
    for described in wanted:
        holder = by_name.get(described.name)
        current = holder if described.id is None else by_id.get(described.id)
        if holder is not None and holder is not current:
            raise ProjectFileError(f"projects.{described.name}: project {holder.id} has this name already.")
        steps.append(Step(described, current, list(_changes(described, current))))
    return steps


def apply(source: registry.Registry, step: Step) -> model.Project:
    """Make a project as a file describes it.

    Raises:
        HeadraceError: another command changed the projects after the plan was made.
    """
    wanted = step.wanted
    if step.current is not None:
        return source.change(str(step.current.id), wanted.applied)
    return source.create(
        wanted.name,
        wanted.keys or (),
        settings=wanted.settings,
        status=wanted.status or "active",
        number=wanted.id,
    )


def _described(project: model.Project) -> _Project:
    return _Project(
        id=project.id,
        status=project.status,
        keys=[
            _Key(
                key=record.key,
                state=record.state,
                created=_time(record.created) if record.created else None,
                valid_until=None if record.valid_until is None else _time(record.valid_until),
            )
            for record in project.records
        ],
        settings=project_fields.plain(project.settings),
    )


def _wanted(name: str, found: _Project, known_rules: Container[str]) -> Wanted:
    try:
        model.require_name(name)
        records = None if found.keys is None else public_keys.checked(tuple(map(_record, found.keys)))
        settings = project_fields.from_plain(found.settings, known_rules)
    except errors.HeadraceError as error:
        raise ProjectFileError(f"projects.{name}: {error}") from error
    if found.status == "deleted":
        raise ProjectFileError(f"projects.{name}: a file deletes nothing; project delete does.")
    return Wanted(name, found.id, found.status, records, settings)


def _record(found: _Key) -> public_keys.Key:
    return public_keys.Key(
        key=found.key,
        state=found.state,
        created=0 if found.created is None else _ms(found.created),
        valid_until=None if found.valid_until is None else _ms(found.valid_until),
    )


def _changes(wanted: Wanted, current: model.Project | None) -> Iterator[str]:
    if current is None:
        yield "created"
        return
    after = wanted.applied(current)
    if after.name != current.name:
        yield f"renamed from {current.name}"
    if after.status != current.status:
        yield f"status {current.status} → {after.status}"
    for name, was, becomes in project_fields.differences(current.settings, after.settings):
        yield f"{name} {was or 'empty'} → {becomes or 'empty'}"
    old, new = ({record.key: record for record in keys} for keys in (current.records, after.records))
    yield from (f"key {key} added" for key in new if key not in old)
    yield from (f"key {key} removed" for key in old if key not in new)
    yield from (f"key {key} changed" for key in new if key in old and new[key] != old[key])
    if not new.keys() ^ old.keys() and list(new) != list(old):
        yield "keys in another order"


def _time(ms: int) -> dt.datetime:
    return _EPOCH + ms * _MS


def _ms(time: dt.datetime) -> int:
    """Return milliseconds since the epoch; a time that names no zone is in UTC."""
    aware = time if time.tzinfo else time.replace(tzinfo=dt.UTC)
    return (aware - _EPOCH) // _MS


def _spoken(message: str) -> str:
    """Return the message of msgspec with the place in the file, without its notation."""
    what, _, where = message.partition(" - at `$.")
    return f"{what} at {where.rstrip('`')}" if where else what
