"""Requests made up from the OpenAPI document: each is answered as the document says."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from processes import LONGEST_WAIT_S
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from service_client import served_process

EXAMPLES = 15
# Each that the service takes writes a version of the index.
EXAMPLES_OF_CHANGES = 5
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def document(
    trained_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[schemathesis.BaseSchema]:
    """The document of a service that runs in a process of its own."""
    run = shutil.copytree(trained_run, tmp_path_factory.mktemp("served") / "run")
    with served_process(run) as (url, _):
        yield schemathesis.openapi.from_url(f"{url}/openapi.json")


def test_made_up_requests_are_answered_as_documented(document: schemathesis.BaseSchema) -> None:
    tried, failures = 0, []
    for found in document.get_all_operations():
        operation = found.ok()
        tried += 1
        most = EXAMPLES_OF_CHANGES if operation.method in ("put", "delete") else EXAMPLES

        @settings(
            max_examples=most,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def answered(case: schemathesis.Case) -> None:
            case.call_and_validate(checks=CHECKS, timeout=LONGEST_WAIT_S)

        try:
            answered()
        except (Exception, FailureGroup) as error:
            failures.append(f"{operation.label}: {error}")
    assert tried >= 12
    assert not failures, "\n\n".join(failures)
