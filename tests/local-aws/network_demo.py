"""The part of the demonstration that spans accounts: subnets, shared with a unit and named by who uses them."""

import picture
from local_aws import ROOT
from stage import Stage, check, say

STACK, TEMPLATE = "network", ROOT / "stacks/network.yaml"
NAMES, NAMES_TEMPLATE = "participant", ROOT / "stacks/participant.yaml"
NAME = "workloads"


class Network:
    """The network account, a participant in the unit that it shares with, and an account that isn't in there."""

    def __init__(self, network, participant, outsider):
        self.owner, self.participant, self.outsider = map(Stage, (network, participant, outsider))

    @property
    def accounts(self):
        """Those that have stacks."""
        return (self.owner.account, self.participant.account)

    def prepare(self):
        """Nothing left of a demonstration before this one."""
        for stage, stack in ((self.participant, NAMES), (self.owner, STACK)):
            if stage.stack(stack):
                print(f"\nA stack {stack} is left from before; it goes first.")
                stage.delete(stack)

    def share(self, unit):
        say("Share", "subnets in three zones of the account network, with the unit Workloads")
        before = self._look()
        # The local AWS has neither NAT gateways nor flow logs.
        self.owner.create(STACK, TEMPLATE, Principals=unit, NatGateways="None", FlowLogDays="0")
        after = self._show(before)
        lines = after["shares of network"]
        check("the share is active", "ACTIVE" in lines[0])
        check("it has three subnets and the unit", [line.split()[-1] for line in lines[1:]] == ["ASSOCIATED"] * 4)
        check("app-development sees them, nameless", _names(after["subnets in app-development"]) == ["(no tags)"] * 3)
        check("sandbox, in another unit, doesn't", not picture.subnets(self.outsider.client("ec2"), self.owner.account))

    def name(self):
        say("Tag", "the account app-development, where the network's own names aren't seen, gives them one")
        before = self._look()
        self.participant.create(NAMES, NAMES_TEMPLATE, SubnetIds=self.owner.outputs(STACK)["SubnetIds"])
        after = self._show(before)
        named = [f"Name={NAME}"] * 3
        check("they have it in app-development", _names(after["subnets in app-development"]) == named)
        own = [f"Name={NAME}-{letter}" for letter in "abc"]
        check("and their own in network", _names(after["subnets in network"]) == own)

    def unshare(self):
        say("Delete", "both stacks: the names first, then the share and its subnets")
        before = self._look()
        self.participant.delete(NAMES)
        self.owner.delete(STACK)
        after = self._show(before)
        check("nothing is left", not any(after.values()))

    def _look(self):
        """The network's shares and subnets, and what the participant sees of these, as lines."""
        owner = self.owner.account
        return {
            "shares of network": picture.shares(self.owner.client("ram")),
            "subnets in network": picture.subnets(self.owner.client("ec2"), owner),
            "subnets in app-development": picture.subnets(self.participant.client("ec2"), owner),
        }

    def _show(self, before):
        after = self._look()
        for name, lines in after.items():
            picture.change(name[0].upper() + name[1:], before[name], lines)
        print()
        return after


def _names(lines):
    return [line.split("  ")[-1] for line in lines]
