"""Puts an edge process together: ``create_app`` is what a gunicorn worker serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.api import application, errors, health, lifespan, reports, routes
from ingest.backend import clock, connection, intake, redis_poller, refusal_counter, senders
from ingest.body import in_flight, request_body
from ingest.checks import addresses, admission, shedding, targets
from storage.projects import edges
from storage.queue import appenders

if TYPE_CHECKING:
    from ingest import config


def create_app(settings: config.EdgeConfig) -> application.EdgeApp:
    """Return the ASGI application of one edge process."""
    client = connection.connect(settings.redis_url, settings.redis_timeout)
    polling = connection.connect_once(settings.redis_url, settings.redis_timeout, edges.name(None))
    time = clock.Clock()
    table, shedder = targets.TargetTable(settings.shards, time), shedding.Shedder()
    poller = redis_poller.RedisPoller(polling, table, shedder, settings, time)
    counter = refusal_counter.RefusalCounter(client, settings.redis_timeout, time)
    known_senders = senders.Senders(client, settings.redis_timeout, time)
    body_bytes = in_flight.InFlightBytes(settings.max_in_flight_bytes)
    store = intake.Intake(appenders.AsyncAppender(client, time).append, body_bytes, settings.redis_timeout)
    checks = admission.Checks(
        table,
        addresses.Addresses(settings.trusted_proxies),
        addresses.Rates(settings.address_rate),
        poller.state,
        shedder,
    )
    app = application.EdgeApp(
        request_body.BodyLimits(body_bytes, settings.max_body_bytes, settings.body_timeout),
        errors.ErrorHandler(counter),
        lifespan.Lifespan((client, polling), poller, counter, known_senders, store),
    )
    security_reports = reports.SecurityReports(checks, store, counter, known_senders, settings.max_body_bytes)
    readyz = health.Readyz(table, poller.state)
    routes.declare(app, reports=security_reports, healthz=health.Healthz(), readyz=readyz)
    app.add_sink(security_reports.refuse_path, routes.PREFIX)  # type: ignore[arg-type] # it takes no parameters
    return app
