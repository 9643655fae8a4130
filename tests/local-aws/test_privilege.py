"""What is compared at the end of a run of all tests: that nothing is missing and nothing is spare can both be found."""

import json
import os
import tempfile
import unittest
from unittest import mock
from urllib.parse import urlencode

from cfnlint.data import AdditionalSpecs
from cfnlint.helpers import load_resource

from calls import Call, recorded
from local_aws import ROOT
from policies import Permission, Template
from privilege import gaps
from record import FOLDER, record

TEMPLATE = """
Parameters:
  RoleArns: { Type: CommaDelimitedList, Default: "" }
Conditions:
  HasRoleArns: !Not [!Equals [!Join ["", !Ref RoleArns], ""]]
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyName: trust
          PolicyDocument:
            Statement:
              - Sid: Keep
                Effect: Allow
                Action: [iam:GetRole, iam:UpdateAssumeRolePolicy]
                Resource: !If [HasRoleArns, !Ref RoleArns, !Sub "arn:aws:iam::${AWS::AccountId}:role/*"]
              - Sid: LeaveAlone
                Effect: Deny
                Action: iam:UpdateAssumeRolePolicy
                Resource: !Sub "arn:aws:iam::${AWS::AccountId}:role/${AWS::StackName}/*"
              - { Sid: WriteLogs, Effect: Allow, Action: logs:PutLogEvents, Resource: "*" }
"""
CALLER = "111111111111"


def request(
    service, body="", method="POST", path="/", query="", caller=CALLER, function="archipelago-trust", **headers
):
    """A request as it is recorded."""
    return {
        "method": method,
        "path": path,
        "query": query,
        "headers": {
            "authorization": f"AWS4-HMAC-SHA256 Credential={CALLER}/20260101/us-east-1/{service}/aws4_request",
            "user-agent": "aws-sdk-rust/1.3 os/linux app/archipelago-trust lang/rust/1.95",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        },
        "body": body,
    }


def form(service, **given):
    return request(service, urlencode(given), content_type="application/x-www-form-urlencoded")


def target(service, operation, **given):
    return request(service, json.dumps(given), x_amz_target=f"Anything_20260101.{operation}")


READ = Call.read(form("iam", Action="GetRole", RoleName="deploy"))
WRITE = Call.read(form("iam", Action="UpdateAssumeRolePolicy", RoleName="deploy"))


class Comparison(unittest.TestCase):
    def gaps(self, *calls, **parameters):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(TEMPLATE)
            file.flush()
            return gaps(Template(file.name, parameters), calls)

    def test_nothing_is_said_where_every_call_is_allowed_and_every_permission_needed(self):
        self.assertEqual(self.gaps(READ, WRITE), [])

    def test_a_call_that_is_not_allowed_is_told(self):
        call = Call.read(form("iam", Action="DeleteRole", RoleName="deploy"))
        said = "trust called iam:DeleteRole, on arn:aws:iam::111111111111:role/deploy for one, and may not"
        self.assertEqual(self.gaps(READ, WRITE, call), [said])

    def test_a_permission_that_no_call_needed_is_told(self):
        said = (
            "trust may call iam:UpdateAssumeRolePolicy on arn:aws:iam::111111111111:role/* (Keep), which it never did"
        )
        self.assertEqual(self.gaps(READ), [said])

    def test_what_others_call_in_the_name_of_one_function_is_spare_in_another(self):
        for function, told in (("trust", 0), ("organization", 1)):
            with mock.patch("privilege.OF_OTHERS_THERE", {(function, "iam:UpdateAssumeRolePolicy"): "somebody"}):
                self.assertEqual(len(self.gaps(READ)), told)

    def test_what_the_same_code_does_to_each_of_several_functions_is_needed_of_all_once_it_is_seen_of_one(self):
        one, other = (f"arn:aws:lambda:us-east-1:{CALLER}:function:{name}" for name in ("one", "other"))
        call = Call("archipelago-trust", CALLER, "us-east-1", "lambda:DeleteAlias", (one,), {}, {})
        for sid, action, told in (
            ("KeepAliases", "DeleteAlias", 0),
            ("KeepAliases", "GetAlias", 1),
            ("ReadAliases", "DeleteAlias", 1),
        ):
            called = Permission("Allow", "KeepAliases", "lambda:DeleteAlias", one, {})
            beside = Permission("Allow", sid, f"lambda:{action}", other, {})
            template = mock.Mock(policies=lambda *_, said=(called, beside): {"trust": said})
            spare = [f"trust may call {beside}, which it never did"] * told
            self.assertEqual(gaps(template, [call]), spare, (sid, action))

    def test_a_call_on_something_else_than_what_is_allowed_is_told(self):
        said = "trust called iam:GetRole, on arn:aws:iam::111111111111:role/deploy for one, and may not"
        self.assertIn(said, self.gaps(READ, RoleArns=["arn:aws:iam::111111111111:role/app-*"]))

    def test_a_denied_call_is_told_even_if_another_statement_allows_it(self):
        call = Call.read(form("iam", Action="UpdateAssumeRolePolicy", RoleName="archipelago/TrustRole-1"))
        self.assertEqual(len(self.gaps(READ, WRITE, call)), 1)

    def test_a_condition_on_a_mark_is_judged_by_the_marks_of_what_is_called(self):
        share = "arn:aws:ram:us-east-1:111111111111:resource-share/1"
        condition = {"Null": {"aws:ResourceTag/archipelago:owner": "false"}}
        delete = Permission("Allow", "DeleteOwn", "ram:DeleteResourceShare", "*", condition)
        template = mock.Mock(policies=lambda *_: {"trust": [delete]})
        refused = f"trust called ram:DeleteResourceShare, on {share} for one, and may not"
        spare = f"trust may call {delete}, which it never did"
        for marks, told in (
            ({share: ["archipelago:owner"]}, []),
            ({share: []}, [refused, spare]),
            ({share: ["archipelago:made"]}, [refused, spare]),
            # It may carry the mark, but that proves nothing.
            ({}, [spare]),
        ):
            called = request("ram", method="DELETE", path="/deleteresourceshare", query=f"resourceShareArn={share}")
            self.assertEqual(gaps(template, [Call.read(called | {"marks": marks})]), told, marks)

    def test_a_role_that_is_assumed_in_another_account_needs_what_the_functions_own_has(self):
        elsewhere = "arn:aws:iam::222222222222:role/deploy"
        for action, told in (
            ("GetRole", []),
            ("DeleteRole", [f"trust called iam:DeleteRole, on {elsewhere} for one, and may not"]),
        ):
            request = form("iam", Action=action, RoleName="deploy")
            request["headers"]["authorization"] = request["headers"]["authorization"].replace(CALLER, "222222222222")
            self.assertEqual(self.gaps(READ, WRITE, Call.read(request)), told)


class Reading(unittest.TestCase):
    def reads(self, request, action, *resources):
        call = Call.read(request)
        self.assertEqual((call.action, call.resources), (action, resources))
        return call

    def test_a_call_is_about_what_its_body_its_path_or_its_query_names(self):
        self.reads(
            target("ecr", "SetRepositoryPolicy", repositoryName="app"),
            "ecr:SetRepositoryPolicy",
            "arn:aws:ecr:us-east-1:111111111111:repository/app",
        )
        self.reads(
            request("s3", method="PUT", path="/bucket/", query="policy=", body="{}"),
            "s3:PutBucketPolicy",
            "arn:aws:s3:::bucket",
        )
        self.reads(
            request("ram", method="DELETE", path="/deleteresourceshare", query="resourceShareArn=arn%3Aaws%3Aram"),
            "ram:DeleteResourceShare",
            "arn:aws:ram",
        )
        self.reads(
            request("lambda", path="/2015-03-31/functions/arn%3Aaws%3Alambda%3Aname/invocations", body="{}"),
            "lambda:InvokeFunction",
            "arn:aws:lambda:name",
        )
        self.reads(
            target(
                "organizations",
                "MoveAccount",
                AccountId=CALLER,
                SourceParentId="r-a1",
                DestinationParentId="ou-a1-c",
            ),
            "organizations:MoveAccount",
            "arn:aws:organizations::111111111111:account/o-exampleorgid/111111111111",
            "arn:aws:organizations::111111111111:ou/o-exampleorgid/ou-a1-c",
            "arn:aws:organizations::111111111111:root/o-exampleorgid/r-a1",
        )
        self.reads(target("organizations", "ListRoots"), "organizations:ListRoots")
        self.reads(target("organizations", "DescribeOrganization"), "organizations:DescribeOrganization")
        self.reads(
            target("organizations", "DescribeOrganizationalUnit", OrganizationalUnitId="ou-a1-c"),
            "organizations:DescribeOrganizationalUnit",
            "arn:aws:organizations::111111111111:ou/o-exampleorgid/ou-a1-c",
        )

    def test_a_call_on_an_alias_is_about_it_and_one_that_makes_or_deletes_it_is_about_the_function(self):
        function, alias = "arn:aws:lambda:us-east-1:111111111111:function:app", "caller-222222222222"
        functions, policies = "/2015-03-31/functions", "/2026-07-09/resource-policy"
        permission = json.dumps({"StatementId": "one", "Principal": "222222222222"})
        # The SDKs escape all of a name.
        named, of_alias = function.replace(":", "%3A"), f"{function}:{alias}".replace(":", "%3A")
        for name in ("app", "111111111111:function:app", named):
            for method, path, operation in (
                ("POST", f"{functions}/{name}/aliases", "CreateAlias"),
                ("GET", f"{functions}/{name}/aliases/{alias}", "GetAlias"),
                ("DELETE", f"{functions}/{name}/aliases/{alias}", "DeleteAlias"),
            ):
                body = json.dumps({"Name": alias}) if method == "POST" else ""
                self.reads(request("lambda", body, method, path), f"lambda:{operation}", function)
            for method, path, operation, body in (
                ("POST", f"{functions}/{name}/policy", "AddPermission", permission),
                ("DELETE", f"{functions}/{name}/policy/one", "RemovePermission", ""),
                ("PUT", f"/2019-09-25/functions/{name}/event-invoke-config", "PutFunctionEventInvokeConfig", "{}"),
                ("DELETE", f"/2019-09-25/functions/{name}/event-invoke-config", "DeleteFunctionEventInvokeConfig", ""),
            ):
                asked = request("lambda", body, method, path, query=f"Qualifier={alias}")
                call = self.reads(asked, f"lambda:{operation}", f"{function}:{alias}")
                self.assertEqual(call.keys, {"lambda:Principal": "222222222222"} if body == permission else {})
        for method, operation, beside in (
            ("PUT", "PutResourcePolicy", ["lambda:AddPermission", "lambda:RemovePermission"]),
            ("GET", "GetResourcePolicy", ["lambda:GetPolicy"]),
            ("DELETE", "DeleteResourcePolicy", ["lambda:RemovePermission"]),
        ):
            asked = request("lambda", "{}", method, f"{policies}/{of_alias}")
            self.reads(asked, f"lambda:{operation}", f"{function}:{alias}")
            with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, {FOLDER: folder}):
                record(**asked)
                first, *others = recorded(folder)
            self.assertEqual(first.action, f"lambda:{operation}")
            self.assertEqual([other.action for other in others], beside)
            self.assertEqual({call.resources for call in (first, *others)}, {(f"{function}:{alias}",)})

    def test_what_functions_call_is_written_down_and_what_others_call_is_not(self):
        theirs = form("iam", Action="GetRole", RoleName="deploy")
        others = json.loads(json.dumps(theirs).replace(" app/archipelago-trust", ""))
        with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, {FOLDER: folder}):
            for each in (theirs, others, theirs):
                record(**each)
            self.assertEqual(recorded(folder), [READ])

    def test_a_call_on_items_names_their_leading_keys_and_a_table_that_is_known_by_its_name(self):
        table = "arn:aws:dynamodb:us-east-1:111111111111:table/Ledger"
        item = {"TableName": "archipelago-Ledger-1A2B", "Key": {"Policy": {"S": "role app"}, "Item": {"S": "lease"}}}
        query = {
            "TableName": "ledger-0f",
            "ExpressionAttributeNames": {"#key": "Policy", "#type": "Type"},
            "ExpressionAttributeValues": {":key": {"S": "role app"}, ":type": {"S": "Custom::IamTrustStatement"}},
        }
        for operation, given, resource, keys in (
            ("GetItem", item, table, ["role app"]),
            ("UpdateItem", item, table, ["role app"]),
            ("Query", {**query, "KeyConditionExpression": "#key = :key"}, table, ["role app"]),
            (
                "Query",
                {**query, "IndexName": "ByType", "KeyConditionExpression": "#type=:type AND #key = :key"},
                f"{table}/index/ByType",
                ["Custom::IamTrustStatement"],
            ),
        ):
            call = self.reads(target("dynamodb", operation, **given), f"dynamodb:{operation}", resource)
            self.assertEqual(call.keys, {"dynamodb:LeadingKeys": keys})

    def test_the_table_of_callers_is_known_by_its_name_and_its_items_by_the_caller(self):
        table = "arn:aws:dynamodb:us-east-1:111111111111:table/CallerTable"
        key = {"Caller": {"S": "222222222222"}, "Item": {"S": "grant 1f0a"}}
        values = {":caller": key["Caller"]}
        for name in ("archipelago-CallerTable-1A2B", "callers"):
            for operation, given in (
                ("GetItem", {"Key": key}),
                ("PutItem", {"Item": key}),
                ("UpdateItem", {"Key": key}),
                ("DeleteItem", {"Key": key}),
                ("Query", {"KeyConditionExpression": "Caller = :caller", "ExpressionAttributeValues": values}),
            ):
                call = self.reads(
                    target("dynamodb", operation, TableName=name, **given), f"dynamodb:{operation}", table
                )
                self.assertEqual(call.keys, {"dynamodb:LeadingKeys": ["222222222222"]})

    def test_a_batch_names_the_leading_keys_of_all_its_items(self):
        keys = [{"Policy": {"S": "role app"}, "Item": {"S": item}} for item in ("lease", "claim 1")]
        keys.append({"Policy": {"S": "repository app"}, "Item": {"S": "lease"}})
        batch = target("dynamodb", "BatchGetItem", RequestItems={"ledger-0f": {"Keys": keys, "ConsistentRead": True}})
        with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, {FOLDER: folder}):
            record(**batch)
            (call,) = recorded(folder)
        self.assertEqual(call.action, "dynamodb:BatchGetItem")
        self.assertEqual(call.resources, ("arn:aws:dynamodb:us-east-1:111111111111:table/Ledger",))
        self.assertEqual(call.keys["dynamodb:LeadingKeys"], ["repository app", "role app"])

    def test_a_transaction_is_what_it_consists_of(self):
        keys = ("role app", "repository app")
        update, check = (
            {"TableName": "ledger-0f", "Key": {"Policy": {"S": key}, "Item": {"S": "lease"}}} for key in keys
        )
        transaction = target(
            "dynamodb", "TransactWriteItems", TransactItems=[{"Update": update}, {"ConditionCheck": check}]
        )
        with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, {FOLDER: folder}):
            record(**transaction)
            calls = recorded(folder)
        self.assertEqual([call.action for call in calls], ["dynamodb:UpdateItem", "dynamodb:ConditionCheckItem"])
        self.assertEqual([call.keys["dynamodb:LeadingKeys"] for call in calls], [[key] for key in keys])

    def test_a_key_is_a_key_by_its_id_by_its_arn_and_by_an_alias(self):
        key = "arn:aws:kms:us-east-1:111111111111:key/"
        self.reads(target("kms", "DescribeKey", KeyId="1234"), "kms:DescribeKey", f"{key}1234")
        self.reads(target("kms", "DescribeKey", KeyId=f"{key}1234"), "kms:DescribeKey", f"{key}1234")
        self.reads(target("kms", "DescribeKey", KeyId="alias/app"), "kms:DescribeKey", f"{key}of-alias-app")

    def test_tags_that_are_asked_for_and_removed_are_condition_keys(self):
        tags = [{"Key": "archipelago:owner", "Value": "mark"}]
        made = Call.read(target("organizations", "CreateAccount", Tags=tags))
        self.assertEqual(made.keys, {"aws:RequestTag/archipelago:owner": "mark", "aws:TagKeys": ["archipelago:owner"]})
        removed = Call.read(target("organizations", "UntagResource", ResourceId="ou-ab12-c", TagKeys=["stage"]))
        self.assertEqual(removed.keys, {"aws:TagKeys": ["stage"]})


class Scope(unittest.TestCase):
    """What AWS says of actions and resources is what cfn-lint knows of the Service Authorization Reference."""

    def test_what_is_made_with_tags_may_be_tagged_wherever_aws_looks_and_nothing_of_another_kind(self):
        template = Template(ROOT / "template.yaml")
        policies = template.policies(CALLER, "us-east-1")
        of_others = "arn:aws:organizations::111111111111:{}/o-exampleorgid/{}"
        for function, operation, given, others in (
            ("account", "CreateAccount", {}, of_others.format("ou", "ou-ab12-c")),
            (
                "organizational-unit",
                "CreateOrganizationalUnit",
                {"ParentId": "r-ab12"},
                of_others.format("account", CALLER),
            ),
        ):
            tags = [
                {"Key": key, "Value": "mark"} for key in ("archipelago:made", "archipelago:user-0123456789", "team")
            ]
            made = Call.read(target("organizations", operation, Tags=tags, **given))
            (tagging,) = made.tagging()
            self.assertEqual((tagging.action, tagging.resources), ("organizations:TagResource", ()))
            covering = {each.effect for each in policies[function] if each.covers(tagging, "*", ())}
            self.assertEqual(covering, {"Allow"}, function)
            covering = {each.effect for each in policies[function] if each.covers(tagging, others, ())}
            self.assertIn("Deny", covering, function)
        self.assertEqual(list(READ.tagging()), [])

    def test_every_permission_is_on_resources_where_aws_knows_any(self):
        services = {name.lower(): service for name, service in load_resource(AdditionalSpecs, "Policies.json").items()}
        for function, policy in Template(ROOT / "template.yaml").policies(CALLER, "us-east-1").items():
            for permission in policy:
                service = services[permission.action.partition(":")[0]]
                actions = {name.lower(): known for name, known in service["Actions"].items()}
                kinds = actions[permission.action.partition(":")[2].lower()].get("Resources", [])
                said = f"{function}: {permission} is about {kinds}"
                # What is tagged while it is made has no ARN yet.
                if permission.sid == "MarkWhatIsMade":
                    kinds = []
                self.assertEqual(permission.resource == "*", not kinds, said)

    def test_every_function_may_write_its_log_and_all_that_answer_stacks_may_go_on_and_hand_over_what_they_leave(self):
        for function, policy in Template(ROOT / "template.yaml").policies(CALLER, "us-east-1").items():
            actions = {permission.action for permission in policy}
            self.assertLessEqual({"logs:CreateLogStream", "logs:PutLogEvents"}, actions, function)
            going_on = {"lambda:InvokeFunction", "sqs:SendMessage"}
            self.assertEqual(actions & going_on, set() if function == "failure-responder" else going_on, function)

    def test_the_functions_leave_all_their_own_roles_alone(self):
        template = Template(ROOT / "template.yaml")
        roles = [
            each["Properties"] for each in template.template["Resources"].values() if each["Type"] == "AWS::IAM::Role"
        ]
        # CloudFormation shortens names; a path it leaves as it is.
        paths = {"/${AWS::StackName}/", "/${AWS::StackName}/callers/", "/${AWS::StackName}/statements/"}
        self.assertEqual({role["Path"]["Fn::Sub"] for role in roles}, paths)
        for function in ("iam-trust-statement", "iam-policy-statement"):
            denied = {
                each.resource
                for each in template.policies(CALLER, "us-east-1")[function]
                if each.effect == "Deny" and each.action.startswith("iam:")
            }
            self.assertEqual(denied, {"arn:aws:iam::111111111111:role/archipelago/*"})

    def test_without_a_list_the_functions_change_no_role(self):
        policies = Template(ROOT / "template.yaml", {}).policies(CALLER, "us-east-1")
        for function in ("iam-trust-statement", "iam-policy-statement"):
            allowed = {each.action for each in policies[function] if each.effect == "Allow"}
            of_roles = {action for action in allowed if action.startswith("iam:")} - {"iam:GetAccountSummary"}
            self.assertEqual(of_roles, set())

    def test_statements_may_be_narrowed_to_what_the_parameters_name(self):
        for parameter, function, arn in (
            ("RepositoryArns", "ecr-policy-statement", "arn:aws:ecr:us-east-1:111111111111:repository/app"),
            ("KeyArns", "kms-policy-statement", "arn:aws:kms:us-east-1:111111111111:key/1234"),
            ("BucketArns", "s3-policy-statement", "arn:aws:s3:::bucket"),
            ("RoleArns", "iam-trust-statement", "arn:aws:iam::111111111111:role/app"),
            ("RoleArns", "iam-policy-statement", "arn:aws:iam::111111111111:role/app"),
        ):
            service = arn.split(":")[2]
            (policy,) = (
                {each.resource for each in policy if each.effect == "Allow" and each.action.startswith(f"{service}:")}
                for name, policy in Template(ROOT / "template.yaml", {parameter: [arn]})
                .policies(CALLER, "us-east-1")
                .items()
                if name == function
            )
            self.assertEqual(policy - {"*"}, {arn}, function)


if __name__ == "__main__":
    unittest.main()
