"""ministack's rules, asked where CloudFormation asks them."""

import json
import unittest

from ministack.services import dynamodb, ecs
from ministack.services.cloudformation import provisioners

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


class Tables(unittest.TestCase):
    def made(self, **properties):
        key = {"AttributeName": "Policy"}
        handlers = provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"]
        properties |= {
            "AttributeDefinitions": [{**key, "AttributeType": "S"}],
            "KeySchema": [{**key, "KeyType": "HASH"}],
        }
        name, attributes = handlers["create"]("Ledger", properties, "tables")
        return name, attributes["Arn"], lambda: handlers["delete"](name, properties)

    def test_a_table_that_is_protected_is_not_deleted_with_its_stack(self):
        name, _, delete = self.made(DeletionProtectionEnabled=True)
        with self.assertRaisesRegex(ValueError, "protected against deletion"):
            delete()
        dynamodb._update_table({"TableName": name, "DeletionProtectionEnabled": False})
        delete()
        self.assertNotIn(name, dynamodb._tables)
        # It may be gone already.
        delete()

    def test_a_table_has_the_policy_and_the_backups_that_its_template_says(self):
        document = {"Version": "2012-10-17", "Statement": []}
        name, arn, delete = self.made(
            ResourcePolicy={"PolicyDocument": document},
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        )
        self.addCleanup(delete)
        self.assertEqual(
            json.loads(json.loads(dynamodb._get_resource_policy({"ResourceArn": arn})[2])["Policy"]), document
        )
        self.assertEqual(
            dynamodb._restore_table_to_point_in_time(
                {"SourceTableName": name, "TargetTableName": "restored", "UseLatestRestorableTime": True}
            )[0],
            200,
        )


if __name__ == "__main__":
    unittest.main()
