"""How somebody wants to be told, over HTTP."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Response

from tradeapi.notifications.dependencies import (
    ChannelsDep,
    MailReaderDep,
    PreferencesDep,
    ReadablePreferencesDep,
)
from tradeapi.notifications.notices import Channel
from tradeapi.notifications.schemas import PreferencesIn, PreferencesOut, preferences_out
from tradeapi.web.principal import FOR_EVERYBODY, NEEDS_READ, NEEDS_WRITE
from tradeapi.web.problems import problems

router = APIRouter(prefix="/notifications", tags=["notifications"])


@router.get(
    "/preferences",
    summary="How you are told",
    response_model=PreferencesOut,
    dependencies=[NEEDS_READ],
)
async def get(preferences: ReadablePreferencesDep, channels: ChannelsDep) -> Mapping[str, Any]:
    """What you have chosen, or what holds without."""
    return preferences_out(await preferences.get(), channels.available)


@router.put(
    "/preferences",
    summary="Choose how you are told",
    response_model=PreferencesOut,
    dependencies=[NEEDS_WRITE],
    responses=problems(422),
)
async def put(
    preferences: PreferencesDep, channels: ChannelsDep, body: PreferencesIn
) -> Mapping[str, Any]:
    """All of it."""
    channels.require(body.channels)
    if body.digest is not None:
        channels.require([Channel.EMAIL], "/digest")
    await preferences.put(body.wishes)
    return preferences_out(body.wishes, channels.available)


@router.post(
    "/mail-off",
    summary="Get no more mails",
    status_code=204,
    response_class=Response,
    dependencies=[FOR_EVERYBODY],
    responses=problems(422),
)
async def stop_mail(preferences: MailReaderDep) -> None:
    """With the token of the link in a mail, by whoever has it."""
    await preferences.stop_mail()
