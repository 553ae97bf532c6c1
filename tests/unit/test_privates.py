"""The inside of libraries on which the product relies: an upgrade that changes some of it fails here."""

from __future__ import annotations

from typing import Final, NamedTuple

import pytest

from tests.helpers import privates


class Private(NamedTuple):
    """One private of a library.

    Attributes:
        owner: the class or module that has it.
        name: its name.
        shape: its parameters, or "" if it is no function.
        user: the class of the product, or the module, that uses or overrides it.
        purpose: what for.
    """

    owner: str
    name: str
    shape: str
    user: str
    purpose: str


PROTOCOL: Final = "gunicorn.asgi.protocol.ASGIProtocol"
REQUEST: Final = "gunicorn.asgi.parser.CallbackRequest"
ASGI_WORKER: Final = "gunicorn.workers.gasgi.ASGIWorker"
BASE_WORKER: Final = "rq.worker.base.BaseWorker"
FORKING_WORKER: Final = "rq.worker.worker_classes.Worker"

TABLE: Final = [
    Private(*row)
    for row in (
        (
            "falcon.asgi.request.Request",
            "is_websocket",
            "",
            "EdgeRequest",
            "is told to Falcon without a value each",
        ),
        ("falcon.asgi.request.Request", "_asgi_headers", "", "EdgeRequest", "is made when Falcon reads it"),
        ("falcon.asgi.request.Request", "_first_event", "", "EdgeRequest", "is made when Falcon reads it"),
        ("falcon.asgi.request.Request", "_receive", "", "EdgeRequest", "is made when Falcon reads it"),
        ("falcon.request.Request", "_params", "", "EdgeRequest", "is made when Falcon reads it"),
        (
            "falcon.asgi.response.Response",
            "render_body",
            "self",
            "EdgeResponse",
            "adds a media type to JSON alone",
        ),
        ("falcon.response.Response", "_data", "", "EdgeResponse", "is the body, without Falcon's property"),
        ("falcon.response.Response", "_headers", "", "EdgeResponse", "begins with the CORS headers"),
        (
            "falcon.routing.compiled.CompiledRouter",
            "add_route",
            "self, uri_template, resource, **kwargs",
            "EdgeRouter",
            "forgets the addresses that were asked for",
        ),
        (
            "falcon.routing.compiled.CompiledRouter",
            "find",
            "self, uri, req=",
            "EdgeRouter",
            "remembers the addresses that were asked for",
        ),
        (
            "falcon.routing.converters.BaseConverter",
            "convert",
            "self, value",
            "ProjectIdConverter",
            "reads the id of a project",
        ),
        ("gunicorn.app.base.BaseApplication", "load", "self", "EdgeServer", "gives gunicorn the application"),
        (
            "gunicorn.app.base.BaseApplication",
            "load_config",
            "self",
            "EdgeServer",
            "gives gunicorn its settings",
        ),
        ("gunicorn.glogging.Logger", "access_log_enabled", "", "Log", "leaves out the access log"),
        (
            "gunicorn.workers.gasgi",
            "ASGIProtocol",
            "worker",
            "EdgeWorker",
            "is replaced: no setting names the class",
        ),
        (ASGI_WORKER, "_quick_shutdown", "", "EdgeWorker", "ends the wait for idle connections"),
        (ASGI_WORKER, "_shutdown", "self", "EdgeWorker", "answers requests under way before the worker ends"),
        (ASGI_WORKER, "handle_exit_signal", "self", "EdgeWorker", "announces the end of connections first"),
        (ASGI_WORKER, "init_process", "self", "EdgeWorker", "sets the protocol class and the memory limits"),
        (PROTOCOL, "_arm_keepalive_timer", "self", "EdgeProtocol", "bounds the wait for the first request"),
        (PROTOCOL, "_awaiting_request", "", "EdgeProtocol", "tells whether a connection is idle"),
        (PROTOCOL, "_body_receiver", "", "EdgeProtocol", "takes the body that our reader found"),
        (PROTOCOL, "_callback_parser", "", "EdgeProtocol", "is our reader"),
        (PROTOCOL, "_close_transport", "self", "EdgeProtocol", "closes when the answers are sent"),
        (PROTOCOL, "_conn_lost_handled", "", "EdgeProtocol", "tells whether the connection is open"),
        (PROTOCOL, "_current_request", "", "EdgeProtocol", "is the request under way"),
        (PROTOCOL, "_feed_callback_parser", "self, data", "EdgeProtocol", "reads with our reader"),
        (PROTOCOL, "_finishing_calls", "", "EdgeProtocol", "tells whether a connection is idle"),
        (PROTOCOL, "_flow_control", "", "EdgeProtocol", "waits until answers are read"),
        (PROTOCOL, "_keepalive", "", "EdgeProtocol", "says how long a request may take to come"),
        (PROTOCOL, "_keepalive_timeout", "self", "EdgeProtocol", "closes an idle connection"),
        (PROTOCOL, "_max_buffer_size", "", "EdgeProtocol", "bounds what is read ahead"),
        (PROTOCOL, "_maybe_resume_reading", "self", "EdgeProtocol", "reads on"),
        (PROTOCOL, "_pause_reading", "self", "EdgeProtocol", "stops reading"),
        (PROTOCOL, "_reading_paused", "", "EdgeProtocol", "tells whether reading stopped"),
        (PROTOCOL, "_request_ready", "", "EdgeProtocol", "wakes gunicorn for a request"),
        (PROTOCOL, "_resume_reading", "self", "EdgeProtocol", "reads on, unless answers pile up"),
        (PROTOCOL, "_safe_write", "self, data", "EdgeProtocol", "writes a refusal"),
        (
            PROTOCOL,
            "_send_error_response",
            "self, status, message, extra_headers=",
            "EdgeProtocol",
            "answers in the words of the catalogue",
        ),
        (
            PROTOCOL,
            "_send_response_start",
            "self, status, headers, request, close=",
            "EdgeProtocol",
            "notes that a request was answered",
        ),
        (
            PROTOCOL,
            "_serve_http_request",
            "self, request, sockname, peername",
            "EdgeProtocol",
            "serves a request once earlier answers are read",
        ),
        (PROTOCOL, "_setup_callback_parser", "self", "EdgeProtocol", "sets our reader"),
        (PROTOCOL, "_task", "", "EdgeProtocol", "tells when a connection has ended"),
        (
            PROTOCOL,
            "_will_close",
            "self, request, response_requires_close",
            "EdgeProtocol",
            "closes as the answer announced",
        ),
        (PROTOCOL, "connection_lost", "self, exc", "EdgeProtocol", "forgets a connection"),
        (PROTOCOL, "connection_made", "self, transport", "EdgeProtocol", "reads into shared memory"),
        (PROTOCOL, "pause_writing", "self", "EdgeProtocol", "stops reading while answers pile up"),
        (PROTOCOL, "resume_writing", "self", "EdgeProtocol", "reads on when answers are read"),
        (
            "gunicorn.asgi.protocol.BodyReceiver",
            "_body_wait_expired",
            "",
            "EdgeProtocol",
            "tells a late body",
        ),
        (REQUEST, "_connection", "", "Request", "is what gunicorn reads of the header Connection"),
        (REQUEST, "_expect_100_continue", "", "Request", "is what gunicorn reads of the header Expect"),
        (REQUEST, "_has_upgrade", "", "Request", "is what gunicorn reads of the header Upgrade"),
        (REQUEST, "_headers", "", "Request", "are the headers as gunicorn reads them"),
        (BASE_WORKER, "_is_horse", "", "Worker", "tells RQ's methods that this is the job process"),
        (
            BASE_WORKER,
            "death_penalty_class",
            "timeout, exception=, **kwargs",
            "Worker",
            "interrupts a late job",
        ),
        (
            BASE_WORKER,
            "dequeue_job_and_maintain_ttl",
            "self, timeout, max_idle_time=",
            "Worker",
            "deletes foreign jobs",
        ),
        (
            BASE_WORKER,
            "handle_job_failure",
            "self, job, queue, started_job_registry=, exc_string=, execution=",
            "Worker",
            "breaks the lease of a job process that died",
        ),
        (
            BASE_WORKER,
            "handle_warm_shutdown_request",
            "self",
            "Worker",
            "passes a stop on to the job process",
        ),
        (BASE_WORKER, "horse_pid", "", "Worker", "is the process to be signalled"),
        (BASE_WORKER, "is_horse", "", "Worker", "tells the job process from the worker"),
        (BASE_WORKER, "log_result_lifespan", "", "Worker", "keeps the log short"),
        (BASE_WORKER, "max_connection_wait_time", "", "Worker", "is soon there again after an outage"),
        (BASE_WORKER, "perform_job", "self, job, queue, execution", "Worker", "performs a job"),
        (BASE_WORKER, "prepare_execution", "self, job", "Worker", "makes the key that the job process gets"),
        (BASE_WORKER, "set_state", "self, state, pipeline=", "Worker", "says that the worker is idle"),
        (BASE_WORKER, "setup_work_horse_signals", "self", "Worker", "ends a job process between two batches"),
        (BASE_WORKER, "teardown", "self", "Worker", "ends the job process with its worker"),
        (FORKING_WORKER, "_horse_pid", "", "Worker", "is the process that RQ watches"),
        (
            FORKING_WORKER,
            "execute_job",
            "self, job, queue",
            "Worker",
            "hands a job to the process that stays",
        ),
        (FORKING_WORKER, "monitor_work_horse", "self, job, queue, execution", "Worker", "watches a job"),
        (FORKING_WORKER, "wait_for_horse", "self", "Worker", "waits for the answer of the job process"),
        ("rq.executions.Execution", "composite_key", "", "Worker", "is the order to the job process"),
        (
            "rq.executions.Execution",
            "from_composite_key",
            "cls, composite_key, connection",
            "Worker",
            "reads that order",
        ),
        ("rq.job.Job", "key_for", "cls, job_id", "Dispatcher", "tells whether a stream has a job"),
        (
            "rq.queue.Queue",
            "intermediate_queue_key",
            "",
            "Dispatcher",
            "is cleared of a job that is replaced",
        ),
        ("rq.queue.Queue", "redis_queue_namespace_prefix", "", "jobs", "tells whether other jobs wait"),
        ("rq.timeouts.BaseDeathPenalty", "_exception", "", "TimeLimit", "tells a job's time from others"),
        ("rq.timeouts.BaseDeathPenalty", "_timeout", "", "TimeLimit", "is told in the log"),
        (
            "rq.timeouts.UnixSignalDeathPenalty",
            "handle_death_penalty",
            "self, signum, frame",
            "TimeLimit",
            "interrupts where work may be dropped",
        ),
        ("rq.timeouts.UnixSignalDeathPenalty", "setup_death_penalty", "self", "TimeLimit", "sets the alarm"),
    )
]


@pytest.mark.parametrize("private", TABLE, ids=lambda private: f"{private.owner}.{private.name}")
def test_the_library_still_has_it(private: Private) -> None:
    found = privates.find(private.owner, private.name)
    assert privates.shape(found) == private.shape, private.purpose


def test_the_table_names_all_that_the_product_uses() -> None:
    known = {(private.owner, private.name) for private in TABLE}
    names = {private.name for private in TABLE}  # of objects whose class the source does not tell
    unknown = [
        use
        for use in privates.uses()
        if (use.owner, use.name) not in known and not (use.owner == "" and use.name in names)
    ]
    assert unknown == []


def test_the_table_names_nothing_that_the_product_does_not_use() -> None:
    used = privates.attributes()
    assert [private for private in TABLE if private.name not in used] == []
