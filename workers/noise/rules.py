"""Noise rules and classes of noise."""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import Annotated, Final, Literal

import msgspec

CLASSES: Final = (
    "extension",
    "browser-internal",
    "injected",
    "antivirus",
    "proxy",
    "in-app",
    "translation",
    "local",
    "crawler",
    "bug",
    "test",
)
"""The classes of noise, as stored in the column ``noise``: never rename."""

RETIRED: Final = frozenset({"monetizus", "net-defender"})
"""Ids of rules that no longer exist, and that settings may still name."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Words = tuple[str, ...]
Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}\Z")]


class Rule(msgspec.Struct, frozen=True, kw_only=True, eq=False, forbid_unknown_fields=True):
    """The conditions that make a report noise. All kinds must hold; of a tuple one value is enough.

    Attributes:
        id: stored in ``noise_rule``: stable.
        noise: the class.
        origin: where the rule comes from, for a person.
        date: when the rule was last reviewed; None for a project rule.
        schemes: a URL's scheme, or a bare word instead of a URL, or as its host.
        hosts: a host, or with a leading dot a host and all hosts below it; in lower case.
        networks: the networks of a host that is an address.
        ports: explicit in the URL.
        paths: a path and all paths below it; ``*`` stands for any characters.
        except_paths: paths, and all paths below them, that the rule leaves alone.
        only: which URL to look at; "" looks at both.
        embedded: sites put what these hosts serve into their pages themselves: a blocked URL there is noise
            only if an extension or a user script is named as its source.
        embeds_page: only URLs on an address that name the page's own host in their path.
        queries: members of the query of the blocked URL, which must all be there.
        pages: hosts of the page, written as ``hosts`` are.
        policies: hosts, written as ``hosts`` are, that only software on the visitor's machine puts into a
            policy. They are taken out of the policy that is stored; alone they make no report noise.
        kinds: kinds of reports.
        samples: code that stands in the sample, its identifiers whole; only if no part of the page is named
            as the source of the code.
        sample_starts: code with which the sample begins; only as ``samples``.
        source_starts: text with which the source file begins, as it was sent. Such a text names no host.
        directives: effective directives.
        nothing_blocked: only reports that do not say what was blocked.
        own_host: only reports about URLs on the page's own host.
        impossible: only reports whose policy allows the blocked URL, and that no redirect explains.
        any_host: only reports about URLs on the page's own host that no redirect to another host explains:
            impossible reports, and reports on images, media and fonts whose policy allows any host.
        before: only browsers before this major version, by name in lower case.
        since: only browsers of this major version or a later one.
        agents: words of the user agent, in lower case.
        truthful: words of user agents whose scripts cannot lie about the file they come from.
        details: what the report's details must name.
        everywhere: also on pages of the rule's own hosts or networks. There a report is otherwise a real
            finding, because the code is not foreign.
    """

    id: Id
    noise: str = msgspec.field(name="class")
    origin: str
    date: dt.date | None = None
    schemes: Words = ()
    hosts: Words = ()
    networks: Words = ()
    ports: tuple[int, ...] = ()
    paths: Words = ()
    except_paths: Words = ()
    only: Literal["", "blocked", "source_file"] = ""
    embedded: bool = False
    embeds_page: bool = False
    queries: Words = ()
    pages: Words = ()
    policies: Words = ()
    kinds: Words = ()
    samples: Words = ()
    sample_starts: Words = ()
    source_starts: Words = ()
    directives: Words = ()
    nothing_blocked: bool = False
    own_host: bool = False
    impossible: bool = False
    any_host: bool = False
    before: dict[str, int] = {}
    since: dict[str, int] = {}
    agents: Words = ()
    truthful: Words = ()
    details: Words = ()
    everywhere: bool = False

    @property
    def has_url(self) -> bool:
        """Whether the rule has a condition on a URL."""
        return bool(self.schemes or self.hosts or self.networks or self.paths or self.embeds_page)

    @property
    def is_placed(self) -> bool:
        """Whether the rule is about certain hosts."""
        return bool(self.hosts or self.networks)

    @property
    def is_bare(self) -> bool:
        """Whether the rule asks of a URL for nothing but a scheme."""
        return bool(self.schemes) and not (self.is_placed or self.paths or self.ports)

    @property
    def is_loose(self) -> bool:
        """Whether an attacker could meet the rule, so that it labels reports but drops none by its class."""
        return bool(self.queries or self.embeds_page) and not self.is_placed

    @property
    def has_sample(self) -> bool:
        """Whether the rule has a condition on the sample."""
        return bool(self.samples or self.sample_starts)

    @property
    def has_agent(self) -> bool:
        """Whether the rule has a condition on the user agent."""
        return bool(self.before or self.since or self.agents)

    def conditions(self) -> dict[str, object]:
        """Return the conditions of the rule by name."""
        about = {"id", "class", "origin", "date"}
        asked: dict[str, object] = msgspec.to_builtins(self)
        return {name: value for name, value in asked.items() if value and name not in about}
