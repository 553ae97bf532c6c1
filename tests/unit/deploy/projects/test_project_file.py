"""Projects as TOML: what is written is read again, and a file changes what it says and nothing else."""

from __future__ import annotations

import pytest

from deploy.projects import project_file
from storage.projects import model, project_settings, public_keys

SHOP = model.with_keys(
    model.Project(
        id=1,
        name="my shop",
        keys=(),
        settings=project_settings.ProjectSettings(
            retention=90, allowed_origins=("https://shop.example", "null")
        ),
    ),
    (
        public_keys.Key(key="lasting-key", created=1_760_000_000_123),
        public_keys.Key(key="ending-key", created=1, valid_until=1_790_000_000_001),
        public_keys.Key(key="disabled-key", state="disabled"),
    ),
)
BLOG = model.Project(id=2, name="blog", keys=("from-an-older-release",), status="retired")


def changes(text: str, *projects: model.Project) -> dict[str, list[str]]:
    steps = project_file.plan(projects, project_file.loads(text))
    return {step.wanted.name: step.changes for step in steps}


def test_what_is_written_changes_nothing_when_it_is_read() -> None:
    text = project_file.dumps([SHOP, BLOG])
    assert changes(text, SHOP, BLOG) == {"my shop": [], "blog": []}
    assert changes(text) == {"my shop": ["created"], "blog": ["created"]}
    shop, blog = project_file.loads(text)
    assert shop == ("my shop", 1, "active", SHOP.records, SHOP.settings)
    assert blog.applied(BLOG).records == BLOG.records


def test_only_what_is_not_the_default_is_written() -> None:
    text = project_file.dumps([SHOP])
    assert "retention = 90" in text
    assert "dedupe_window" not in text
    assert "created = 2025-10-09 08:53:20.123000+00:00" in text
    assert text.startswith("# Projects of Headrace")


def test_a_change_is_told_in_words() -> None:
    text = """
    [projects.store]
    id = 1
    status = "disabled"
    keys = [
        {key = "new-lasting-key"},
        {key = "ending-key", valid_until = 2027-01-01T00:00:00},
        {key = "disabled-key", state = "disabled"},
    ]
    settings = {dedupe_window = 0, allowed_origins = ["https://shop.example", "null"]}
    """
    assert changes(text, SHOP) == {
        "store": [
            "renamed from my shop",
            "status active → disabled",
            "dedupe_window 60 → 0",
            "retention 90 → 0",
            "key new-lasting-key added",
            "key lasting-key removed",
            "key ending-key changed",
        ]
    }


def test_what_a_file_leaves_out_stays_but_settings_become_the_default() -> None:
    assert changes('[projects."my shop"]', SHOP) == {
        "my shop": ["allowed_origins https://shop.example,null → empty", "retention 90 → 0"]
    }
    (wanted,) = project_file.loads("[projects.blog]")
    assert wanted.applied(BLOG) == BLOG


def test_another_order_of_keys_is_a_change() -> None:
    two = model.with_keys(BLOG, (public_keys.Key(key="first-key"), public_keys.Key(key="second-key")))
    text = '[projects.blog]\nkeys = [{key = "second-key"}, {key = "first-key"}]'
    assert changes(text, two) == {"blog": ["keys in another order"]}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[projects", "The file is no TOML: "),
        ("projects = 1", "Expected `object`, got `int` at projects."),
        ("x = 1", "Object contains unknown field `x`"),
        ("[projects.a]\nid = 0", "Expected `int` >= 1"),
        ("[projects.a]\nstate = 1", "unknown field `state`"),
        ("[projects.a]\nstatus = 'off'", "Invalid enum value 'off'"),
        ("[projects.a]\nstatus = 'deleted'", "projects.a: a file deletes nothing"),
        ("[projects.a.settings]\nnope = 1", "projects.a: There is no setting 'nope'"),
        ("[projects.a.settings]\ndedupe_window = '1'", "projects.a: dedupe_window is a whole number"),
        (
            "[projects.a.settings]\nallowed_origins = ['a b']",
            "projects.a: allowed_origins: 'a b' is no origin",
        ),
        ("[projects.a]\nkeys = []", "projects.a: A project keeps an enabled key"),
        ("[projects.a]\nkeys = [{key = 'x'}]", "projects.a: The key 'x' is not 8 to 64"),
        ("[projects.12]", "projects.12: A project name"),
        ("[projects.a]\nid = 3\n[projects.b]\nid = 3", "The id 3 stands there twice."),
    ],
)
def test_what_makes_no_sense_is_one_sentence_that_says_where(text: str, sentence: str) -> None:
    with pytest.raises(project_file.ProjectFileError) as caught:
        project_file.loads(text)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_belongs_to_one_project() -> None:
    with pytest.raises(
        project_file.ProjectFileError, match=r"projects.blog: project 2 has this name already"
    ):
        changes("[projects.blog]\nid = 1", SHOP, BLOG)
    with pytest.raises(project_file.ProjectFileError, match="has this name already"):
        changes("[projects.blog]\nid = 7", SHOP, BLOG)
