"""ministack's rules, asked where CloudFormation asks them."""

import json
import unittest

from ministack.services import ecs

import ministack_rules  # noqa: F401


class Services(unittest.TestCase):
    def asked(self, operation, **request):
        status, _, body = operation({"cluster": "app", **request})
        self.assertEqual(status, 200, body)
        return json.loads(body)["service"]

    def test_a_count_that_came_from_a_parameter_is_a_number(self):
        ecs._create_cluster({"clusterName": "app"})
        made = self.asked(ecs._create_service, serviceName="app", taskDefinition="none", desiredCount="2")
        self.assertEqual(made["desiredCount"], 2)
        changed = self.asked(ecs._update_service, service="app", desiredCount="3")
        self.assertEqual(changed["desiredCount"], 3)


if __name__ == "__main__":
    unittest.main()
