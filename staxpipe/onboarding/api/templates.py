"""The role's template as it is, for programs that deploy it. Public, as on the pages: anybody may review it."""

from __future__ import annotations

from fastapi import APIRouter, Response

from staxpipe.linking.quick_create import TEMPLATE_NAME, template_text

router = APIRouter(tags=["templates"])
MEDIA_TYPE = "text/plain"


@router.get(
    f"/templates/{TEMPLATE_NAME}",
    summary="The role's template",
    response_class=Response,
    responses={
        200: {
            "description": "A CloudFormation template, in YAML.",
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
        }
    },
)
def read_role_template() -> Response:
    """The CloudFormation template that creates the role. No token is needed."""
    return Response(template_text(), media_type=MEDIA_TYPE)
