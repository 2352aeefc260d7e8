"""The account: password, API keys, webhooks, limits, everything that is stored, and its end."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from uuid import UUID

from fastapi import APIRouter, Request, Response
from stratforge.application import accounts, addresses, logins, passkeys, two_factor
from stratforge.application import api_keys as keys
from stratforge.application import mail_notices as mailing
from stratforge.application import risk as limiting
from stratforge.application import webhooks as telling
from stratforge.application.api_keys import NewApiKey
from stratforge.application.errors import existing
from stratforge.application.idempotency import without_key
from stratforge.application.jobs import queueing
from stratforge.application.jobs.requests import Exported, ExportRequest
from stratforge.application.mail_notices import MailNotices
from stratforge.application.passwords import PasswordChange, Proof
from stratforge.bus.files import delete_files, link_to
from stratforge.storage.delivery import mail_notices, webhooks
from stratforge.storage.ledger import risk
from stratforge.storage.postgres.pages import NumberedPage
from stratforge.storage.strategies import jobs
from stratforge.storage.users import account_events, api_keys
from stratforge.storage.users import logins as stored_logins
from stratforge.storage.users import passkeys as stored_passkeys

from functions.api.auth import cookies
from functions.api.auth.schemas import CodeProof, EmailChange, PasskeyRename
from functions.api.context import database, origin, outbox, settings, site
from functions.api.dashboard.access import Fields, Form, Looking, fraction, given, text, validated
from functions.api.dashboard.rendering import go_to
from functions.api.risk.schemas import RiskLimitsBody, TradingStateBody
from functions.api.webhooks.schemas import NewWebhook

router = APIRouter(include_in_schema=False)
_FRACTIONS = ("max_position", "max_exposure", "max_daily_loss", "max_drawdown", "price_band")
_EVENTS = 12
_COUNTS = ("max_orders_per_minute", "cooldown_minutes")


@router.get("/account")
def page(looking: Looking) -> Response:
    """Shows the account page: logins, API keys, webhooks and risk limits."""
    with database().reading(looking.caller) as connection:
        return looking.page(
            connection,
            "account.html",
            keys=[each for each in api_keys.list_keys(connection, looking.user_id) if each.revoked_at is None],
            webhooks=webhooks.list_webhooks(connection, looking.user_id),
            limits=asdict(risk.read_limits(connection, looking.user_id)),
            kinds=tuple(webhooks.EventKind),
            mailed=mail_notices.kinds_of(connection, looking.user_id),
            logins=stored_logins.open_logins(connection, looking.user_id),
            here=looking.caller.login_id,
            two_factor=two_factor.state(connection, looking.user_id),
            passkeys=stored_passkeys.list_passkeys(connection, looking.user_id),
            events=account_events.list_events(connection, looking.user_id, NumberedPage(_EVENTS)),
        )


@router.post("/account/logins/end-others")
def end_other_logins(looking: Looking, _fields: Fields) -> Response:
    """Signs out at all places but this one."""
    logins.end_other_logins(database(), looking.caller)
    return go_to(looking.request, "/account")


@router.post("/account/logins/{login_id}/end")
def end_login(login_id: UUID, looking: Looking, _fields: Fields) -> Response:
    """Signs out at one place where the user is signed in."""
    logins.end_login(database(), looking.caller, login_id)
    return go_to(looking.request, "/account")


@router.post("/account/password")
def change_password(request: Request, looking: Looking, fields: Fields) -> Response:
    """Sets another password; every other login ends."""
    names = ("current_password", "new_password")
    words = {name: fields.get(name, [""])[0] for name in names}
    change = validated(PasswordChange, {**words, "code": text(fields, "code") or None})
    login = accounts.change_password(database(), outbox(), looking.caller, change, origin(request))
    answer = looking.part("parts/done.html", said="The password is changed. Every other login has ended.")
    cookies.enter(request, answer, login)
    return answer


def _proof(fields: Form) -> dict[str, str | None]:
    # A password keeps its blanks.
    return {"password": fields.get("password", [""])[0], "code": text(fields, "code") or None}


@router.post("/account/email/confirmation")
def request_confirmation(request: Request, looking: Looking, _fields: Fields) -> Response:
    """Has a link sent that confirms the address."""
    addresses.ask_for_confirmation(database(), outbox(), looking.caller, site(request))
    return looking.part("parts/done.html", said="A link is on its way. It is good for a day.")


@router.post("/account/email")
def change_email(request: Request, looking: Looking, fields: Fields) -> Response:
    """Has a link sent to a new address."""
    wanted = validated(EmailChange, {"email": text(fields, "email"), **_proof(fields)})
    addresses.ask_for_change(database(), outbox(), looking.caller, wanted.email, wanted, site(request))
    said = f"A link is on its way to {wanted.email}. The address changes when somebody follows it there."
    return looking.part("parts/done.html", said=said)


@router.post("/account/two-factor")
def propose_two_factor(looking: Looking, fields: Fields) -> Response:
    """Shows a secret for an authenticator app, as a QR code too."""
    # Only who looks at this page needs it.
    import segno

    proposal = two_factor.propose(database(), outbox(), looking.caller, validated(Proof, _proof(fields)))
    drawn = segno.make(proposal.address, error="m").svg_inline(scale=4, border=2, dark="#000", light="#fff")
    return looking.part("parts/two_factor.html", proposal=proposal, qr=drawn)


@router.post("/account/two-factor/confirmation")
def confirm_two_factor(request: Request, looking: Looking, fields: Fields) -> Response:
    """Switches the second factor on, and shows the recovery codes this once."""
    wanted = validated(CodeProof, {"code": text(fields, "code")})
    made = two_factor.confirm(database(), outbox(), looking.caller, wanted.code, origin(request))
    return looking.part("parts/recovery_codes.html", codes=made.codes)


@router.post("/account/two-factor/recovery-codes")
def renew_recovery_codes(looking: Looking, fields: Fields) -> Response:
    """Makes new recovery codes and shows them this once."""
    made = two_factor.renew_recovery_codes(database(), looking.caller, validated(Proof, _proof(fields)))
    return looking.part("parts/recovery_codes.html", codes=made.codes)


@router.post("/account/two-factor/remove")
def remove_two_factor(looking: Looking, fields: Fields) -> Response:
    """Switches the second factor off, after the password and a code were given once more."""
    two_factor.remove(database(), outbox(), looking.caller, validated(Proof, _proof(fields)))
    return go_to(looking.request, "/account")


@router.post("/account/passkeys/{passkey_id}/rename")
def rename_passkey(passkey_id: UUID, looking: Looking, fields: Fields) -> Response:
    """Gives a passkey another name. It is added by the page's script, which asks the device."""
    wanted = validated(PasskeyRename, {"name": text(fields, "name")})
    passkeys.rename(database(), looking.caller, passkey_id, wanted.name)
    return go_to(looking.request, "/account")


@router.post("/account/passkeys/{passkey_id}/remove")
def remove_passkey(passkey_id: UUID, looking: Looking, fields: Fields) -> Response:
    """Removes a passkey, after the password and a code were given once more."""
    passkeys.remove(database(), looking.caller, passkey_id, validated(Proof, _proof(fields)))
    return go_to(looking.request, "/account")


@router.post("/account/keys")
def create_key(looking: Looking, fields: Fields) -> Response:
    """Makes a key and shows it this once."""
    wanted = {
        "name": text(fields, "name"),
        "scopes": fields.get("scopes", []),
        "days": text(fields, "days") or None,
        **_proof(fields),
    }
    made = keys.create_key(database(), looking.caller, validated(NewApiKey, wanted), without_key())
    return looking.part("parts/secret.html", title=f"The key {made.name}", secret=made.key)


@router.post("/account/keys/{key_id}/revoke")
def revoke_key(key_id: UUID, looking: Looking, _fields: Fields) -> Response:
    """Revokes a key at once and shows the list again."""
    keys.revoke_key(database(), looking.caller, key_id)
    return go_to(looking.request, "/account")


@router.post("/account/webhooks")
def create_webhook(looking: Looking, fields: Fields) -> Response:
    """Adds an address and shows its secret this once."""
    new = validated(
        NewWebhook, {"url": text(fields, "url"), "kinds": fields.get("kinds", []), **given(fields, "format")}
    )
    made = telling.create_webhook(database(), looking.caller, new.url, new.kinds, without_key(), new.format)
    return looking.part("parts/secret.html", title="The webhook's secret", secret=made.secret)


@router.post("/account/webhooks/{webhook_id}/delete")
def delete_webhook(webhook_id: UUID, looking: Looking, _fields: Fields) -> Response:
    """Deletes a webhook of the user."""
    telling.delete_webhook(database(), looking.caller, webhook_id)
    return go_to(looking.request, "/account")


@router.post("/account/mail-notices")
def choose_mail_notices(request: Request, looking: Looking, fields: Fields) -> Response:
    """Chooses of what to be told by mail."""
    wanted = validated(MailNotices, {"kinds": fields.get("mailed", [])})
    mailing.choose_mail_notices(database(), outbox(), looking.caller, wanted, site(request))
    said = "Mails come of what happens from now on." if wanted.kinds else "No more of these mails are sent."
    return looking.part("parts/done.html", said=said)


@router.post("/account/limits")
def change_limits(looking: Looking, fields: Fields) -> Response:
    """Other limits; a field that is left empty switches a rule off."""
    wanted = {name: fraction(fields, name) for name in _FRACTIONS if text(fields, name)}
    wanted |= {name: text(fields, name) for name in _COUNTS if text(fields, name)}
    limiting.set_limits(database(), looking.caller, validated(RiskLimitsBody, wanted))
    return looking.part("parts/done.html", said="The limits hold from the next order on.")


@router.post("/account/trading-state")
def change_state(looking: Looking, fields: Fields) -> Response:
    """Sets the user's own trading state as the form says."""
    wanted = validated(TradingStateBody, {"trading_state": text(fields, "trading_state")})
    limiting.choose_trading_state(database(), looking.caller, wanted.trading_state)
    return go_to(looking.request, "/account")


@router.post("/account/short-selling")
def change_short_selling(looking: Looking, fields: Fields) -> Response:
    """Enables short selling, or makes the account long only again."""
    limiting.choose_short_selling(database(), looking.caller, enabled=text(fields, "short_selling") == "on")
    return go_to(looking.request, "/account")


@router.get("/account/export")
def export_all(looking: Looking) -> Response:
    """Everything that is stored about the user."""
    content = json.dumps(accounts.export_account(database(), looking.caller), default=str, indent=1)
    answer = Response(content, media_type="application/json")
    answer.headers["Content-Disposition"] = 'attachment; filename="stratforge-export.json"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.post("/account/exports")
def make_export(looking: Looking, fields: Fields) -> Response:
    """Has a file made, and shows when it is there."""
    wanted = given(fields, "what", "format", "symbol")
    if wanted.get("what") == Exported.ACCOUNT:
        wanted = {"what": wanted["what"]}
    request = validated(ExportRequest, wanted)
    job = queueing.request_export(database(), outbox(), looking.caller, request, without_key())
    return looking.part("parts/export.html", job=job)


@router.get("/account/exports/{job_id}")
def export_made(job_id: UUID, looking: Looking) -> Response:
    """Shows whether a file is there yet."""
    with database().reading(looking.caller) as connection:
        return looking.part("parts/export.html", job=existing(jobs.get_job(connection, job_id), "export"))


@router.get("/account/exports/{job_id}/file")
def export_file(job_id: UUID, looking: Looking) -> Response:
    """Leads to the file that a job made."""
    link = queueing.link_to_export(database(), looking.caller, job_id, partial(link_to, settings().files_bucket))
    return go_to(looking.request, link.url)


@router.post("/account/close")
def close(looking: Looking, fields: Fields) -> Response:
    """Closes the account for good, after the password was given once more."""
    accounts.close_account(
        database(),
        outbox(),
        looking.caller,
        validated(Proof, _proof(fields)),
        partial(delete_files, settings().files_bucket),
    )
    answer = go_to(looking.request, "/register")
    cookies.leave(answer)
    return answer
