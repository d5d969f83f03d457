"""Keys, certificates, and settings that are dangerous where others can reach the services; pure."""

from datetime import timedelta

from cli.doctor.facts import Facts
from cli.doctor.findings import Finding, look, ok, wrong
from common.access.door import is_loopback
from common.config import PUBLIC_MESSAGE_KEY

SOON = timedelta(days=21)


def door(facts: Facts) -> Finding:
    settings = facts.settings
    if settings.auth == "on":
        return ok("Services ask for a token.")
    if is_loopback(settings.bind_host):
        return ok("AUTH is off, and services listen on this machine only.")
    if settings.insecure_dev:
        return look(
            f"AUTH is off on {settings.bind_host}, as INSECURE_DEV allows: who comes there may do everything.",
            "Set AUTH=on and AUTH_KEYS, or see that nobody else can come there.",
        )
    return wrong(f"AUTH is off on {settings.bind_host}.", "Set AUTH=on and AUTH_KEYS, or listen on 127.0.0.1.")


def message_key(facts: Facts) -> Finding:
    settings = facts.settings
    if settings.message_key != PUBLIC_MESSAGE_KEY:
        return ok("MESSAGE_KEY is one of your own.")
    if is_loopback(settings.bind_host):
        return ok("MESSAGE_KEY is the development one, and services listen on this machine only.")
    return wrong(
        f"MESSAGE_KEY is the public one, and services listen on {settings.bind_host}: anybody can pass for them.",
        "Set the same long random MESSAGE_KEY for all services (`cqrs secrets make`).",
    )


def keys(facts: Facts) -> Finding:
    if facts.keys_trouble is None:
        return (
            ok("No keys for tokens are configured.")
            if facts.settings.auth == "off"
            else wrong(
                "AUTH is on and AUTH_KEYS is empty: no service starts.", "Name the JWKS, or set AUTH=off on loopback."
            )
        )
    if facts.keys_trouble:
        return wrong(f"The keys that tokens are known by cannot be read: {facts.keys_trouble}.", "Set AUTH_KEYS right.")
    return ok("The keys that tokens are known by can be read.")


def certificate(facts: Facts) -> Finding:
    found = facts.certificate
    if found is None:
        if is_loopback(facts.settings.bind_host):
            return ok("The gateway speaks HTTP, on this machine only.")
        return look(
            "The gateway speaks HTTP beyond this machine.", "Set TLS_CERT and TLS_KEY, or put TLS in front of it."
        )
    if found.until is None:
        return wrong(f"The certificate {found.path} cannot be read: {found.trouble}.", "Set TLS_CERT right.")
    left, day = found.until - facts.at, f"{found.until:%Y-%m-%d}"
    if left < timedelta(0):
        return wrong(f"The certificate {found.path} ran out on {day}.", "Renew it and start the gateway again.")
    if left < SOON:
        return look(f"The certificate {found.path} runs out on {day}.", "Renew it and start the gateway again.")
    return ok(f"The certificate {found.path} is good until {day}.")


def verifying(facts: Facts) -> Finding:
    if facts.settings.verify_seconds == 0:
        return look("VERIFY_SECONDS is 0: nobody compares views with the log.", "Set it to 1, its default.")
    return ok("The projector compares views with the log while it runs.")
