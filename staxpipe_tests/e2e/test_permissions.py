"""What linked roles are really asked for, by whatever process, from the form to a loaded month."""

from __future__ import annotations

from datetime import timedelta

import pytest

from staxpipe.aws.permissions import GRANTED
from staxpipe.demo.watching import until_loaded
from staxpipe_tests.e2e.conftest import Stage
from staxpipe_tests.e2e.recorded_calls import asked_of_link_roles

WITHOUT_PERMISSION = {"sts:GetCallerIdentity"}
"""AWS answers it to everybody: no policy needs to allow it, and none can deny it."""

NOT_SERVED = {"bcm-data-exports:GetExport"}
"""The stand-in has no Data Exports: it refuses the list, so that no export is asked about. `doctor/test_gather` has
that call made over the wire, as a linked role, and `aws/test_report_settings` holds it to AWS's model."""


@pytest.mark.e2e
def test_roles_are_asked_for_all_that_every_link_grants_and_for_nothing_else(stage: Stage) -> None:
    period = stage.periods[-1]
    stage.world.deliver(period, period.start + timedelta(days=6))
    request = stage.link()
    until_loaded(stage.browser, request, 1, lambda _: None)
    asked = asked_of_link_roles(stage.record)
    assert asked - WITHOUT_PERMISSION <= {permission.action for permission in GRANTED}
    assert {permission.action for permission in GRANTED if permission.switch is None} - NOT_SERVED <= asked
