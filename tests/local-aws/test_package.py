"""What a release holds: the same bytes from the same binaries, and a template that deploys them without building."""

import os
import re
import subprocess
import tempfile
import unittest
import zipfile
from pathlib import Path

from cfnlint.decode import cfn_yaml

from local_aws import ROOT
from package import ARCHITECTURES, FOLDERS, accompany, binaries, flags, pack, seal, template


def program(architecture):
    """The first bytes of a program for that architecture."""
    return b"\x7fELF".ljust(18, b"\0") + ARCHITECTURES[architecture].machine.to_bytes(2, "little")


class Package(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def packed(self, name, made_at):
        """A package of binaries that were made at that time."""
        functions = binaries()
        for binary in functions.values():
            path = self.folder / f"built-{name}" / binary / "bootstrap"
            path.parent.mkdir(parents=True)
            path.write_bytes(program("x86_64") + binary.encode() * 1000)
            os.utime(path, (made_at, made_at))
        pack(functions, "x86_64", self.folder / f"built-{name}", self.folder / name / "x86_64")
        seal(self.folder / name)
        return self.folder / name

    def test_the_same_binaries_make_the_same_bytes_whenever_they_were_made(self):
        one, other = self.packed("one", 1_700_000_000), self.packed("other", 1_790_000_000)
        said = (one / "SHA256SUMS").read_text()
        self.assertEqual(said, (other / "SHA256SUMS").read_text())
        self.assertEqual(len(said.splitlines()), len(binaries()) + 4)
        subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=one, check=True)

    def test_a_zip_holds_a_bootstrap_that_may_be_executed(self):
        for path in self.packed("one", 1_700_000_000).rglob("*.zip"):
            with zipfile.ZipFile(path) as archive:
                (entry,) = archive.infolist()
            self.assertEqual((entry.filename, entry.external_attr >> 16), ("bootstrap", 0o100755))

    def test_a_zip_is_made_anew_only_when_its_binary_has_changed(self):
        folder, function = self.folder / "x86_64", {"Account": "account"}
        binary = self.folder / "account/bootstrap"
        binary.parent.mkdir()

        def made(content):
            binary.write_bytes(program("x86_64") + content)
            pack(function, "x86_64", self.folder, folder)
            with zipfile.ZipFile(folder / "account.zip") as archive:
                self.assertTrue(archive.read("bootstrap").endswith(content))
            return (folder / "account.zip").stat()

        first = made(b"first")
        self.assertEqual(made(b"first"), first)
        self.assertNotEqual(made(b"other"), first)
        names = {"LICENSE", "README.md", "account.zip", "samconfig.toml", "template.yaml"}
        self.assertEqual({path.name for path in folder.iterdir()}, names)

    def test_a_program_for_another_architecture_is_not_packed(self):
        function = {"Account": "account"}
        path = self.folder / "account/bootstrap"
        path.parent.mkdir()
        path.write_bytes(program("arm64"))
        pack(function, "arm64", self.folder, self.folder / "arm64")
        with self.assertRaisesRegex(SystemExit, "account/bootstrap is built for another architecture"):
            pack(function, "x86_64", self.folder, self.folder / "x86_64")

    def test_what_the_readme_leads_to_is_in_the_package(self):
        accompany(self.folder)
        links = re.findall(r"\]\((?!https?:)([^)#]+)", (self.folder / "README.md").read_text())
        self.assertGreater(len(links), 20)
        for link in {*links, *FOLDERS}:
            self.assertTrue((self.folder / link).exists(), link)

    def test_a_binary_is_told_no_path_of_this_machine(self):
        remapped = dict(flag.removeprefix("--remap-path-prefix=").split("=") for flag in flags("arm64").split()[:-1])
        self.assertEqual(remapped[str(ROOT)], "/archipelago")
        self.assertEqual(sorted(remapped.values()), ["/archipelago", "/cargo"])

    def test_every_function_is_packed_and_named_by_its_zip(self):
        functions = binaries()
        handlers = {path.name for path in (ROOT / "handlers").iterdir()}
        self.assertEqual(set(functions.values()), handlers)
        path = self.folder / "template.yaml"
        path.write_text(template(functions, "x86_64"))
        packed, source = cfn_yaml.load(str(path)), cfn_yaml.load(str(ROOT / "template.yaml"))
        self.assertEqual(packed["Parameters"]["Architecture"]["AllowedValues"], ["x86_64"])
        self.assertEqual(packed["Parameters"]["Architecture"]["Default"], "x86_64")
        for name, resource in source["Resources"].items():
            if resource["Type"] == "AWS::Serverless::Function":
                deployed = packed["Resources"][name]
                self.assertEqual(deployed["Properties"].pop("CodeUri"), f"{functions[name]}.zip")
                self.assertNotIn("Metadata", deployed)
                del resource["Metadata"]
        del source["Globals"]["Function"]["CodeUri"]
        source["Parameters"]["Architecture"] = packed["Parameters"]["Architecture"]
        self.assertEqual(packed, source)
        self.assertFalse(re.search("BuildMethod", path.read_text()))


if __name__ == "__main__":
    unittest.main()
