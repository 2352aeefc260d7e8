"""Mails as they are sent on one machine: by the product's own mailer, to the engine's SES, shown by the mailbox."""

from __future__ import annotations

import html
import re
import time

from local_platform.platform import Platform
from stratforge.client import Client

from tests.support.patience import opened
from tests.support.trading import wait_for


def mails_to(platform: Platform, address: str) -> list[str]:
    """The mails to an address that the mailbox shows, the latest first."""
    with opened(f"{platform.address}/mailbox") as reply:
        page = reply.read().decode()
    return [
        html.unescape(each) for each in re.findall(r"<article>.*?</article>", page, re.S) if f"To {address}," in each
    ]


def test_who_forgot_the_password_sets_a_new_one_with_the_link_that_the_mailbox_shows(platform: Platform) -> None:
    address = f"forgetful-{time.time_ns()}@example.com"
    client = Client(platform.address)
    client.register(address, "a long enough password")
    Client(platform.address).call("POST", "/v1/auth/password/reset", {"email": address})

    def links_to_it() -> list[str]:
        mails = mails_to(platform, address)
        return [found[1] for each in mails if (found := re.search(r'href="([^"]+/reset[^"]+)"', each))]

    links = wait_for(links_to_it, 60, "a mail")
    assert links[0].startswith(f"{platform.address}/reset?token="), "the link leads to the one address"
    token = links[0].partition("token=")[2]
    new = "quite another long password"
    Client(platform.address).call("PUT", "/v1/auth/password/reset", {"token": token, "new_password": new})
    back = Client(platform.address)
    back.log_in(address, new)
    assert back.call("GET", "/v1/users/me")["email_confirmed_at"] is not None
