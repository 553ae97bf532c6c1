"""The settings of a project as people write and read them: each is explained, and an error is one sentence.

All of it derives from the declarations in ``storage.projects.project_settings``.
"""

from __future__ import annotations

import difflib
import functools
import typing
from typing import TYPE_CHECKING, Any, Final

import msgspec

from storage import errors
from storage.projects import project_settings
from workers import noise

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

_SWITCHES: Final = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}


class SettingError(errors.HeadraceError):
    """A setting of a project does not exist, or does not take this value."""


class Field(msgspec.Struct, frozen=True):
    """One setting.

    Attributes:
        name: as in ``project set``.
        description: its effect, in sentences.
        expected: the values that it takes, in words.
        default: its value unless it is set.
        annotation: its type with its bounds.
        form: the kind of its type.
    """

    name: str
    description: str
    expected: str
    default: Any
    annotation: Any
    form: msgspec.inspect.Type

    def read(self, text: str) -> object:
        """Return the value of a text on a command line; an empty text is the default.

        Raises:
            SettingError: the setting does not take it.
        """
        if not text:
            return self.default
        given: object = text
        if isinstance(self.form, msgspec.inspect.VarTupleType):
            given = [part.strip() for part in text.split(",") if part.strip()]
        elif isinstance(self.form, msgspec.inspect.BoolType):
            given = _SWITCHES.get(text.lower(), text)
        return self._converted(given, text, strict=False)

    def check(self, value: object) -> object:
        """Return the value of a setting in a file.

        Raises:
            SettingError: the setting does not take it.
        """
        return self._converted(value, value, strict=True)

    def _converted(self, value: object, given: object, *, strict: bool) -> object:
        try:
            return msgspec.convert(value, self.annotation, strict=strict)
        except msgspec.ValidationError as error:
            raise SettingError(f"{self.name} is {self.expected}: {given!r} is not.") from error


@functools.cache
def fields() -> dict[str, Field]:
    """Return all settings by name, in the order of their declaration."""
    hints = typing.get_type_hints(project_settings.ProjectSettings, include_extras=True)
    information = msgspec.inspect.type_info(project_settings.ProjectSettings)
    assert isinstance(information, msgspec.inspect.StructType)  # noqa: S101 - for the type checker
    return {field.name: _field(field, hints[field.name]) for field in information.fields}


def shown(value: object) -> str:
    """Return a value as ``project set`` takes it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value)


def assigned(
    settings: project_settings.ProjectSettings, assignments: Iterable[str], known_rules: Container[str] = ()
) -> project_settings.ProjectSettings:
    """Return the settings after ``KEY=VALUE`` assignments; ``KEY=`` sets the default.

    Args:
        settings: the settings before.
        assignments: what to assign.
        known_rules: ids of noise rules that settings may name beside those that are shipped.

    Raises:
        SettingError: a text is no assignment, names no setting, or has a wrong value.
    """
    values = msgspec.structs.asdict(settings)
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise SettingError(f"{assignment!r} is not of the form KEY=VALUE.")
        values[name.strip()] = _known(name.strip()).read(text.strip())
    return _built(values, known_rules)


def from_plain(
    given: Mapping[str, object], known_rules: Container[str] = ()
) -> project_settings.ProjectSettings:
    """Return the settings that a file names; the others have their default.

    Args:
        given: the settings of the file.
        known_rules: as in ``assigned``.

    Raises:
        SettingError: a name is no setting, or has a wrong value.
    """
    return _built({name: _known(name).check(value) for name, value in given.items()}, known_rules)


def plain(settings: project_settings.ProjectSettings) -> dict[str, Any]:
    """Return those settings that are not at their default, as JSON and TOML hold them."""
    found: dict[str, Any] = msgspec.to_builtins(settings)
    return found


def differences(
    before: project_settings.ProjectSettings, after: project_settings.ProjectSettings
) -> list[tuple[str, str, str]]:
    """Return each setting that differs: its name, its value before, and after."""
    return [
        (name, shown(getattr(before, name)), shown(getattr(after, name)))
        for name in fields()
        if getattr(before, name) != getattr(after, name)
    ]


def _built(values: Mapping[str, Any], known_rules: Container[str]) -> project_settings.ProjectSettings:
    try:
        settings = project_settings.ProjectSettings(**values)
    except ValueError as error:
        raise SettingError(str(error)) from error
    noise.check(settings, known_rules)
    return settings


def _known(name: str) -> Field:
    try:
        return fields()[name]
    except KeyError:
        near = difflib.get_close_matches(name, fields(), n=1)
        hint = f"did you mean {near[0]}?" if near else "project show lists them all."
        raise SettingError(f"There is no setting {name!r}; {hint}") from None


def _field(field: msgspec.inspect.Field, annotation: object) -> Field:
    declared: Any = field.type  # Metadata: a test asks every setting for its description
    description = declared.extra_json_schema["description"]
    return Field(field.name, description, _words(declared.type), field.default, annotation, declared.type)


def _words(form: msgspec.inspect.Type) -> str:
    """Return in words which values a type takes."""
    match form:
        case msgspec.inspect.IntType(ge=least, le=most):
            return f"a whole number from {least} to {most}"
        case msgspec.inspect.FloatType(ge=least, le=most):
            return f"a number from {least} to {most}"
        case msgspec.inspect.BoolType():
            return "on or off"
        case msgspec.inspect.LiteralType(values=values):
            return " or ".join(map(str, values))
        case msgspec.inspect.VarTupleType(max_length=most):
            return f"a list of at most {most}, separated by commas"
        case _:
            return "text"
