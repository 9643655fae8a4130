"""That what is deployed is what was built last."""

import tempfile
import unittest
import zipfile
from pathlib import Path
from unittest import mock

import archives

TEMPLATE = """\
Globals:
  Function:
    CodeUri: .
Resources:
  Account:
    Properties:
      CodeUri: Account
"""


class Archives(unittest.TestCase):
    def setUp(self):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.built = folder / "build"
        self.binary = self.built / "Account/bootstrap"
        self.binary.parent.mkdir(parents=True)
        self.archive = folder / "archives/Account.zip"
        for name, path in (("BUILT", self.built), ("ARCHIVES", self.archive.parent)):
            self.enterContext(mock.patch.object(archives, name, path))

    def build(self, content):
        (self.built / "template.yaml").write_text(TEMPLATE)
        self.binary.write_text(content)
        self.binary.chmod(0o755)
        return archives.template()

    def test_the_template_names_an_archive_in_which_the_binary_can_be_run(self):
        template = self.build("first")
        self.assertIn("      CodeUri: Account.zip\n", template.read_text())
        self.assertIn("    CodeUri: .\n", template.read_text())
        self.assertTrue((template.parent / "Account.zip").samefile(self.archive))
        with zipfile.ZipFile(self.archive) as archive:
            (member,) = archive.infolist()
            self.assertEqual((member.filename, archive.read(member)), ("bootstrap", b"first"))
            self.assertEqual(member.external_attr >> 16 & 0o777, 0o755)

    def test_an_archive_is_made_anew_only_when_the_binary_has_changed(self):
        self.build("first")
        made = self.archive.stat()
        self.build("first")
        self.assertEqual(self.archive.stat(), made)
        self.build("other")
        with zipfile.ZipFile(self.archive) as archive:
            self.assertEqual(archive.read("bootstrap"), b"other")

    def test_nothing_but_archives_and_the_template_is_left(self):
        template = self.build("first")
        self.assertEqual({self.archive, template}, set(self.archive.parent.iterdir()))

    def test_what_was_never_built_is_not_deployed(self):
        with self.assertRaises(SystemExit) as raised:
            archives.template()
        self.assertIn("make build", str(raised.exception))


if __name__ == "__main__":
    unittest.main()
