"""What conditions make of a list, asked of ministack with the rules."""

import unittest

from ministack.services.cloudformation import changesets, engine, handlers, stacks

import condition_rules  # noqa: F401

TEMPLATE = {
    "Conditions": {
        "HasUnits": {"Fn::Not": [{"Fn::Equals": [{"Fn::Join": ["", {"Ref": "Units"}]}, ""]}]},
        "AreTwo": {"Fn::Equals": ["a/b", {"Fn::Join": ["/", {"Ref": "Units"}]}]},
        "Both": {"Fn::And": [{"Condition": "HasUnits"}, {"Condition": "AreTwo"}]},
    }
}


class Conditions(unittest.TestCase):
    def test_a_list_is_joined_and_an_empty_one_is_an_empty_text(self):
        for units, has_units, are_two in (("", False, False), ("a", True, False), ("a,b", True, True)):
            for module in (engine, changesets, handlers, stacks):
                found = module._evaluate_conditions(TEMPLATE, {"Units": {"Value": units}})
                expected = {"HasUnits": has_units, "AreTwo": are_two, "Both": are_two}
                self.assertEqual(found, expected, f"{module.__name__} of {units!r}")

    def test_what_joins_no_list_of_the_parameters_is_left_to_ministack(self):
        template = {"Conditions": {"Is": {"Fn::Equals": [{"Ref": "Stage"}, "production"]}}}
        self.assertEqual(engine._evaluate_conditions(template, {"Stage": {"Value": "production"}}), {"Is": True})


if __name__ == "__main__":
    unittest.main()
