"""That cfn-lint with our rules says what is wrong with a template, and nothing of one that is right."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import cfnlint.api
import cfnlint.config
import cfnlint.core

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"


def rules():
    """Ours, among those of cfn-lint."""
    return cfnlint.core.get_rules([str(ROOT / "cfn-lint")], [], [])


RULES = rules()


def complaints(template):
    """The rule and the sentence of everything that ours say of a template."""
    text = template if isinstance(template, str) else json.dumps(template, ensure_ascii=False)
    matches = cfnlint.api.lint(text, RULES, ["us-east-1"])
    ours = [match for match in matches if match.rule.id.startswith("E95")]
    return sorted((match.rule.id, match.message) for match in ours)


def template(kind, properties, **others):
    """One resource of a type, with the token that every one has."""
    resource = {"Type": kind, "Properties": {"ServiceToken": {"Fn::ImportValue": "archipelago"}, **properties}}
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"It": resource}, **others}


UNIT = "Custom::OrganizationalUnit"
ECR = "Custom::EcrPolicyStatement"
STATEMENT = {"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "ecr:BatchGetImage"}


class RulesTest(unittest.TestCase):
    def assert_says(self, template, *said):
        self.assertEqual(complaints(template), sorted(said))

    def test_a_misspelt_property_is_named_with_the_nearest_one(self):
        self.assert_says(
            template("Custom::Account", {"Name": "a", "Email": "a@example.com", "ParentID": "r-ab12"}),
            ("E9501", "unknown property 'ParentID'; did you mean 'ParentId'?"),
        )
        statement = STATEMENT | {"Prinicpal": "*"}
        self.assert_says(
            template(ECR, {"RepositoryName": "app", "Statement": statement}),
            ("E9501", "unknown property 'Prinicpal'; did you mean 'Principal'?"),
        )

    def test_what_is_missing_and_what_excludes_each_other_is_said(self):
        self.assert_says(template(ECR, {"Statement": STATEMENT}), ("E9502", "'RepositoryName' is a required property"))
        either = ("E9502", "expected one and only one of 'Name'; 'Path' without 'ParentId'")
        for properties in ({}, {"Name": "a", "Path": "a"}, {"Path": "a", "ParentId": "r-ab12"}):
            self.assert_says(template(UNIT, properties), either)
        role = {"RepositoryName": "app", "Statement": STATEMENT, "ExternalId": "abc"}
        self.assert_says(template(ECR, role), ("E9502", "'RoleArn' is a dependency of 'ExternalId'"))

    def test_a_value_of_another_kind_is_said_without_the_value(self):
        tags = {"Name": "a", "Tags": {"team": "a"}}
        self.assert_says(template(UNIT, tags), ("E9503", "expected a value of type 'array'"))
        text = {"RepositoryName": "app", "Statement": json.dumps(STATEMENT)}
        self.assert_says(template(ECR, text), ("E9503", "expected a value of type 'object' or 'array'"))

    def test_a_value_that_the_type_refuses_is_said_with_what_it_takes(self):
        [(rule, said)] = complaints(template(UNIT, {"Name": "a", "ParentId": "Workloads"}))
        self.assertEqual(rule, "E9503")
        self.assertIn("the root (`r-...`), which is the default, or an OU (`ou-...`)", said)

    def test_a_statement_is_judged_by_what_its_kind_of_policy_takes(self):
        def said(kind, target, **elements):
            return complaints(template(f"Custom::{kind}", target | {"Statement": STATEMENT | elements}))

        app, key = {"RepositoryName": "app"}, {"KeyId": "alias/app"}
        self.assertEqual(said("EcrPolicyStatement", app), [])
        [(rule, sentence)] = said("EcrPolicyStatement", app, Resource="*")
        self.assertEqual((rule, sentence.split(";")[0]), ("E9501", "unknown property 'Resource'"))
        for action in ("s3:GetObject", "ecr:getauthorizationtoken", "BatchGetImage"):
            expected = "expected: Actions of `ecr`, but not `ecr:GetAuthorizationToken`"
            refused = ("E9503", f"'{action}' is not taken; {expected}")
            self.assertEqual(said("EcrPolicyStatement", app, Action=["ECR:*", action]), [refused])
        self.assertEqual(
            said("KmsPolicyStatement", key, Action="kms:Decrypt"), [("E9502", "'Resource' is a required property")]
        )
        self.assertEqual(said("KmsPolicyStatement", key, Action="kms:*", Resource=["*"]), [])

    def test_scalars_are_as_good_as_texts_as_cloudformation_makes_them(self):
        for adopt in (True, "true"):
            self.assert_says(template(UNIT, {"Name": 7, "AdoptExisting": adopt, "ServiceTimeout": "60"}))
        for adopt in ("yes", "True", 1):
            refused = template(UNIT, {"Name": "a", "AdoptExisting": adopt})
            self.assertIn(("E9503", "expected one of true, false"), complaints(refused))

    def test_what_a_function_will_return_is_not_judged(self):
        values = ({"Fn::ImportValue": "x"}, {"Fn::GetAtt": ["Other", "RootId"]}, {"Fn::Sub": "${AWS::Region}"})
        other = {"Type": "Custom::Foreign", "Properties": {"ServiceToken": {"Fn::ImportValue": "x"}}}
        for value in values[:2]:
            written = template(UNIT, {"Name": values[2], "ParentId": value})
            written["Resources"]["Other"] = other
            self.assert_says(written)

    def test_what_cloudformation_fills_in_is_taken_wherever_it_may_stand(self):
        self.assert_says((TESTS / "schemas/functions.yaml").read_text(encoding="utf-8"))

    def test_an_fn_sub_may_have_variables_of_its_own(self):
        name = {"Fn::Sub": ["${Stage}-${AWS::Region}", {"Stage": {"Ref": "AWS::StackName"}}]}
        found = cfnlint.api.lint(json.dumps(template(UNIT, {"Name": name})), RULES, ["us-east-1"])
        self.assertEqual([match.message for match in found], [])

    def test_each_branch_of_a_condition_is_judged(self):
        condition = {"Conditions": {"Root": {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}}}
        parent = {"Fn::If": ["Root", {"Ref": "AWS::NoValue"}, "Workloads"]}
        [(rule, said)] = complaints(template(UNIT, {"Name": "a", "ParentId": parent}, **condition))
        self.assertEqual((rule, said.split(" ")[0]), ("E9503", "'Workloads'"))

    def test_what_a_condition_leaves_out_is_not_there_and_what_it_leaves_in_is(self):
        conditions = {"Root": {"Fn::Equals": [{"Ref": "AWS::Region"}, {"Ref": "AWS::AccountId"}]}}

        def said(**properties):
            return complaints(template(UNIT, properties, Conditions=conditions))

        def where(there, otherwise=None):
            return {"Fn::If": ["Root", *({"Ref": "AWS::NoValue"} if it is None else it for it in (there, otherwise))]}

        choice = "expected one and only one of 'Name'; 'Path' without 'ParentId'"
        self.assertEqual(said(Name=where("a"), Path=where(None, "b")), [])
        self.assertEqual(said(Name=where("a"), ParentId=where("r-ab12"), Path=where(None, "b")), [])
        self.assertEqual(said(Name=where("a"), Path=where("b", "c")), [("E9502", choice)])
        self.assertEqual(said(Name=where("a"), ParentId="r-ab12", Path=where(None, "b")), [("E9502", choice)])
        self.assertEqual(said(Name=where("a")), [("E9502", choice)])
        account = {"Name": where("a"), "Email": "a@example.com"}
        missing = complaints(template("Custom::Account", account, Conditions=conditions))
        self.assertEqual(missing, [("E9502", "'Name' is a required property")])
        # A resource that isn't made where the property is left out has it.
        written = template("Custom::Account", account, Conditions=conditions)
        written["Resources"]["It"]["Condition"] = "Root"
        self.assert_says(written)
        # The condition may be anywhere on the way to the statement.
        statement = STATEMENT | {"Action": where("ecr:BatchGetImage"), "NotAction": where(None, "ecr:PutImage")}
        grant = {"RepositoryName": "app", "Statement": where([statement], statement)}
        self.assertEqual(complaints(template(ECR, grant, Conditions=conditions)), [])
        role = "arn:aws:iam::222222222222:role/it"
        needs = grant | {"Statement": STATEMENT, "ExternalId": "it", "RoleArn": where(role)}
        dependency = ("E9502", "'RoleArn' is a dependency of 'ExternalId'")
        self.assertEqual(complaints(template(ECR, needs, Conditions=conditions)), [dependency])

    def test_the_command_line_fails_for_a_misspelt_attribute(self):
        written = template(UNIT, {"Name": "a"}, Outputs={"It": {"Value": {"Fn::GetAtt": ["It", "Arm"]}}})
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "template.json"
            file.write_text(json.dumps(written), encoding="utf-8")
            command = [
                Path(sys.executable).with_name("cfn-lint"),
                "--append-rules",
                str(ROOT / "cfn-lint"),
                "--",
                str(file),
            ]
            ended = subprocess.run(command, capture_output=True, text=True)
        self.assertIn("E9504 Custom::OrganizationalUnit has no attribute 'Arm'", ended.stdout)
        self.assertEqual(ended.returncode, 2)

    def test_an_attribute_that_does_not_exist_is_refused_wherever_it_is_read(self):
        said = "Custom::OrganizationalUnit has no attribute 'ArnOf'; did you mean 'Arn'?"
        for value in (
            {"Fn::GetAtt": ["It", "ArnOf"]},
            {"Fn::GetAtt": "It.ArnOf"},
            {"Fn::Sub": "x ${It.ArnOf}"},
            {"Fn::Sub": ["${It.ArnOf}${Own.Arn}", {"Own.Arn": "x"}]},
        ):
            outputs = {"Outputs": {"It": {"Value": value}}}
            self.assert_says(template(UNIT, {"Name": "a"}, **outputs), ("E9504", said))
        share = template("Custom::SharedSubnetTags", {"SubnetIds": ["subnet-01234567"]})
        share["Outputs"] = {"It": {"Value": {"Fn::GetAtt": ["It", "Arn"]}}}
        self.assert_says(share, ("E9504", "Custom::SharedSubnetTags has no attribute 'Arn'; there are none"))

    def test_an_attribute_that_exists_is_read_and_a_text_is_left_alone(self):
        for value in ({"Fn::GetAtt": ["It", "Arn"]}, {"Fn::Sub": "${It.Path}${!It.Nothing}${AWS::Region}"}):
            self.assert_says(template(UNIT, {"Name": "a"}, Outputs={"It": {"Value": value}}))

    def test_the_short_forms_of_yaml_are_read_too(self):
        text = """
            Resources:
              It:
                Type: Custom::OrganizationalUnit
                Properties: { ServiceToken: !ImportValue x, Name: !Sub "${It2.Idd}" }
              It2:
                Type: Custom::OrganizationalUnit
                Properties: { ServiceToken: !ImportValue x, Path: Workloads }
            Outputs:
              It: { Value: !GetAtt It.Nothing }
        """
        self.assertEqual([rule for rule, _ in complaints(text)], ["E9504", "E9504"])

    def test_types_of_others_are_left_alone(self):
        self.assert_says(
            template("Custom::Foreign", {"Anything": 1}, Outputs={"It": {"Value": {"Fn::GetAtt": "It.X"}}})
        )


if __name__ == "__main__":
    unittest.main()
