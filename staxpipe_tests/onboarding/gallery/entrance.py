"""Getting in, and what anybody may read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from staxpipe.db import sign_in_links
from staxpipe.linking.verdicts import NotYetAssumable
from staxpipe_tests.onboarding.gallery.rows import at, draft, invited, listening, tried
from staxpipe_tests.onboarding.gallery.scene import Scene, Who, World

TEMPLATE_URL = {"template_url": "https://acme-templates.s3.eu-west-1.amazonaws.com/staxpipe-link.yaml"}


def _sign_in_link(world: World) -> Mapping[str, str]:
    return {"token": sign_in_links.issue(world.connection, world.now, timedelta(hours=1))}


def _dead(_: World) -> Mapping[str, str]:
    return {"token": "it-was-used-already"}


def _invitation(world: World) -> Mapping[str, str]:
    request = listening(world)
    tried(world, request, NotYetAssumable(str(request.role_arn)), timedelta(minutes=2), 3)
    invite = invited(world, request)
    return {"token": world.signer.invite(invite.id, invite.expires_at)}


def _bare_invitation(world: World) -> Mapping[str, str]:
    invite = invited(world, draft(world), note="")
    return {"token": world.signer.invite(invite.id, invite.expires_at)}


def _named_at_length(world: World) -> Mapping[str, str]:
    name = "Fürst_zu_Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen عبد الرحمن 山田太郎"
    invite = invited(
        world, draft(world), "a.colleague@a.subsidiary.with.quite.a.long.name.example.com", invited_by=name
    )
    return {"token": world.signer.invite(invite.id, invite.expires_at)}


def _in_by_invitation(world: World) -> Mapping[str, str]:
    request = draft(world)
    invite = invited(world, request, first_used_at=world.now)
    token = world.signer.invite(invite.id, invite.expires_at)
    return at(request, invite_id=invite.id, token=token)


ENTRANCE = (
    Scene("sign-in", "/sign-in/{token}", _sign_in_link, Who.NOBODY),
    Scene("sign-in-dead", "/sign-in/{token}", _dead, Who.NOBODY, status=403),
    Scene("signed-out", "/", who=Who.NOBODY),
    Scene("not-signed-in", "/requests", who=Who.NOBODY, status=403),
    Scene("invitation", "/invite/{token}", _invitation, Who.NOBODY, settings=TEMPLATE_URL),
    Scene("invitation-to-a-draft", "/invite/{token}", _bare_invitation, Who.NOBODY),
    Scene("invitation-of-a-long-name", "/invite/{token}", _named_at_length, Who.NOBODY),
    Scene("invitation-dead", "/invite/{token}", _dead, Who.NOBODY, status=403),
    Scene("invitation-opened", "/invite/{token}", _in_by_invitation, Who.INVITED),
    Scene("help", "/help", who=Who.NOBODY),
    Scene("help-role", "/help/role", who=Who.NOBODY),
    Scene("help-api", "/help/api", who=Who.NOBODY),
    Scene("help-export", "/help/export", who=Who.NOBODY),
)
