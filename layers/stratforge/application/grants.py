"""Programs that act for somebody who allowed it in a browser: OAuth 2.1 with PKCE, for public clients.

A grant is a login with scopes. It is listed among the logins, ends as they do (signed out, another password, the account closed), and its tokens are refused
from then on. A program registers with nobody: its client id is what it says of itself (its name, and where codes may go), written out, and
a registration would say no more, since anybody can register. What is trusted is where the code goes, which the consent page shows.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import uuid4

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from stratforge.application import quotas
from stratforge.application.access import Caller, Scope
from stratforge.application.errors import Conflict, Invalid, Unauthenticated
from stratforge.application.logins import Login, Origin, begin_login, refresh_login
from stratforge.application.passwords import Proof
from stratforge.application.proofs import hold, require_recent_proof
from stratforge.application.quotas import spend
from stratforge.application.strategies import NAME_PATTERN
from stratforge.storage.postgres.database import Database
from stratforge.storage.users import accounts, grants
from stratforge.storage.users.grants import AuthorizationCode
from stratforge.storage.users.tokens import hash_token

_MOST_GRANTS = 30
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_LONGEST_ID = 3_000


# An address that codes are sent to is of these characters and this form alone, so that no browser reads another host in it than is shown.
_PLAIN = r"(?P<rest>(?:[/?](?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?)"
_PORT = r"(?::(?P<port>[1-9][0-9]{0,4}))?"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_SITE = re.compile(rf"https://(?P<host>(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])){_PORT}{_PLAIN}")
_HERE = re.compile(rf"http://(?P<host>127\.0\.0\.1|localhost|\[::1\]){_PORT}{_PLAIN}")


@dataclass(frozen=True, slots=True)
class Destination:
    """The place that codes go to: a site, or a program on the visitor's own machine.

    Attributes:
        site: The site's host, and its port where it is not the usual one; None for a program on the machine.
        host: The host.
        rest: The path and the query, as written.
    """

    site: str | None
    host: str
    rest: str


def destination_of(address: str) -> Destination:
    """Reads an address that codes are to be sent to; the one reading of it, by which it is checked, shown and gone to.

    Raises:
        ValueError: if it is neither one of a site over https nor one of a program on the same machine over http, both in plain characters.
    """
    found = _SITE.fullmatch(address) or _HERE.fullmatch(address)
    if found is None or int(found["port"] or 0) > 65_535:
        raise ValueError("codes are sent to https://host/path, or to http://127.0.0.1/path on the same machine")
    shown = found["host"] + (f":{found['port']}" if found["port"] else "")
    return Destination(shown if address.startswith("https:") else None, found["host"], found["rest"])


def _leads_to_a_program(address: str) -> str:
    destination_of(address)
    return address


RedirectAddress = Annotated[str, Field(max_length=300), AfterValidator(_leads_to_a_program)]


class Program(BaseModel):
    """A program by what it says of itself (RFC 7591); the rest of what it may say is not kept.

    Attributes:
        redirect_uris: The addresses that codes may be sent to.
        client_name: Its name, which nobody has checked.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    redirect_uris: Annotated[list[RedirectAddress], Field(min_length=1, max_length=5)]
    client_name: str = Field("A program", min_length=1, max_length=60, pattern=NAME_PATTERN)

    @property
    def client_id(self) -> str:
        """The program written out, so that nothing of it is kept here."""
        said = json.dumps([self.client_name, *self.redirect_uris], separators=(",", ":"))
        return urlsafe_b64encode(said.encode()).decode().rstrip("=")

    def takes(self, address: str) -> bool:
        """Returns whether codes may be sent to an address: one of its own; on the same machine with any port (RFC 8252)."""
        return any(each == address or _same_but_for_the_port(each, address) for each in self.redirect_uris)


def _same_but_for_the_port(registered: str, address: str) -> bool:
    try:
        one, other = destination_of(registered), destination_of(address)
    except ValueError:
        return False
    return one.site is None and one == other


def program_of(client_id: str) -> Program:
    """The program with a client id.

    Raises:
        Invalid: if there can be none with it.
    """
    try:
        if len(client_id) > _LONGEST_ID:
            raise ValueError
        name, *addresses = json.loads(urlsafe_b64decode(client_id + "=" * (-len(client_id) % 4)))
        found = Program(client_name=name, redirect_uris=addresses)
        if found.client_id != client_id:
            raise ValueError
    except (ValueError, TypeError, RecursionError, ValidationError):
        raise Invalid(
            "The program that sent you here is not known. Have it register again.", code="invalid-client"
        ) from None
    return found


@dataclass(frozen=True, slots=True)
class Wish:
    """A program's request to be allowed something.

    Attributes:
        redirect_uri: Where the code is to go; an address that `destination_of` reads.
        challenge: The hash of its secret (PKCE, S256).
        scopes: What it asks for, of the scopes that there are.
    """

    program: Program
    redirect_uri: str
    challenge: str
    scopes: tuple[Scope, ...]


def wish_of(client_id: str, redirect_uri: str, challenge: str, method: str, scope: str) -> Wish:
    """Reads what a program asks for; all scopes where it names none.

    Raises:
        Invalid: if it cannot be told about in a redirection, since nobody knows where it may lead, or if it does not prove itself with PKCE.
    """
    program = program_of(client_id)
    if not program.takes(redirect_uri):
        raise Invalid("The address that the code would go to is not one of the program's.", code="invalid-redirect")
    if method != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise Invalid("The program must send a code_challenge with the method S256.", code="invalid-request")
    asked = scope.split()
    wanted = tuple(each for each in Scope if each in asked) if asked else tuple(Scope)
    if not wanted:
        raise Invalid(
            f"The program asks for scopes that do not exist; there are {', '.join(Scope)}.", code="invalid-scope"
        )
    return Wish(program, redirect_uri, challenge, wanted)


def allow(
    database: Database, caller: Caller, wish: Wish, allowed: Sequence[Scope], proof: Proof | None, origin: Origin
) -> str:
    """Allows a program to act for the caller, as far as the scopes go; returns the code that it exchanges for tokens.

    Raises:
        Forbidden: if a program or an API key asks, or a proof is needed (the last is older than ten minutes) and missing or wrong.
        Invalid: if nothing was allowed, or more than was asked for.
        Conflict: if thirty programs act for him already.
        LimitReached: if programs were allowed too often.
    """
    scopes = sorted({*allowed})
    if not scopes or not {*scopes} <= {*wish.scopes}:
        raise Invalid("Choose at least one of what the program asks for.", code="invalid-scope")
    require_recent_proof(database, caller, proof)
    code = secrets.token_urlsafe(32)
    with database.transaction(caller) as connection:
        hold(connection, caller)
        spend(connection, caller, quotas.PROGRAMS)
        if grants.open_grants(connection, caller.user_id) >= _MOST_GRANTS:
            message = f"{_MOST_GRANTS} programs act for you already; sign one out first."
            raise Conflict(message, code="too-many-programs")
        grantee = hash_token(wish.program.client_id)
        made = AuthorizationCode(
            caller.user_id,
            uuid4(),
            grantee,
            wish.program.client_name,
            origin.address,
            wish.redirect_uri,
            wish.challenge,
            scopes,
        )
        grants.add_code(connection, hash_token(code), made)
    return code


def redeem(database: Database, code: str, client_id: str, redirect_uri: str, verifier: str) -> Login:
    """Begins the login that a code stands for.

    Raises:
        Unauthenticated: if the code is unknown, over or used (then its login ends), was given to another program or for another address, or the
            program does not know the secret that it showed the hash of; or as many programs act for the user as may.
    """
    refused = Unauthenticated("The code is not good. Ask for another.", code="invalid-grant")
    hashed = hash_token(code)
    with database.transaction() as connection:
        owner = grants.owner_of(connection, hashed)
    if owner is None:
        raise refused
    login = None
    # Several may have been allowed while there was room for one.
    full = Unauthenticated(f"{_MOST_GRANTS} programs act for this user already.", code="invalid-grant")
    with database.transaction(owner) as connection:
        # Who comes with the same code waits here, and then ends what it began. What was refused spends it too.
        if accounts.hold(connection, owner) is not None:
            found = grants.spend_code(connection, hashed)
            if found is not None and _is_for(found, client_id, redirect_uri, verifier):
                if grants.open_grants(connection, owner) >= _MOST_GRANTS:
                    refused = full
                else:
                    login = begin_login(connection, owner, Origin(found.address, found.client), found)
    if login is None:
        raise refused
    return login


def _is_for(found: AuthorizationCode, client_id: str, redirect_uri: str, verifier: str) -> bool:
    if (found.grantee, found.redirect_uri) != (hash_token(client_id), redirect_uri):
        return False
    return bool(_VERIFIER.fullmatch(verifier)) and hmac.compare_digest(_challenge_of(verifier), found.challenge)


def _challenge_of(verifier: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def refresh(database: Database, token: str, client_id: str) -> Login:
    """Exchanges a program's refresh token, once, for new tokens; one that comes twice ends its login.

    Raises:
        Unauthenticated: if it is unknown, expired or spent, was given to another program, or its login has ended.
    """
    return refresh_login(database, token, hash_token(client_id))
