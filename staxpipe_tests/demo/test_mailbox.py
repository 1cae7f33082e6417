"""The mail catcher."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from urllib.parse import urlsplit

from staxpipe.demo.mailbox import Mailbox


def test_mails_are_kept_as_people_read_them() -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", "Über 4 months are ready"
    message.set_content("Σ 12.30\n")
    message.add_alternative("<p>Σ</p>", subtype="html")
    with Mailbox() as mailbox:
        address = urlsplit(mailbox.url)
        with smtplib.SMTP(str(address.hostname), int(address.port or 0)) as client:
            client.send_message(message)
        (mail,) = mailbox.mails()
    assert (mail.to, mail.subject) == (("b@example.com",), "Über 4 months are ready")
    assert mail.text.strip() == "Σ 12.30"
