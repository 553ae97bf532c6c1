"""Limits: which settings set one, and that quotas, settings, reasons and Lua name the same things."""

from __future__ import annotations

import re
from typing import Any

import pytest

from storage.limits import quotas
from storage.projects import project_settings
from workers.model import outcomes

Settings = project_settings.ProjectSettings
SET: dict[str, Any] = {
    "quota_per_minute": 5,
    "quota_per_day": 5,
    "key_quota_per_minute": 5,
    "key_quota_per_day": 5,
    "sampling": "fixed",
    "new_variants_per_hour": 5,
}


def test_a_project_without_any_setting_has_no_limit() -> None:
    assert not quotas.are_set(Settings())
    unset: Any = quotas.limit_settings()
    assert Settings() == Settings(**unset), "each limit is off unless it is set"


@pytest.mark.parametrize("name", SET)
def test_each_limit_alone_is_a_limit(name: str) -> None:
    assert quotas.are_set(Settings(**{name: SET[name]}))


def test_what_only_shapes_a_limit_is_none() -> None:
    assert not quotas.are_set(
        Settings(sample_rate=0.5, sample_budget=1, quota_burst=3, quarantine_per_hour=1)
    )


def test_the_settings_that_limit_are_those_of_the_quotas_and_the_two_others() -> None:
    of_quotas = {quota.setting for quota in quotas.QUOTAS}
    assert of_quotas == {name for name in Settings.__struct_fields__ if re.search(r"quota_per_", name)}
    assert quotas.limit_settings().keys() == of_quotas | {"sampling", "new_variants_per_hour"} == SET.keys()


def test_the_reason_of_each_quota_is_one_that_a_report_may_have() -> None:
    reasons = {quota.reason for quota in quotas.QUOTAS}
    spans = {reason.value for reason in outcomes.Reason if re.search("quota of a", reason.meaning)}
    assert reasons == spans
    assert len(reasons) == len(quotas.QUOTAS)
