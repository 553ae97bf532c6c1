"""What a noise rule is, and which classes of noise there are."""

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
"""Ids that are no longer given, and that settings may still name."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Words = tuple[str, ...]
Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


class Rule(msgspec.Struct, frozen=True, kw_only=True, eq=False, forbid_unknown_fields=True):
    """What makes a report noise. Conditions of different kinds must all hold; of those in a tuple, one.

    Attributes:
        id: stored in ``noise_rule``: stable.
        noise: the class.
        origin: where the rule comes from, for a person.
        date: when it was last looked over; None for a project's own rule.
        schemes: a URL's scheme, or a bare word in its place.
        hosts: exact, or with a leading dot itself and all below it; lower case.
        networks: of a host that is an address.
        ports: explicit in the URL.
        paths: itself and all below it; ``*`` stands for any characters.
        only: which URL to look at; "" looks at both.
        samples: code that stands in the sample, its identifiers whole; only of code that nothing in the page
            put there.
        directives: effective directives.
        nothing_blocked: only reports that do not say what was blocked.
        own_host: only reports of what is on the page's own host.
        impossible: only reports whose policy allows what they say was blocked, and that no redirect explains.
        any_host: only reports of what is on the page's own host, and that no redirect to another explains:
            those that are impossible, and of images, media and fonts those whose policy allows any host.
        before: only browsers before this major version, by name in lower case.
        agents: words of the user agent, in lower case.
        truthful: words of user agents whose scripts cannot lie about the file they come from.
        details: what the report's details must name.
        everywhere: also on pages of the very hosts or networks. Otherwise what is foreign elsewhere is at
            home there, and a real finding.
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
    only: Literal["", "blocked", "source_file"] = ""
    samples: Words = ()
    directives: Words = ()
    nothing_blocked: bool = False
    own_host: bool = False
    impossible: bool = False
    any_host: bool = False
    before: dict[str, int] = {}
    agents: Words = ()
    truthful: Words = ()
    details: Words = ()
    everywhere: bool = False

    @property
    def has_place(self) -> bool:
        """Whether it asks for a URL."""
        return bool(self.schemes or self.hosts or self.networks or self.paths)

    @property
    def has_sample(self) -> bool:
        """Whether it asks for a sample."""
        return bool(self.samples)

    @property
    def has_agent(self) -> bool:
        """Whether it asks for a user agent."""
        return bool(self.before or self.agents)

    def conditions(self) -> dict[str, object]:
        """Return what it asks for, by name."""
        about = {"id", "class", "origin", "date"}
        asked: dict[str, object] = msgspec.to_builtins(self)
        return {name: value for name, value in asked.items() if value and name not in about}
