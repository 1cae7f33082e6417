"""Reading the ready-made command off the page."""

from __future__ import annotations

import pytest

from staxpipe.demo.browser import Page
from staxpipe.demo.linking import request_id, stack_order
from staxpipe.errors import PermanentError
from staxpipe.linking.quick_create import deploy_command, parameters
from staxpipe.settings import read_settings


class Request:
    external_id = "x" * 43
    role_name = "staxpipe-link-abcdefghijkl"
    bucket = "acme-billing"
    prefix = "cur reports/it's"
    region = "eu-west-1"
    stack_region = "eu-west-1"


def _page(command: str) -> Page:
    return Page("http://pages.example/requests/r1/deploy", 200, "Create", (), (), {"command": command})


def test_the_command_that_the_page_shows_is_understood() -> None:
    settings = read_settings({"operator_role_arn": "arn:aws:iam::123456789012:role/staxpipe"})
    order = stack_order(_page(deploy_command(settings, Request(), "staxpipe-link.yaml")))
    assert order.stack == "staxpipe-link-abcdefghijkl"
    assert order.parameters == dict(parameters(settings, Request()))


def test_a_page_without_a_command_is_said_to_have_none() -> None:
    with pytest.raises(PermanentError, match="no `aws cloudformation deploy` command"):
        stack_order(_page("echo hello"))


def test_the_request_is_known_from_the_address() -> None:
    assert request_id(_page("")) == "r1"
