"""The settings of a project in words: what is taken, what is refused, and that all of it is documented."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from deploy.projects import project_fields
from storage.projects import project_settings
from tests.helpers import house, paths

PAGE = paths.DOCS / "operate" / "project-settings.md"
NO_ORIGIN = "is no origin such as https://shop.example, https://*.example.com or null."
DEFAULTS = project_settings.ProjectSettings()


def row(field: project_fields.Field) -> str:
    default = project_fields.shown(field.default)
    shown = f"`{default}`" if default else "empty"
    return f"| `{field.name}` | {shown} | {field.expected} | {field.description} |"


def test_the_documentation_lists_every_setting_as_declared() -> None:
    table = PAGE.read_text("utf-8").partition("| setting |")[2].partition("\n\n")[0]
    assert table.splitlines()[2:] == [row(field) for field in project_fields.fields().values()]


@pytest.mark.parametrize("name", project_fields.fields())
def test_every_setting_has_an_effect(name: str) -> None:
    declaration = project_settings.__name__
    used = re.compile(rf"""\.{name}\b|["']{name}["']""")
    sources = [module for module in house.modules() if module.name != declaration]
    assert any(used.search(module.path.read_text("utf-8")) for module in sources), (
        f"no module but {declaration} reads {name}"
    )


@pytest.mark.parametrize("field", project_fields.fields().values(), ids=lambda field: field.name)
def test_every_default_and_example_is_accepted(field: project_fields.Field) -> None:
    assert field.check(msgspec.to_builtins(field.default)) == field.default
    assert field.read(project_fields.shown(field.default)) == field.default
    assert field.read("") == field.default
    for example in _schema(field)["examples"]:
        assert getattr(project_fields.from_plain({field.name: example}), field.name) is not None


def _schema(field: project_fields.Field) -> dict[str, Any]:
    declared: Any = msgspec.inspect.type_info(field.annotation)
    schema: dict[str, Any] = declared.extra_json_schema
    return schema


def test_values_are_assigned_and_reset() -> None:
    assignments = ["dedupe_window=0", " allowed_origins = https://a.example , null,", "max_partitions=5"]
    settings = project_fields.assigned(DEFAULTS, assignments)
    assert settings.dedupe_window == 0
    assert settings.allowed_origins == ("https://a.example", "null")
    assert project_fields.differences(DEFAULTS, settings) == [
        ("allowed_origins", "", "https://a.example,null"),
        ("dedupe_window", "60", "0"),
        ("max_partitions", "200", "5"),
    ]
    assert (
        project_fields.assigned(settings, ["dedupe_window=", "allowed_origins=", "max_partitions="])
        == DEFAULTS
    )


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("dedupe_window=x", "dedupe_window is a whole number from 0 to 86400: 'x' is not."),
        ("dedupe_window=-1", "dedupe_window is a whole number from 0 to 86400: '-1' is not."),
        ("sampling=maybe", "sampling is adaptive or fixed or off: 'maybe' is not."),
        ("sample_rate=2", "sample_rate is a number from 0.0001 to 1: '2' is not."),
        ("dedup_window=1", "There is no setting 'dedup_window'; did you mean dedupe_window?"),
        ("zzz=1", "There is no setting 'zzz'; project show lists them all."),
        ("dedupe_window", "'dedupe_window' is not of the form KEY=VALUE."),
        (
            "allowed_origins=ab c",
            f"allowed_origins: 'ab c' {NO_ORIGIN}",
        ),
    ],
)
def test_what_makes_no_sense_is_one_sentence(assignment: str, sentence: str) -> None:
    with pytest.raises(project_fields.SettingError) as caught:
        project_fields.assigned(DEFAULTS, [assignment])
    assert str(caught.value) == sentence


def test_files_are_typed_and_name_known_settings() -> None:
    assert project_fields.from_plain({"dedupe_window": 5}).dedupe_window == 5
    with pytest.raises(project_fields.SettingError, match="'5' is not"):
        project_fields.from_plain({"dedupe_window": "5"})
    with pytest.raises(project_fields.SettingError, match="no setting 'nope'"):
        project_fields.from_plain({"nope": 1})


def test_only_what_was_set_is_written() -> None:
    assert project_fields.plain(DEFAULTS) == {}
    settings = project_fields.assigned(DEFAULTS, ["retention=90", "allowed_origins=null"])
    assert project_fields.plain(settings) == {"retention": 90, "allowed_origins": ("null",)}
    assert project_fields.from_plain(project_fields.plain(settings)) == settings


def test_a_switch_is_on_or_off() -> None:
    form = msgspec.inspect.type_info(bool)
    field = project_fields.Field("light", "Shines.", "on or off", default=False, annotation=bool, form=form)
    assert [field.read(text) for text in ("on", "YES", "true", "off", "no", "False")] == [True] * 3 + [
        False
    ] * 3
    assert [project_fields.shown(value) for value in (True, False)] == ["on", "off"]
    with pytest.raises(project_fields.SettingError, match="light is on or off: 'maybe' is not"):
        field.read("maybe")


@pytest.mark.parametrize(
    ("annotation", "words"), [(bool, "on or off"), (str, "text"), (list[str], "text")], ids=str
)
def test_types_in_words(annotation: object, words: str) -> None:
    assert project_fields._words(msgspec.inspect.type_info(annotation)) == words
