"""`/api/users/me`: the account of whoever asks."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field
from stratforge.application import accounts as application
from stratforge.application import addresses, caps, mail_notices, passkeys, two_factor
from stratforge.application import api_keys as making
from stratforge.application.api_keys import MadeKey, NewApiKey
from stratforge.application.errors import existing
from stratforge.application.mail_notices import MailNotices
from stratforge.application.passkeys import NewPasskey
from stratforge.application.passwords import Proof
from stratforge.application.two_factor import Proposal, RecoveryCodes, TwoFactorState
from stratforge.bus.files import delete_files
from stratforge.storage.users import account_events, accounts, api_keys
from stratforge.storage.users import passkeys as stored_passkeys
from stratforge.storage.users.account_events import AccountEvent
from stratforge.storage.users.accounts import User
from stratforge.storage.users.api_keys import StoredKey
from stratforge.storage.users.passkeys import Passkey

from functions.api.auth import cookies
from functions.api.auth.schemas import CodeProof, EmailChange, PasskeyOptions, PasskeyRename
from functions.api.context import (
    Asking,
    LoggedIn,
    Reader,
    UserConnection,
    database,
    origin,
    outbox,
    party,
    settings,
    site,
)
from functions.api.idempotency import IdempotencyKey
from functions.api.pages import NumberedPageQuery, next_number
from functions.api.views import Listed, items_of, list_of, many, view_of

router = APIRouter(prefix="/api/users/me", tags=["account"])


Profile = view_of(User, "Profile")
QuotasView = view_of(
    caps.Quotas,
    "QuotasView",
    rates=(many(view_of(caps.Rate, "RateView")), Field(description="Requests in a time")),
    caps=(many(view_of(caps.Cap, "CapView")), Field(description="Things at once")),
)
NewApiKeyView = view_of(MadeKey, "NewApiKeyView")
ProposalView = view_of(Proposal, "TwoFactorProposal")
RecoveryCodesView = view_of(RecoveryCodes, "RecoveryCodesView")
TwoFactorView = view_of(TwoFactorState, "TwoFactorView")
AccountEventList = list_of(
    view_of(AccountEvent, "AccountEventView"), "AccountEventList", "Events, the newest first unless asked otherwise."
)
PasskeyView = view_of(Passkey, "PasskeyView")
PasskeyList = items_of(PasskeyView, "PasskeyList", "Passkeys, the oldest first.")
ApiKeyList = items_of(view_of(StoredKey, "ApiKeyView"), "ApiKeyList", "Keys, the newest first.")


@router.get("", response_model=Profile)
def get_account(user_id: Reader, connection: UserConnection) -> User:
    """The profile of the user who asks."""
    return existing(accounts.get_user(connection, user_id), "user")


@router.get("/quotas", response_model=QuotasView)
def get_quotas(asking: Asking) -> caps.Quotas:
    """Says how many requests of each kind the user may make in a time, and how much of everything there may be at once, with what there is."""
    return caps.read_quotas(database(), asking)


@router.get("/export")
def export_account(asking: LoggedIn, response: Response) -> dict[str, list[dict[str, Any]]]:
    """Everything that is stored about the user, by table, the newest first. What does not fit into five megabytes is named under `left_out`."""
    response.headers["Content-Disposition"] = 'attachment; filename="stratforge-export.json"'
    return application.export_account(database(), asking)


@router.delete("", status_code=204)
def close_account(proof: Proof, asking: LoggedIn, response: Response) -> None:
    """Closes the account: sessions stop, orders end, positions are sold, the address is forgotten, and then all that is not the ledger's. It cannot be undone."""
    application.close_account(database(), outbox(), asking, proof, partial(delete_files, settings().files_bucket))
    cookies.leave(response)


@router.post("/api-keys", status_code=201, response_model=NewApiKeyView)
def create_api_key(new: NewApiKey, asking: LoggedIn, key: IdempotencyKey) -> MadeKey:
    """Makes a key for scripts: send it as a bearer token. It is shown this once and kept as a hash."""
    return making.create_key(database(), asking, new, key)


@router.get("/api-keys", response_model=ApiKeyList)
def list_api_keys(asking: LoggedIn) -> Listed[StoredKey]:
    """Lists the user's API keys; the keys themselves are not shown."""
    with database().reading(asking) as connection:
        return Listed(api_keys.list_keys(connection, asking.user_id))


@router.delete("/api-keys/{key_id}", status_code=204)
def revoke_api_key(key_id: UUID, asking: LoggedIn) -> None:
    """Revokes a key at once; revoking again changes nothing."""
    making.revoke_key(database(), asking, key_id)


@router.put("/email", status_code=202)
def request_email_change(body: EmailChange, asking: LoggedIn, request: Request) -> None:
    """Has a link sent to a new address, which takes the place of the account's once somebody follows it there."""
    addresses.ask_for_change(database(), outbox(), asking, body.email, body, site(request))


@router.get("/events", response_model=AccountEventList)
def list_account_events(asking: LoggedIn, page: NumberedPageQuery) -> Listed[AccountEvent]:
    """Lists what happened to the account: logins, changes of what opens it, keys and webhooks. Nobody can change the list."""
    with database().reading(asking) as connection:
        found = account_events.list_events(connection, asking.user_id, page)
    return Listed(found, next_number(page, found, lambda each: each.event_id))


@router.get("/mail-notices")
def get_mail_notices(asking: Asking) -> MailNotices:
    """Says of what the user is told by mail."""
    return mail_notices.read_mail_notices(database(), asking)


@router.put("/mail-notices")
def set_mail_notices(body: MailNotices, asking: Asking, request: Request) -> MailNotices:
    """Has the user told by mail of these kinds of events from now on. What happened meanwhile goes into one mail; each ends them with a link that needs no login."""
    return mail_notices.choose_mail_notices(database(), outbox(), asking, body, site(request))


@router.get("/passkeys", response_model=PasskeyList)
def list_passkeys(asking: LoggedIn) -> Listed[Passkey]:
    """Lists the user's passkeys, each of which opens the account without the password."""
    with database().reading(asking) as connection:
        return Listed(stored_passkeys.list_passkeys(connection, asking.user_id))


@router.post("/passkeys/options")
def begin_passkey(body: Proof, asking: LoggedIn, request: Request) -> PasskeyOptions:
    """Begins to add a passkey: what the browser asks the user's device with."""
    return PasskeyOptions(options=passkeys.adding_options(database(), asking, party(request), body))


@router.post("/passkeys", status_code=201, response_model=PasskeyView)
def add_passkey(new: NewPasskey, asking: LoggedIn, request: Request) -> Passkey:
    """Adds the passkey that the device made in answer, within five minutes and at the login that began it."""
    return passkeys.add(database(), asking, party(request), new)


@router.patch("/passkeys/{passkey_id}", response_model=PasskeyView)
def rename_passkey(passkey_id: UUID, body: PasskeyRename, asking: LoggedIn) -> Passkey:
    """Gives a passkey another name; it opens what it opened."""
    return passkeys.rename(database(), asking, passkey_id, body.name)


@router.delete("/passkeys/{passkey_id}", status_code=204)
def remove_passkey(passkey_id: UUID, body: Proof, asking: LoggedIn) -> None:
    """Removes a passkey, with the password and, where there is one, a code: it opens nothing from then on."""
    passkeys.remove(database(), asking, passkey_id, body)


@router.get("/two-factor", response_model=TwoFactorView)
def get_two_factor(asking: LoggedIn) -> TwoFactorState:
    """Says whether a code of an authenticator app is asked for at the login, and how many recovery codes are left."""
    with database().reading(asking) as connection:
        return two_factor.state(connection, asking.user_id)


@router.post("/two-factor", status_code=201, response_model=ProposalView)
def propose_two_factor(body: Proof, asking: LoggedIn) -> Proposal:
    """Makes a secret for an authenticator app. Nothing changes until it is confirmed with a first code."""
    return two_factor.propose(database(), outbox(), asking, body)


@router.post("/two-factor/confirmation", response_model=RecoveryCodesView)
def confirm_two_factor(body: CodeProof, asking: LoggedIn, request: Request) -> RecoveryCodes:
    """Has every login ask for a code from now on. The recovery codes are shown this once."""
    return two_factor.confirm(database(), outbox(), asking, body.code, origin(request))


@router.post("/two-factor/recovery-codes", response_model=RecoveryCodesView)
def renew_recovery_codes(body: Proof, asking: LoggedIn) -> RecoveryCodes:
    """Makes new recovery codes; the earlier ones are good no more."""
    return two_factor.renew_recovery_codes(database(), asking, body)


@router.delete("/two-factor", status_code=204)
def remove_two_factor(body: Proof, asking: LoggedIn) -> None:
    """Removes the second factor, with the password and a code of it."""
    two_factor.remove(database(), outbox(), asking, body)
