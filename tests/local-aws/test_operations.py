"""What template.yaml shows of the functions: a dashboard that can be read, about metrics and logs that there are."""

import json
import re
import tomllib
import unittest

from cfnlint.decode import cfn_yaml

from local_aws import ROOT

TEMPLATE = cfn_yaml.load(str(ROOT / "template.yaml"))
METRICS = (ROOT / "shared/custom-resource/src/metrics.rs").read_text()
# Waits that a type has counted under a name of its own.
COUNTED = re.compile(r'\.counted_as\("(\w+)"\)')
WAITS = {
    name
    for path in (ROOT / "shared").glob("*/src/**/*.rs")
    if path.name != "metrics.rs"
    for name in COUNTED.findall(path.read_text())
}
# What no request is about, counted by the function alone.
COUNTS = {
    name
    for path in (ROOT / "shared/archipelago/src").glob("*.rs")
    for name in re.findall(r'\bcount\(METRICS_NAMESPACE, "(\w+)"', path.read_text())
}
LOGGED = "".join(path.read_text() for path in (ROOT / "shared/custom-resource/src").glob("*.rs"))
SEARCH = re.compile(r"SEARCH\('\{Archipelago,([\w,]+)\} MetricName=\"(\w+)\"', '\w+', 300\)")


def resources(kind):
    return {name: one for name, one in TEMPLATE["Resources"].items() if one["Type"] == kind}


def words(text):
    """The strings in a source."""
    return set(re.findall(r'"(\w+)"', text))


class Dashboard(unittest.TestCase):
    def setUp(self):
        (dashboard,) = resources("AWS::CloudWatch::Dashboard").values()
        body = re.sub(r"\$\{[\w:.]+\}", "x", dashboard["Properties"]["DashboardBody"]["Fn::Sub"])
        self.widgets = json.loads(body)["widgets"]

    def test_no_widget_covers_another_or_leaves_the_grid(self):
        cells = [
            (x, y)
            for widget in self.widgets
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        ]
        self.assertEqual(len(cells), len(set(cells)))
        self.assertLessEqual(max(x for x, _ in cells), 23)

    def test_every_search_is_for_a_metric_that_functions_write(self):
        said = [metric for widget in self.widgets for metric in widget["properties"]["metrics"]]
        searches = [metric[0]["expression"] for metric in said if isinstance(metric[0], dict)]
        self.assertTrue(searches)
        for search in searches:
            found = SEARCH.fullmatch(search)
            self.assertTrue(found, search)
            self.assertIn(found[2], words(METRICS) | WAITS | COUNTS)
            dimensions = ", ".join(f'"{name}"' for name in found[1].split(","))
            self.assertIn(f"&[{dimensions}]", METRICS)

    def test_every_metric_of_the_functions_is_shown(self):
        written = set(re.findall(r'\("(\w+)", "(?:Count|Milliseconds|Bytes)"', METRICS))
        said = [metric[0] for widget in self.widgets for metric in widget["properties"]["metrics"]]
        shown = {SEARCH.fullmatch(one["expression"])[2] for one in said if isinstance(one, dict)}
        self.assertEqual(shown, written | WAITS | COUNTS)


class Alarms(unittest.TestCase):
    def test_an_alarm_is_about_a_metric_and_an_outcome_that_there_are(self):
        alarms = [alarm["Properties"] for alarm in resources("AWS::CloudWatch::Alarm").values()]
        ours = [alarm for alarm in alarms if alarm["Namespace"] == "Archipelago"]
        self.assertTrue(ours)
        for alarm in ours:
            (dimension,) = alarm["Dimensions"]
            self.assertIn(f'&["{dimension["Name"]}"]', METRICS)
            if dimension["Name"] == "FunctionName":
                self.assertIn(alarm["MetricName"], COUNTS)
            else:
                self.assertIn(alarm["MetricName"], words(METRICS))
                self.assertRegex(METRICS, rf"\n    {dimension['Value']},\n")

    def test_what_is_counted_by_the_function_alone_has_an_alarm_for_each_type_of_statements(self):
        functions = {
            name
            for name, function in resources("AWS::Serverless::Function").items()
            if "RECONCILE" in function["Properties"].get("Environment", {}).get("Variables", {})
        }
        self.assertEqual(len(functions), 5)
        alarms = [alarm["Properties"] for alarm in resources("AWS::CloudWatch::Alarm").values()]
        for metric in COUNTS:
            of = [alarm["Dimensions"][0]["Value"]["Ref"] for alarm in alarms if alarm.get("MetricName") == metric]
            self.assertEqual((len(of), set(of)), (5, functions), metric)


class Queries(unittest.TestCase):
    def test_a_query_is_about_all_logs(self):
        logs = set(resources("AWS::Logs::LogGroup"))
        for name, query in resources("AWS::Logs::QueryDefinition").items():
            groups = query["Properties"]["LogGroupNames"]
            asked = {group["Fn::If"][1]["Ref"] if "Fn::If" in group else group["Ref"] for group in groups}
            self.assertEqual(asked, logs, name)

    def test_a_query_is_about_lines_that_are_logged(self):
        for name, query in resources("AWS::Logs::QueryDefinition").items():
            text = query["Properties"]["QueryString"]
            for message in re.findall(r'message = "([^"]+)"', text):
                self.assertIn(f'"{message}"', LOGGED, name)
            for field in re.findall(r"span\.(\w+)", text):
                self.assertRegex(LOGGED, rf"\b(r#)?{field} = %envelope", name)


class Release(unittest.TestCase):
    def test_the_version_of_the_application_is_that_of_the_code(self):
        package = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]
        application = TEMPLATE["Metadata"]["AWS::ServerlessRepo::Application"]
        self.assertEqual(application["SemanticVersion"], package["version"])
        self.assertEqual(application["SpdxLicenseId"], package["license"])
        self.assertRegex(application["Author"], r"^[a-z0-9](([a-z0-9]|-(?!-))*[a-z0-9])?$")
        self.assertLessEqual(len(application["Description"]), 256)
        for file in ("LicenseUrl", "ReadmeUrl"):
            self.assertTrue((ROOT / application[file]).is_file(), file)


if __name__ == "__main__":
    unittest.main()
