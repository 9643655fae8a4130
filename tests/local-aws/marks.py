"""Which of our marks the OUs, accounts and shares carry that a request names, for the conditions on them."""

from urllib.parse import unquote

from moto.organizations.models import organizations_backends
from moto.ram.models import ram_backends

# What conditions of template.yaml ask for.
MARKS = ("archipelago:owner", "archipelago:made")


def carried(query, body):
    """The marks by the ID or ARN of what carries them, as it is before the request has its effect."""
    text = unquote(query) + (body.decode(errors="replace") if isinstance(body, bytes) else body)
    return {name: [mark for mark in MARKS if mark in thing.tags] for name, thing in _things() if name in text}


def _things():
    for backend in _backends(organizations_backends):
        yield from ((thing.id, thing) for thing in [*backend.ou, *backend.accounts])
    for backend in _backends(ram_backends):
        # moto's own shares would have no tags.
        yield from ((share.arn, share) for share in backend.resource_shares)


def _backends(accounts):
    return [backend for regions in list(accounts.values()) for backend in list(regions.values())]
