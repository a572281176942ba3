"""Telling others that a job has ended, signed, and never at an address that is not public."""

from relaxd.service.webhooks._notices import Notifier, check_webhook

__all__ = ["Notifier", "check_webhook"]
