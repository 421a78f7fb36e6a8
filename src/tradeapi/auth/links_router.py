"""Forgotten passwords and the confirmation of addresses, by links in mails."""

from fastapi import APIRouter, Response

from tradeapi.auth.dependencies import AccountsDep, CallerDep, LinksDep, LoginDep
from tradeapi.auth.schemas import EmailIn, PasswordResetIn, TokenIn
from tradeapi.web.principal import FOR_EVERYBODY, NEEDS_LOGIN_TO_WRITE
from tradeapi.web.problems import problems

router = APIRouter(prefix="/auth", tags=["auth"])


@router.post(
    "/password/forgot",
    summary="Have a link sent that resets the password",
    status_code=202,
    response_class=Response,
    dependencies=[FOR_EVERYBODY],
    responses=problems(422),
)
async def forgot_password(links: LinksDep, body: EmailIn, caller: CallerDep) -> None:
    """The answer is the same whether or not there is such an account."""
    await links.forgot(body.email, caller)


@router.post(
    "/password/reset",
    summary="Choose a new password by such a link",
    status_code=204,
    response_class=Response,
    dependencies=[FOR_EVERYBODY],
    responses=problems(422),
)
async def reset_password(links: LinksDep, body: PasswordResetIn, caller: CallerDep) -> None:
    """All your logins end."""
    await links.reset(body.token, body.password, caller)


@router.post(
    "/email/verification",
    summary="Have a link sent that confirms your address",
    status_code=202,
    response_class=Response,
    dependencies=[NEEDS_LOGIN_TO_WRITE],
    responses=problems(401, 403),
)
async def send_verification(accounts: AccountsDep, links: LinksDep, login: LoginDep) -> None:
    await links.send_verification(await accounts.get(login.user))


@router.post(
    "/email/verify",
    summary="Confirm your address by such a link",
    status_code=204,
    response_class=Response,
    dependencies=[FOR_EVERYBODY],
    responses=problems(422),
)
async def verify_email(links: LinksDep, body: TokenIn, caller: CallerDep) -> None:
    await links.verify(body.token, caller)
