"""Rules files for tests: a few rules under a version later or earlier than the shipped one."""

from __future__ import annotations

from typing import Final

from workers.noise import rules_file, shipped

LATER: Final = "2999.1.1"
EARLIER: Final = "2001.1.1"


def text(*rules: str, version: str = LATER, head: str = "") -> bytes:
    """Return a rules file with these rules, each written ``ID CLASS CONDITION``: ``a bug paths = ["/"]``."""
    parts = [f'version = "{version}"\n{head}']
    for rule in rules:
        name, noise, conditions = rule.split(" ", 2)
        parts.append(f'[[rule]]\nid = "{name}"\nclass = "{noise}"\norigin = "a test"\n{conditions}\n')
    return "\n".join(parts).encode()


def shipped_and(*rules: str, version: str = LATER) -> bytes:
    """Return the shipped rules file with more rules after its own, under another version."""
    own = shipped.text().decode().replace(f'"{shipped.file().version}"', f'"{version}"', 1)
    _, _, more = text(*rules, version=version).decode().partition("\n")
    return (own + more).encode()


def sha256(content: bytes) -> str:
    """Return the hash by which a rules file is known."""
    return rules_file.sha256_of(content)
