"""Signing in at the team's own provider, here one that does not answer; and members that are asked for together."""

from __future__ import annotations

from collections.abc import Mapping

from playwright.sync_api import Page

from staxpipe_tests.onboarding.gallery.entrance import TEMPLATE_URL
from staxpipe_tests.onboarding.gallery.rows import at, draft, listening
from staxpipe_tests.onboarding.gallery.scene import Scene, Who, World, sent

PROVIDER = {
    "oidc_issuer": "http://127.0.0.1:1",
    "oidc_client_id": "staxpipe",
    "oidc_client_secret": "a secret of nobody",
    "oidc_name": "Acme",
    "oidc_operators": ["ada@example.com"],
}


def _draft(world: World) -> Mapping[str, str]:
    return at(draft(world))


def _listening(world: World) -> Mapping[str, str]:
    return at(listening(world))


def _members(page: Page) -> None:
    sent("Save and go on", accounts="2222-3333-4444\n3333-4444-5555")(page)


def _no_members(page: Page) -> None:
    sent("Save and go on", accounts="none", bucket="the-same-for-all")(page)


TEAM = (
    Scene("team-sign-in", "/", who=Who.NOBODY, settings=PROVIDER),
    Scene("team-not-signed-in", "/requests", who=Who.NOBODY, settings=PROVIDER, status=403),
    Scene("team-provider-down", "/oidc/begin", who=Who.NOBODY, settings=PROVIDER, status=503),
    Scene("team-refused", "/oidc/callback", who=Who.NOBODY, settings=PROVIDER, status=403),
    Scene("team-signed-out", "/oidc/signed-out", who=Who.NOBODY, settings=PROVIDER),
    Scene("members", "/requests/{request_id}/members", _draft),
    Scene("members-mistakes", "/requests/{request_id}/members", _draft, act=_no_members, status=422),
    Scene("members-asked", "/requests/{request_id}/members", _listening, act=_members, settings=TEMPLATE_URL),
    Scene("members-asked-no-url", "/requests/{request_id}/members", _listening, act=_members),
)
