"""What somebody does who reads a mailbox or holds an authenticator app: follows links, confirms the address, switches the second factor on."""

from __future__ import annotations

import re
import time
from typing import Any

from pyotp import TOTP
from stratforge.application.mailing import Mail

from tests.support.api import PASSWORD, Api, User

NEW_PASSWORD = "quite another long password"


def token_of(mail: Mail) -> str:
    """The token of the link in a mail."""
    found = re.search(r"\?token=(\S+)", mail.text)
    assert found is not None, mail.text
    return found[1]


def code_of(answer: Any) -> str:
    """The code of the problem that an answer tells of."""
    return str(answer.json()["type"]).rpartition(":")[2]


def confirm(api: Api, token: str, password: str = PASSWORD) -> Any:
    """Follows the link that confirms an address."""
    return api.client().put("/v1/auth/email/confirmation", json={"token": token, "password": password})


def reset(api: Api, token: str, password: str = NEW_PASSWORD) -> Any:
    """Follows the link that sets a new password."""
    return api.client().put("/v1/auth/password/reset", json={"token": token, "new_password": password})


def switch_on(user: User) -> tuple[TOTP, list[str]]:
    """Switches the second factor on; its app, and the recovery codes."""
    app = TOTP(user.call("POST", "/v1/users/me/two-factor", {"password": PASSWORD}).json()["secret"])
    path, headers = "/v1/users/me/two-factor/confirmation", {"X-Device": user.tokens["device"]}
    # The code of the half minute before counts until this one is over: near its end the next one is waited for.
    left = 30 - time.time() % 30
    if left < 5:
        time.sleep(left)
    answer = user.call("POST", path, {"code": app.at(time.time() - 30)}, headers=headers)
    assert answer.status_code == 200, answer.text
    return app, answer.json()["codes"]
