"""What a custom resource answered, where a template takes strings alone."""

import unittest

from ministack.services.cloudformation import changesets, engine, stacks

import value_rules

TYPES = {"Pull": "Custom::EcrPolicyStatement", "Cluster": "AWS::RDS::DBCluster"}
ATTRIBUTES = {
    "Size": 10412,
    "Open": True,
    "Name": "app",
    "Ports": ["80", "443"],
    "Counts": ["80", 443],
    "Nested": {"A": "b"},
}
RESOURCES = {
    name: {"ResourceType": kind, "PhysicalResourceId": name, "Attributes": ATTRIBUTES} for name, kind in TYPES.items()
}


def got(attribute, resource="Pull"):
    return {"Fn::GetAtt": [resource, attribute]}


class Values(unittest.TestCase):
    def resolved(self, value, resolve=engine._resolve_refs):
        return resolve(value, RESOURCES, {}, {}, {}, "stack", "arn")

    def outputs(self, value):
        outputs, _ = stacks._resolve_stack_outputs({"Out": {"Value": value}}, {}, RESOURCES, {}, {}, "stack", "arn")
        return outputs[0]["OutputValue"]

    def assert_refused(self, words, ask, value):
        with self.assertRaises(ValueError) as refused:
            ask(value)
        self.assertEqual(str(refused.exception), words)

    def test_an_output_is_a_string(self):
        self.assertEqual(self.outputs(got("Name")), "app")
        self.assertEqual(self.outputs({"Fn::GetAtt": "Pull.Name"}), "app")
        for attribute in ["Size", "Open", "Ports", "Nested"]:
            self.assert_refused(value_rules.IN_OUTPUTS, self.outputs, got(attribute))

    def test_sub_takes_strings(self):
        self.assertEqual(self.resolved({"Fn::Sub": "${Pull.Name} ${!Pull.Size}"}), "app ${Pull.Size}")
        refused = value_rules.IN_SUB.format("Pull.Size")
        self.assert_refused(refused, self.resolved, {"Fn::Sub": "${Pull.Size} of 1"})
        self.assert_refused(refused, self.resolved, {"Tags": [{"Value": {"Fn::Sub": "${Pull.Size}"}}]})
        self.assert_refused(refused, self.outputs, {"Fn::Sub": "${Pull.Size}"})
        mapped = {"Fn::Sub": ["${Size}", {"Size": got("Size")}]}
        self.assert_refused(value_rules.IN_SUB.format("Size"), self.resolved, mapped)

    def test_join_takes_strings_and_lists_of_them(self):
        self.assertEqual(self.resolved({"Fn::Join": ["-", [got("Name"), "x"]]}), "app-x")
        self.assertEqual(self.resolved({"Fn::Join": ["-", got("Ports")]}), "80-443")
        for items in [got("Size"), got("Name"), got("Counts"), [got("Size")], [got("Ports")]]:
            self.assert_refused(value_rules.IN_JOIN, self.resolved, {"Fn::Join": ["-", items]})

    def test_change_sets_and_stacks_resolve_alike(self):
        for module in (changesets, stacks):
            with self.assertRaises(ValueError):
                self.resolved({"Fn::Sub": "${Pull.Size}"}, module._resolve_refs)

    def test_a_property_may_be_anything_and_aws_s_own_types_are_not_judged(self):
        self.assertEqual(
            self.resolved({"Size": got("Size"), "Nested": got("Nested")}), {"Size": 10412, "Nested": {"A": "b"}}
        )
        self.assertEqual(self.outputs(got("Size", "Cluster")), "10412")


if __name__ == "__main__":
    unittest.main()
