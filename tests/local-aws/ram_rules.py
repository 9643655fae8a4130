"""What RAM answers about resource shares, and moto doesn't: once per client token, in pages, and to participants."""

import functools
import re
import threading

from moto.core.exceptions import InvalidNextTokenException
from moto.core.exceptions import JsonRESTError as Refusal
from moto.core.responses import ActionResult
from moto.ram import urls
from moto.ram.exceptions import MalformedArnException, UnknownResourceException
from moto.ram.models import ram_backends
from moto.ram.responses import ResourceAccessManagerResponse

from resource_share import Share
from sharing_rules import names_of

PAGE = 5
SHARE_ARN = re.compile(r"arn:aws:ram:[a-z0-9-]+:\d{12}:resource-share/[0-9a-f-]+")
# moto serves in threads, and two may bring one client token at once.
_one_at_a_time = threading.RLock()


def operation(act):
    """Has RAM's operation of the function's name answered by it, or, for a client token, by what it said before."""

    @functools.wraps(act)
    def answer(self):
        request = self.request_params or {name: values[0] for name, values in self.querystring.items()}
        token = request.pop("clientToken", None)
        with _one_at_a_time:
            if token is None:
                return ActionResult(act(self.ram_backend, request))
            answered, key = self.ram_backend.__dict__.setdefault("answered", {}), (act.__name__, token)
            if key not in answered:
                answered[key] = (request, {**act(self.ram_backend, request), "clientToken": token})
        asked, said = answered[key]
        if asked != request:
            raise Refusal(
                "IdempotentParameterMismatchException", "The client token was used before, with other parameters."
            )
        return ActionResult(said)

    setattr(ResourceAccessManagerResponse, act.__name__, answer)
    return act


@operation
def create_resource_share(backend, request):
    share = Share(backend.account_id, backend.region_name, **(request | {"tags": _tags(request)}))
    # https://github.com/aws-samples/aws-vpc-builder-cdk/issues/15
    share.associate(*_entities(request), "OperationNotPermittedException")
    backend.resource_shares.append(share)
    return {"resourceShare": share.describe()}


@operation
def update_resource_share(backend, request):
    share = _share(backend, request)
    allow = request.get("allowExternalPrincipals", share.allow_external_principals)
    share.update(allow, request.get("name", share.name))
    return {"resourceShare": share.describe()}


@operation
def delete_resource_share(backend, request):
    _active(backend, request).delete()
    return {"returnValue": True}


@operation
def associate_resource_share(backend, request):
    # https://github.com/hashicorp/terraform-provider-aws/pull/46542
    associations = _active(backend, request).associate(*_entities(request), "InvalidParameterException")
    return {"resourceShareAssociations": associations}


@operation
def disassociate_resource_share(backend, request):
    principals, resources = _entities(request)
    return {"resourceShareAssociations": _active(backend, request).disassociate([*principals, *resources])}


@operation
def tag_resource(backend, request):
    _share(backend, request).tags.update(_tags(request))
    return {}


@operation
def untag_resource(backend, request):
    share = _share(backend, request)
    share.tags = {key: value for key, value in share.tags.items() if key not in request["tagKeys"]}
    return {}


@operation
def get_resource_shares(backend, request):
    # moto refuses what it can't list.
    backend.get_resource_shares(request["resourceOwner"])
    found = [
        {**share.describe(), "tags": [{"key": key, "value": value} for key, value in share.tags.items()]}
        for share in _listed(backend, request)
        if _is_tagged(share, request.get("tagFilters"))
    ]
    return _page(request, "resourceShares", found, {"name": "name", "status": "resourceShareStatus"})


@operation
def get_resource_share_associations(backend, request):
    kind, principal, resource = (request.get(name) for name in ("associationType", "principal", "resourceArn"))
    # moto refuses what doesn't go together.
    backend.get_resource_share_associations(kind, None, [], resource, principal)
    found = [
        association.describe()
        for share in _listed(backend, request)
        for association in share.associations.values()
        # A unit's ID, which will do as well, is the end of its ARN.
        if principal in (None, association.entity, association.entity.split("/")[-1])
    ]
    filters = {"associationType": "associationType", "associatedEntity": "resourceArn", "status": "associationStatus"}
    return _page(request, "resourceShareAssociations", found, filters)


@operation
def list_resources(backend, request):
    """What the account shares, or what others share with it."""
    names = names_of(backend.account_id)
    own = request["resourceOwner"] == "SELF"
    others = [
        regions[backend.region_name] for account, regions in ram_backends.items() if account != backend.account_id
    ]
    found = [
        association.as_resource()
        for owner in ([backend] if own else others)
        for share in _listed(owner, {})
        if own or share.reaches(names)
        for association in share.present.values()
        if association.kind == "RESOURCE" and (own or association.passage.status == "ASSOCIATED")
    ]
    return _page(request, "resources", found, {"type": "resourceType"})


def _listed(backend, request):
    """The shares that were asked for by ARN, or all; those that are gone are among them while they linger."""
    for share in backend.resource_shares:
        share.forget()
    backend.resource_shares = [
        share for share in backend.resource_shares if not share.passage.is_forgotten(share.seconds("linger"))
    ]
    shares = {share.arn: share for share in backend.resource_shares}
    arns = request.get("resourceShareArns", shares)
    for arn in arns:
        if not SHARE_ARN.fullmatch(arn):
            raise MalformedArnException(f"The specified resource share ARN {arn} is not valid.")
        if arn not in shares:
            raise UnknownResourceException(f"ResourceShare {arn} could not be found.")
    return [shares[arn] for arn in arns]


def _share(backend, request):
    arn = request.get("resourceShareArn", "")
    (share,) = _listed(backend, {"resourceShareArns": [arn]})
    if share.passage.status == "DELETED":
        raise UnknownResourceException(f"ResourceShare {arn} could not be found.")
    return share


def _active(backend, request):
    share = _share(backend, request)
    status = share.passage.status
    if status != "ACTIVE":
        raise Refusal("InvalidStateTransitionException", f"The resource share is in {status} status.")
    return share


def _entities(request):
    return request.get("principals", []), request.get("resourceArns", [])


def _tags(request):
    tags = {tag["key"]: tag["value"] for tag in request.get("tags", [])}
    if any(key.startswith("aws:") for key in tags):
        raise Refusal("TagPolicyViolationException", "The tag keys that begin with aws: are reserved.")
    return tags


def _is_tagged(share, filters):
    """One filter that fits is enough."""
    return not filters or any(
        each["tagKey"] in share.tags and share.tags[each["tagKey"]] in (each.get("tagValues") or share.tags.values())
        for each in filters
    )


def _page(request, name, found, filters):
    """A page of what was found; the first is empty, as AWS's are now and then, and the others are small."""
    wanted = {member: request[asked] for member, asked in filters.items() if asked in request}
    found = [each for each in found if wanted.items() <= each.items()]
    token = request.get("nextToken", "0" if not found else None)
    if token is None:
        return {name: [], "nextToken": "0"}
    if not token.isdigit():
        raise InvalidNextTokenException
    start, size = int(token), min(request.get("maxResults", PAGE), PAGE)
    page = {name: found[start : start + size]}
    return {**page, "nextToken": str(start + size)} if start + size < len(found) else page


for path in ("associateresourceshare", "disassociateresourceshare", "listresources", "tagresource", "untagresource"):
    urls.url_paths[f"{{0}}/{path}$"] = ResourceAccessManagerResponse.dispatch
