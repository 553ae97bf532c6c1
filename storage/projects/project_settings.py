"""The settings of a project: one typed struct from which commands, files and documentation derive.

The declaration of a setting says what the setting does, and in which bounds. So the commands that set, show
and export settings know a new setting by themselves, and a test compares the documentation with it.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from storage.projects import origins, retention_rules

NO_LIMIT: Final = "no_limit"
"""In the declaration of a setting that limits how many reports are accepted: the value that sets no limit."""


class ProjectSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The settings of one project. Lists are tuples, so that results are cached by the settings' hash."""

    allowed_origins: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            description=(
                "Patterns of the origins that may report, for the header Origin, else Referer, and for "
                "the document of each report. Without a pattern every origin may report; null stands for "
                "a report without an origin."
            ),
            max_length=origins.MAX_PATTERNS,
            examples=[["https://shop.example", "https://*.example.com", "null"]],
        ),
    ] = ()
    dedupe_window: Annotated[
        int,
        msgspec.Meta(
            description="Seconds over which equal reports collapse into one row; 0 keeps every report.",
            ge=0,
            le=86_400,
            examples=[60, 0],
        ),
    ] = 60
    max_partitions: Annotated[
        int,
        msgspec.Meta(
            description=(
                "The most live pairs of environment and release; a quarter of them may be new in an hour."
                " Quiet ones move into the archive. Reports of further pairs are stored under release"
                " (other)."
            ),
            ge=1,
            le=10_000,
            examples=[200],
        ),
    ] = 200
    retention: Annotated[
        int,
        msgspec.Meta(
            description=(
                "Days that reports are kept; maintenance removes them within three more. 0 keeps them for "
                "ever. The counts in outcomes stay."
            ),
            ge=0,
            le=36_500,
            examples=[90, 0],
        ),
    ] = 0
    retention_rules: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            description=(
                "Days that reports of single releases and environments are kept instead, each written"
                " DAYS environment=NAME release=NAME, one of both or both. Of several that match, the one"
                " that names the release counts, then the one that names the environment."
            ),
            max_length=200,
            examples=[["7 environment=staging", "0 release=2.0.0"]],
        ),
    ] = ()
    noise_off: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            description="Classes of noise, and ids of noise rules, that are not labelled.",
            max_length=500,
            examples=[["crawler", "google-translate"]],
        ),
    ] = ()
    noise_drop: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            description=(
                "Classes of noise, and ids of noise rules, whose reports are not stored, only counted."
            ),
            max_length=500,
            examples=[["extension", "live-reload"]],
        ),
    ] = ()
    noise_rules: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            description=(
                "Noise rules of the project's own, each written ID CLASS CONDITION…; they come first."
            ),
            max_length=200,
            examples=[["chat-widget extension host=.chat.example path=/widget/"]],
        ),
    ] = ()
    scrub_off: Annotated[
        tuple[Literal["emails", "cards", "tokens", "uuids"], ...],
        msgspec.Meta(
            description=(
                "Kinds of secrets that are stored as they were sent, instead of a placeholder: emails, "
                "cards, tokens, uuids. Queries, fragments, user info and client addresses are never "
                "stored."
            ),
            max_length=4,
            examples=[["uuids"]],
        ),
    ] = ()
    quota_per_minute: Annotated[
        int,
        msgspec.Meta(
            description="Reports that the project may have accepted in any minute; 0 sets no limit.",
            ge=0,
            le=10**12,
            examples=[60_000, 0],
            extra={NO_LIMIT: 0},
        ),
    ] = 0
    quota_per_day: Annotated[
        int,
        msgspec.Meta(
            description="Reports that the project may have accepted in any 24 hours; 0 sets no limit.",
            ge=0,
            le=10**12,
            examples=[5_000_000, 0],
            extra={NO_LIMIT: 0},
        ),
    ] = 0
    key_quota_per_minute: Annotated[
        int,
        msgspec.Meta(
            description="Reports that each public key may have accepted in any minute; 0 sets no limit.",
            ge=0,
            le=10**12,
            examples=[10_000, 0],
            extra={NO_LIMIT: 0},
        ),
    ] = 0
    key_quota_per_day: Annotated[
        int,
        msgspec.Meta(
            description="Reports that each public key may have accepted in any 24 hours; 0 sets no limit.",
            ge=0,
            le=10**12,
            examples=[1_000_000, 0],
            extra={NO_LIMIT: 0},
        ),
    ] = 0
    quota_burst: Annotated[
        int,
        msgspec.Meta(
            description=(
                "Reports that a quota lets through in one second; with 0, one second may use up the whole"
                " quota."
            ),
            ge=0,
            le=10**12,
            examples=[2_000, 0],
        ),
    ] = 0
    sampling: Annotated[
        Literal["off", "fixed", "adaptive"],
        msgspec.Meta(
            description=(
                "Which reports are kept: all (off), a fixed share of each finding's (fixed), or as many as "
                "fit into a budget, the most frequent findings giving way first (adaptive)."
            ),
            examples=["off", "adaptive"],
            extra={NO_LIMIT: "off"},
        ),
    ] = "off"
    sample_rate: Annotated[
        float,
        msgspec.Meta(
            description="Share of each finding's reports that fixed sampling keeps.",
            ge=0.0001,
            le=1,
            examples=[0.1, 1.0],
        ),
    ] = 1.0
    sample_budget: Annotated[
        int,
        msgspec.Meta(
            description="Reports a minute that adaptive sampling keeps of the project.",
            ge=1,
            le=10**12,
            examples=[10_000],
        ),
    ] = 10_000
    new_variants_per_hour: Annotated[
        int,
        msgspec.Meta(
            description=(
                "Variants (reports that differ from all earlier ones) that the project may have in an "
                "hour; further variants collapse to the hosts that they name. 0 sets no limit."
            ),
            ge=0,
            le=1_000_000,
            examples=[10_000, 0],
            extra={NO_LIMIT: 0},
        ),
    ] = 0
    quarantine_per_hour: Annotated[
        int,
        msgspec.Meta(
            description=(
                "Bytes that the project may add to the quarantine in an hour; further payloads are "
                "counted as invalid, and not kept. 0 sets no limit."
            ),
            ge=0,
            le=10**12,
            examples=[67_108_864, 0],
        ),
    ] = 67_108_864
    retry_window: Annotated[
        int,
        msgspec.Meta(
            description=(
                "Seconds within which a report that a browser sends again is counted once; 0 counts it "
                "each time. Chrome tries for 15 minutes, and each try takes its time on the way."
            ),
            ge=0,
            le=3_600,
            examples=[1200, 0],
        ),
    ] = 1200
    reach: Annotated[
        Literal["on", "off"],
        msgspec.Meta(
            description=(
                "Whether rows hold a sketch of their senders, which tells how many people a finding met "
                "(on), or tell nothing of senders (off)."
            ),
            examples=["on", "off"],
        ),
    ] = "on"

    def __post_init__(self) -> None:
        """Check what a type cannot say.

        Raises:
            ValueError: a value makes no sense; the message is a sentence that names the setting.
        """
        for name, check in (
            ("allowed_origins", origins.compiled),
            ("retention_rules", retention_rules.parsed),
        ):
            try:
                check(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
