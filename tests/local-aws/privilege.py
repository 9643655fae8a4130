"""Compares the calls of AWS that a run of all tests recorded with what template.yaml allows, both ways."""

import functools
import sys

from calls import recorded
from local_aws import ROOT
from marks import MARKS
from policies import Template

# What no function calls by itself, and who does in its name.
OF_OTHERS = {
    "iam:CreateServiceLinkedRole": "Organizations, RAM and CloudFormation, where they are switched on",
    "logs:CreateLogStream": "Lambda, which writes the log",
    "logs:PutLogEvents": "Lambda, which writes the log",
    "sqs:DeleteMessage": "Lambda, which feeds the failure responder from its queue",
    "sqs:GetQueueAttributes": "Lambda, which feeds the failure responder from its queue",
    "sqs:ReceiveMessage": "Lambda, which feeds the failure responder from its queue",
    "sqs:SendMessage": "Lambda, which hands failures over",
}
# The same of one function alone.
OF_OTHERS_THERE = {("organization", "iam:GetRole"): "CloudFormation, which looks for the role of StackSets"}
# What the libraries call for several functions by the same code: seen of one, it is believed of all.
OF_ALL = {"dynamodb:GetItem", "lambda:InvokeFunction", "sts:AssumeRole"}
# Statements about several functions, or of several with the same code: seen of one, it is believed of the others.
OF_EACH = {"KeepAliases", "LetCallersIn", "ReadWhatCallersMayHave"}
# Everybody may ask who they are.
FREE = {"sts:GetCallerIdentity"}


def is_of_others(function, action):
    """Whether the function may call that for others, and doesn't by itself."""
    return action in OF_OTHERS or (function, action) in OF_OTHERS_THERE


def gaps(template, calls):
    """A sentence for each action that a function called and may not, and for each permission that no call needed."""
    policies_in = functools.cache(template.policies)
    missing, needed, believed, believed_there = {}, set(), set(), set()
    for call in calls:
        function = call.function.removeprefix("archipelago-")
        # A role that is assumed in another account needs there what the function's own has. Some tests have functions
        # of their own.
        policy = policies_in(call.account, call.region).get(function)
        if policy is None or call.action in FREE:
            continue
        for resource in call.resources or ["*"]:
            known = call.marks_of(resource)
            # What isn't known carries every mark for a call to be allowed, and none for a permission to be needed.
            covering, needing = (
                [index for index, permission in enumerate(policy) if permission.covers(call, resource, marks)]
                for marks in ((MARKS, ()) if known is None else (known, known))
            )
            if not covering or any(policy[index].effect == "Deny" for index in covering):
                missing[function, call.action] = resource
            needed |= {(function, index) for index in needing}
            believed |= {policy[index].action for index in needing} & OF_ALL
            believed_there |= {(policy[index].sid, policy[index].action) for index in needing}
    spare = [
        f"{function} may call {permission}, which it never did"
        for function, policy in policies_in("111111111111", "us-east-1").items()
        for index, permission in enumerate(policy)
        if permission.effect == "Allow" and (function, index) not in needed
        if not is_of_others(function, permission.action) and permission.action not in believed
        if permission.sid not in OF_EACH or (permission.sid, permission.action) not in believed_there
    ]
    return [
        *(f"{who} called {action}, on {what} for one, and may not" for (who, action), what in sorted(missing.items())),
        *spare,
    ]


def main(folder):
    calls = recorded(folder)
    if found := gaps(Template(ROOT / "template.yaml"), calls):
        sys.exit("\n".join(found))
    print(f"{len(calls)} different calls of functions: no permission is missing, and none is spare.")


if __name__ == "__main__":
    main(*sys.argv[1:])
