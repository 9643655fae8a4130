"""A resource share and its associations, which take their time to come and to go."""

import math
import os
import time

from moto.core.exceptions import JsonRESTError as Refusal
from moto.ram.exceptions import UnknownResourceException
from moto.ram.models import ResourceShare

from sharing_rules import WITHIN, external_principals, is_subnet, refuse_resources

# AWS lists what is gone for a while; how long, the API's model doesn't say.
DEFAULT_SECONDS = {"linger": 7200}


class Passage:
    """A status that lasts until its time has come, and the one that follows."""

    def __init__(self, passing, final, seconds, start=0):
        self.passing, self.final, self.began = passing, final, time.time()
        self.due = max(self.began, start) + seconds

    @property
    def status(self):
        return self.final if self.due <= time.time() else self.passing

    @property
    def changed(self):
        return self.due if self.due <= time.time() else self.began

    def is_forgotten(self, linger):
        return self.final in ("DELETED", "DISASSOCIATED") and self.due + linger <= time.time()


class Association:
    """A principal or a resource of a share."""

    def __init__(self, share, kind, entity, external):
        self.share, self.kind, self.entity, self.external = share, kind, entity, external
        self.created = time.time()
        final = "FAILED" if share.tags.get("local:fails") == entity else "ASSOCIATED"
        # Who is outside the organization has to accept an invitation, and here nobody does.
        seconds = math.inf if external else share.seconds("association")
        self.passage = Passage("ASSOCIATING", final, seconds, share.passage.due)

    def leave(self):
        self.passage = Passage("DISASSOCIATING", "DISASSOCIATED", self.share.seconds("association"))

    def refuse_while(self, *statuses):
        status = self.passage.status
        if status in statuses and math.isfinite(self.passage.due):
            raise Refusal(
                "InvalidStateTransitionException",
                f"At least one of the associations in the resource share is in {status} status.",
            )

    def describe(self, status=None):
        described = {
            "resourceShareArn": self.share.arn,
            "resourceShareName": self.share.name,
            "associatedEntity": self.entity,
            "associationType": self.kind,
            "status": status or self.passage.status,
            "creationTime": self.created,
            "lastUpdatedTime": self.passage.changed,
            "external": self.external,
        }
        if described["status"] == "FAILED":
            described["statusMessage"] = f"{self.entity} can't be associated."
        return described

    def as_resource(self):
        service, kind = self.entity.split(":")[2], self.entity.split(":")[5].split("/")[0]
        return {
            "arn": self.entity,
            "type": f"{service}:{kind.title().replace('-', '')}",
            "resourceShareArn": self.share.arn,
            "status": {"ASSOCIATED": "AVAILABLE", "FAILED": "UNAVAILABLE"}.get(self.passage.status, "PENDING"),
            "creationTime": self.created,
            "lastUpdatedTime": self.passage.changed,
            "resourceRegionScope": "REGIONAL",
        }


class Share(ResourceShare):
    # moto reads there which service a model belongs to.
    __module__ = ResourceShare.__module__

    def __init__(self, account_id, region, tags, **request):
        super().__init__(account_id, region, **request)
        self.tags = tags
        self.passage = Passage("PENDING", "ACTIVE", self.seconds("share"))
        self.associations = {}

    def seconds(self, what):
        """How long it takes: the share's tag `local:<what>-seconds`, else the variable, else the default."""
        told = self.tags.get(f"local:{what}-seconds") or os.environ.get(f"RAM_{what.upper()}_SECONDS")
        return float(told or DEFAULT_SECONDS.get(what, 0))

    @property
    def present(self):
        return {
            entity: association
            for entity, association in self.associations.items()
            if association.passage.status != "DISASSOCIATED"
        }

    def reaches(self, names):
        """Whether it gives access to who goes by these names."""
        associated = {each.entity for each in self.present.values() if each.passage.status == "ASSOCIATED"}
        return self.passage.status == "ACTIVE" and not names.isdisjoint(associated)

    def associate(self, principals, resources, onboarding):
        refuse_resources(self, resources, onboarding)
        external = external_principals(self, principals)
        present = self.present
        reaches_out = external or any(association.external for association in present.values())
        if reaches_out and any(map(is_subnet, [*resources, *present])):
            raise Refusal("OperationNotPermittedException", WITHIN)
        asked = [("PRINCIPAL", entity) for entity in principals] + [("RESOURCE", entity) for entity in resources]
        for _, entity in asked:
            if entity in present:
                present[entity].refuse_while("DISASSOCIATING")
        answer = []
        for kind, entity in asked:
            # What is there already isn't refused: https://github.com/hashicorp/terraform-provider-aws/issues/33483
            if entity in present and present[entity].passage.status != "FAILED":
                answer.append(present[entity].describe())
            else:
                self.associations[entity] = Association(self, kind, entity, entity in external)
                answer.append(self.associations[entity].describe("ASSOCIATING"))
        return answer

    def disassociate(self, entities):
        present = self.present
        for entity in entities:
            if entity not in present:
                raise UnknownResourceException(f"The association of {entity} could not be found.")
            # https://github.com/hashicorp/terraform-provider-aws/issues/13458
            present[entity].refuse_while("ASSOCIATING", "DISASSOCIATING")
        for entity in entities:
            present[entity].leave()
        return [present[entity].describe("DISASSOCIATING") for entity in entities]

    def delete(self):
        for association in self.present.values():
            association.refuse_while("ASSOCIATING")
        for association in self.present.values():
            association.leave()
        self.passage = Passage("DELETING", "DELETED", self.seconds("share"))

    def forget(self):
        """Drops the associations that have been gone for long enough."""
        linger = self.seconds("linger")
        gone = [entity for entity, each in self.associations.items() if each.passage.is_forgotten(linger)]
        for entity in gone:
            del self.associations[entity]

    def describe(self):
        described = super().describe()
        changed = max(described["lastUpdatedTime"], self.passage.changed)
        return {**described, "status": self.passage.status, "lastUpdatedTime": changed}
