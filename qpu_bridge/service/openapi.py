"""`/openapi.json`: what the routes take and answer, beside what the framework can see of them.

Most routes read and write bytes themselves, so that nothing is changed on the way; their shapes are said here, and a test sends
requests that nobody thought of and compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from qpu_bridge.service import shapes

JSON = "application/json"
TEXT = "text/plain"
OURS = "Runtime."
"""Begin of the names of our shapes: routes may have shapes of the same name."""
Content = Mapping[str, type[BaseModel] | Mapping[str, Any]]

NOTHING: Content = {}
ANY: Mapping[str, Any] = {}
STRING: Mapping[str, Any] = {"type": "string"}

ANSWERS: Mapping[tuple[str, str], Mapping[int, Content]] = {
    ("post", "/identity/token"): {200: {JSON: shapes.Access}, 400: {JSON: shapes.IdentityRefusal}},
    ("post", "/v3/resources/search"): {200: {JSON: shapes.Found}},
    ("get", "/backends"): {200: {JSON: shapes.Devices}},
    ("get", "/backends/{name}/configuration"): {200: {JSON: shapes.Configuration}},
    ("get", "/backends/{name}/properties"): {200: {JSON: shapes.Properties}},
    ("get", "/backends/{name}/status"): {200: {JSON: shapes.BackendStatus}},
    ("post", "/jobs"): {200: {JSON: shapes.Accepted}},
    ("get", "/jobs"): {200: {JSON: shapes.JobPage}},
    ("get", "/jobs/{job_id}"): {200: {JSON: shapes.Job}},
    ("delete", "/jobs/{job_id}"): {204: NOTHING},
    ("get", "/jobs/{job_id}/results"): {200: {JSON: ANY, TEXT: STRING}, 204: NOTHING},
    ("get", "/jobs/{job_id}/interim_results"): {200: {JSON: shapes.InterimResults}},
    ("get", "/jobs/{job_id}/interim_results/stream"): {200: {"text/event-stream": STRING}},
    ("post", "/jobs/{job_id}/cancel"): {204: NOTHING},
    ("get", "/jobs/{job_id}/logs"): {200: {TEXT: STRING}},
    ("get", "/jobs/{job_id}/metrics"): {200: {JSON: shapes.JobMetrics}},
    ("put", "/jobs/{job_id}/tags"): {204: NOTHING},
    ("get", "/tags"): {200: {JSON: shapes.KnownTags}},
    ("post", "/sessions"): {200: {JSON: shapes.Session}},
    ("get", "/sessions/{session_id}"): {200: {JSON: shapes.Session}},
    ("patch", "/sessions/{session_id}"): {204: NOTHING},
    ("delete", "/sessions/{session_id}/close"): {204: NOTHING},
    ("get", "/workloads"): {200: {JSON: shapes.Workloads}},
    ("get", "/instances/usage"): {200: {JSON: shapes.Usage}},
}
"""By method and path, without the base. A route that is not here is as the framework sees it."""

BODIES: Mapping[tuple[str, str], Content] = {
    ("post", "/identity/token"): {"application/x-www-form-urlencoded": shapes.KeyExchange},
    ("post", "/jobs"): {JSON: shapes.JobRequest},
    ("put", "/jobs/{job_id}/tags"): {JSON: shapes.Retagging},
}
"""Bodies that routes read by themselves."""


def publish(app: FastAPI, base: str) -> None:
    """Let the application publish its routes with these shapes.

    Args:
        app: The application.
        base: Path below which the runtime routes are.
    """

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, base)
        return app.openapi_schema

    # the framework's own way to do this
    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI, base: str) -> dict[str, Any]:
    made = get_openapi(title=app.title, version=app.version, routes=app.routes)
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            key = (method, path.removeprefix(base))
            answers = operation["responses"]
            # the framework's own; we answer 400, in the form of every other error
            answers.pop("422", None)
            answers["default"] = {"description": "Refused", "content": _content({JSON: shapes.Refusal})}
            if key in ANSWERS:
                answers.pop("200", None)
                answers |= {str(status): _answer(status, content) for status, content in ANSWERS[key].items()}
            if key in BODIES:
                operation["requestBody"] = {"required": True, "content": _content(BODIES[key])}
    models = [model for model in vars(shapes).values() if isinstance(model, type) and issubclass(model, BaseModel)]
    _, schemas = models_json_schema(
        [(model, "validation") for model in models if model not in (BaseModel, shapes.Shape)],
        ref_template=f"#/components/schemas/{OURS}{{model}}",
    )
    known = made.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        known.pop(name, None)
    known |= {f"{OURS}{name}": schema for name, schema in schemas["$defs"].items()}
    return made


def _answer(status: int, content: Content) -> dict[str, Any]:
    described = {"description": "Done" if status < 400 else "Refused"}
    return described | ({"content": _content(content)} if content else {})


def _content(content: Content) -> dict[str, Any]:
    return {kind: {"schema": _schema(shape)} for kind, shape in content.items()}


def _schema(shape: type[BaseModel] | Mapping[str, Any]) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{OURS}{shape.__name__}"} if isinstance(shape, type) else dict(shape)
