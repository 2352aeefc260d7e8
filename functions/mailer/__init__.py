"""Sends the mails that wait, by SES."""
