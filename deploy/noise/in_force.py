"""The noise rules in force, as commands see them: those that were loaded, or those of this release."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, NamedTuple

from storage.noise import published, rules_files
from workers.noise import rules_file, shipped

if TYPE_CHECKING:
    import redis

    from storage.servers import clickhouse


class InForce(NamedTuple):
    """The rules file in force.

    Attributes:
        common: the file.
        decided: the latest decision, which may name a file that an even newer release took the place of.
        note: a sentence about a file that was loaded and is not in force; "" if there is none.
    """

    common: rules_file.RulesFile
    decided: published.Decision
    note: str = ""

    @property
    def loaded(self) -> bool:
        """Whether the file was loaded, so that it is not the shipped one."""
        return self.common is not shipped.file()


def release() -> str:
    """Return the version of this release."""
    try:
        return metadata.version("headrace")
    except metadata.PackageNotFoundError:  # run from a checkout that was never installed
        return ""


def read(server: clickhouse.Connection) -> InForce:
    """Return the rules file that ClickHouse says is in force.

    Raises:
        ClickHouseUnavailableError: ClickHouse did not answer.
    """
    source = rules_files.RulesFiles(server)
    decided = source.in_force()
    file = source.find(decided.sha256) if decided.sha256 else None
    return _chosen(decided, file.text if file else None)


def read_published(client: redis.Redis) -> InForce:
    """Return the rules file that Redis tells workers.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    decided = published.read(client) or published.Decision()
    return _chosen(decided, published.read_text(client, decided.sha256) if decided.sha256 else None)


def known_ids(server: clickhouse.Connection) -> set[str]:
    """Return the ids of all rules that are or were in a file of this system: settings may name them.

    Raises:
        ClickHouseUnavailableError: ClickHouse did not answer.
    """
    return {name for file in rules_files.RulesFiles(server).list() for name in rules_file.ids_of(file.text)}


def _chosen(decided: published.Decision, text: bytes | None) -> InForce:
    own = shipped.file()
    if not decided.sha256:
        return InForce(own, decided)
    if text is None:
        return InForce(
            own, decided, f"The rules {decided.version} that were loaded are lost: load them again."
        )
    try:
        loaded = rules_file.parse(text, release())
    except rules_file.RuleError as error:
        return InForce(
            own, decided, f"The rules {decided.version} that were loaded are not used here: {error}"
        )
    if loaded.newer_than(own):
        return InForce(loaded, decided)
    return InForce(
        own, decided, f"The rules {loaded.version} that were loaded are not newer than the shipped ones."
    )
