"""What tools/plan makes of a change set and of the functions' plans.

The local AWS shows no property values in a change set, so the answers are written as the API's reference and the user
guide show them:
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-samples.html
"""

import json
import os
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

from local_aws import ROOT

STACK = "arn:aws:cloudformation:eu-west-1:222222222222:stack/workload/1f0a"
NESTED = "arn:aws:cloudformation:eu-west-1:222222222222:changeSet/nested/2f0a"
FUNCTION = "arn:aws:lambda:eu-west-1:111111111111:function:archipelago-ecr-policy-statement"
UNKNOWN = "{{changeSet:KNOWN_AFTER_APPLY}}"
STATEMENT = {"Effect": "Allow", "Principal": {"AWS": UNKNOWN}, "Action": "ecr:BatchGetImage"}

# It answers as the command does, from the files beside it, and writes down how it was called.
FAKE = (
    f"#!{sys.executable}\n"
    + """\
import json, sys
from pathlib import Path
here, arguments = Path(__file__).parent, sys.argv[1:]
after = lambda name: arguments[arguments.index(name) + 1]
payload = None
if arguments[:2] == ["lambda", "invoke"]:
    payload = json.loads(Path(after("--payload").removeprefix("fileb://")).read_text())
with (here / "calls").open("a") as calls:
    calls.write(json.dumps([arguments, payload]) + "\\n")
if arguments[0] == "lambda":
    plans = json.loads((here / "plans").read_text())
    plan = plans[payload["LogicalResourceId"]]
    Path(arguments[arguments.index("--payload") + 2]).write_text(json.dumps(plan))
    print(json.dumps({"StatusCode": 200} | ({"FunctionError": "Unhandled"} if plan is None else {})))
else:
    sets = json.loads((here / "sets").read_text())
    if after("--change-set-name") not in sets:
        print("An error occurred (ChangeSetNotFound): no such change set", file=sys.stderr)
        sys.exit(254)
    print(json.dumps(sets[after("--change-set-name")]))
"""
)


def change(action, name, kind="EcrPolicyStatement", before=None, after=None, **more):
    shown = {"Action": action, "LogicalResourceId": name, "ResourceType": f"Custom::{kind}", "Details": []}
    for side, properties in (("BeforeContext", before), ("AfterContext", after)):
        if properties is not None:
            shown[side] = json.dumps({"Properties": properties})
    return {"Type": "Resource", "ResourceChange": shown | more}


def change_set(*changes):
    return {"StackId": STACK, "StackName": "workload", "Status": "CREATE_COMPLETE", "Changes": list(changes)}


def properties(qualifier="", **more):
    return {"ServiceToken": FUNCTION + qualifier, "RepositoryName": "app", "Statement": STATEMENT} | more


class Plan(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        command = self.folder / "aws"
        command.write_text(FAKE)
        command.chmod(0o755)

    def run_plan(self, sets, plans, *more):
        (self.folder / "sets").write_text(json.dumps(sets))
        (self.folder / "plans").write_text(json.dumps(plans))
        command = [
            sys.executable,
            ROOT / "tools/plan",
            "--stack-name",
            "workload",
            "--change-set-name",
            "change",
            *more,
        ]
        path = f"{self.folder}:{os.environ['PATH']}"
        done = subprocess.run(command, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False)
        calls = self.folder / "calls"
        self.calls = [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []
        return done

    def shown(self, plan, action="Add"):
        sets = {"change": change_set(change(action, "Pull", after=properties()))}
        done = self.run_plan(sets, {"Pull": plan})
        return done.returncode, done.stdout

    def test_without_the_properties_there_is_no_plan(self):
        done = self.run_plan({"change": change_set(change("Add", "Pull"))}, {})
        sentence = "the change set doesn't show the properties of Pull, so there is no plan of it\n"
        self.assertEqual((done.returncode, done.stdout, done.stderr), (2, "", sentence))

    def test_a_policy_is_shown_by_what_changes_in_it(self):
        old = {"Sid": "Old", "Effect": "Deny"}
        before = {"Version": "2012-10-17", "Statement": [old]}
        after = {"Version": "2012-10-17", "Statement": [old, {"Sid": "Pull0123456789", "Effect": "Allow"}]}
        plan = {"Policy": "repository app", "Before": before, "After": after, "Size": 1200, "SizeLimit": 10240}
        expected = """\
            + Pull (Custom::EcrPolicyStatement): Add
                the policy of repository app, 1,200 of 10,240 afterwards
                       {
                         "Sid": "Old",
                         "Effect": "Deny"
                  +    },
                  +    {
                  +      "Sid": "Pull0123456789",
                  +      "Effect": "Allow"
                       }
                     ]
                   }
            """
        self.assertEqual(self.shown(plan), (0, textwrap.dedent(expected)))
        self.assertIn("    no change\n", self.shown(plan | {"After": before})[1])
        self.assertIn('      -  "Version": "2012-10-17",\n', self.shown(plan | {"After": None})[1])
        self.assertIn("1,200 of 600 afterwards, which AWS may refuse\n", self.shown(plan | {"SizeLimit": 600})[1])
        leaves = self.shown(plan | {"ThenLeaves": "repository old"})[1]
        self.assertIn("    then its statements leave the policy of repository old\n", leaves)

    def test_what_else_a_plan_says_is_shown(self):
        first = {"Service": "organizations", "Operation": "CreateAccount", "Parameters": {"AccountName": "app"}}
        for plan, status, line in (
            (
                {"FirstChange": first},
                0,
                'first change: organizations CreateAccount\n      {\n        "AccountName": "app"',
            ),
            ({"Changes": "none"}, 0, "no change"),
            (
                {"Unknown": ["ResourceProperties.Name"]},
                0,
                "known after the deployment has begun: ResourceProperties.Name",
            ),
            ({"WaitsFor": "the unit isn't there yet"}, 0, "waits: the unit isn't there yet"),
            ({"Refused": "no such account"}, 1, "refused: no such account"),
            ({"Error": "the alias is for CloudFormation"}, 1, "refused: the alias is for CloudFormation"),
            (None, 1, "refused: the function gave no plan"),
        ):
            with self.subTest(line):
                returned, shown = self.shown(plan)
                self.assertEqual(returned, status)
                self.assertIn(f"    {line}", shown)

    def test_each_function_is_asked_itself_for_what_its_request_would_do(self):
        old = properties(RepositoryName="old")
        sets = {
            "change": change_set(
                change("Add", "Made", after=properties(":caller-222222222222")),
                change("Modify", "Changed", before=old, after=properties(), PhysicalResourceId="old#0123456789"),
                change("Remove", "Gone", before=old, PhysicalResourceId="old#0123456789"),
                change("Add", "Later", after=properties() | {"ServiceToken": UNKNOWN}),
                change("Add", "Foreign", "Thing", after=properties()),
                change("Modify", "Nested", ChangeSetId=NESTED, ResourceType="AWS::CloudFormation::Stack"),
            ),
            NESTED: change_set(change("Add", "Inner", "Account", after=properties())),
        }
        names = ("Made", "Changed", "Gone", "Inner")
        done = self.run_plan(sets, {name: {"Changes": "none"} for name in names}, "--profile", "admin")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        asked = {payload["LogicalResourceId"]: (arguments, payload) for arguments, payload in self.calls if payload}
        self.assertEqual(tuple(asked), names)
        self.assertIn("ResourceProperties.ServiceToken", done.stdout)
        for arguments, payload in asked.values():
            self.assertEqual(arguments[arguments.index("--function-name") + 1], FUNCTION)
            self.assertEqual((payload["RequestType"], payload["StackId"]), ("Plan", STACK))
        self.assertTrue(all("--profile" in arguments for arguments, _ in self.calls))
        rest = {
            name: {key: payload.get(key) for key in ("Qualifier", "Remove")} for name, (_, payload) in asked.items()
        }
        self.assertEqual(rest["Made"], {"Qualifier": "caller-222222222222", "Remove": None})
        self.assertEqual(rest["Gone"], {"Qualifier": None, "Remove": True})
        made, changed, gone = (asked[name][1] for name in ("Made", "Changed", "Gone"))
        self.assertEqual(made["ResourceProperties"]["Statement"], STATEMENT)
        self.assertNotIn("PhysicalResourceId", made)
        self.assertEqual((changed["OldResourceProperties"], changed["PhysicalResourceId"]), (old, "old#0123456789"))
        self.assertEqual((gone["ResourceProperties"], gone["PhysicalResourceId"]), (old, "old#0123456789"))

    def test_the_functions_may_be_in_another_account(self):
        sets = {"change": change_set(change("Add", "Pull", after=properties(":caller-222222222222")))}
        profiles = ("--profile", "workload", "--functions-profile", "tooling")
        self.run_plan(sets, {"Pull": {"Changes": "none"}}, *profiles)
        of_calls = [arguments[arguments.index("--profile") + 1] for arguments, _ in self.calls]
        self.assertEqual(of_calls, ["workload", "tooling"])

    def test_it_is_a_command(self):
        self.assertTrue(os.access(ROOT / "tools/plan", os.X_OK))

    def test_a_change_set_without_our_types_is_no_plan_and_one_that_is_not_there_fails(self):
        done = self.run_plan({"change": change_set()}, {})
        self.assertEqual((done.returncode, done.stdout), (0, "no resource of Archipelago's types is changed\n"))
        unready = change_set() | {
            "Status": "FAILED",
            "StatusReason": "The submitted information didn't contain changes.",
        }
        for sets, words in (
            ({"change": unready}, "the change set is FAILED: The submitted"),
            ({}, "no such change set"),
        ):
            done = self.run_plan(sets, {})
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(words, done.stderr)
