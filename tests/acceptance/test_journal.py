"""What the journal keeps, whenever the run that writes it is killed; and what is removed of what it tells."""

import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import cleaning
import things
from journal import Journal, Thing
from things import ownership
from world import MANAGEMENT, World

BUCKET = Thing("bucket", "111122223333", "us-east-1", "a-prefix-bucket")
ROLE = Thing("role", "111122223333", "us-east-1", "a-prefix-role")
HERE = SimpleNamespace(id="111122223333", region="us-east-1")


class JournalTest(unittest.TestCase):
    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.journal = Journal(Path(folder) / "runs/a-prefix.journal")

    def test_without_a_file_nothing_is_left(self):
        self.assertEqual(self.journal.left(), [])

    def test_what_is_made_is_left_until_it_is_gone(self):
        self.journal.making(BUCKET)
        self.journal.making(ROLE)
        self.assertEqual(Journal(self.journal.path).left(), [BUCKET, ROLE])
        self.journal.gone(BUCKET)
        self.assertEqual(self.journal.left(), [ROLE])

    def test_what_is_made_again_is_left_again(self):
        self.journal.making(ROLE)
        self.journal.gone(ROLE)
        self.journal.making(ROLE)
        self.assertEqual(self.journal.left(), [ROLE])

    def test_a_line_that_was_cut_off_takes_no_other_with_it(self):
        self.journal.making(BUCKET)
        with self.journal.path.open("a") as file:
            file.write('{"making": {"kind": "ro')
        self.journal.making(ROLE)
        self.assertEqual(self.journal.left(), [BUCKET, ROLE])


class CleaningTest(unittest.TestCase):
    def setUp(self):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.world = World(HERE, SimpleNamespace(id="444455556666", region="us-east-1"), "a-prefix", folder)
        self.enterContext(mock.patch.object(things, "found", return_value=[]))
        self.removed = []

    def remove(self, *kinds, of=lambda world, account, name: None):
        def remember(world, account, name):
            of(world, account, name)
            self.removed.append(name)

        kept = {kind: things.Kind(remember, lambda world, account: []) for kind in kinds}
        return mock.patch.dict(things.KINDS, kept)

    def test_what_a_journal_tells_is_removed_and_forgotten(self):
        self.world.making("role", "a-prefix-role")
        with self.remove("role"):
            self.assertEqual(cleaning.clean(self.world, lambda said: None), {})
        self.assertEqual(self.removed, ["a-prefix-role"])
        self.assertFalse(self.world.journal.path.exists())

    def test_stacks_go_before_the_functions_that_they_need_and_before_what_they_hold(self):
        for kind, name in (
            ("role", "a-prefix-role"),
            ("stack", "a-prefix"),
            ("stack", "a-prefix-tooling"),
            ("stack", "a-prefix-workload"),
        ):
            self.world.making(kind, name)
        with self.remove("role", "stack"):
            cleaning.clean(self.world, lambda said: None)
        self.assertEqual(self.removed, ["a-prefix-workload", "a-prefix-tooling", "a-prefix", "a-prefix-role"])

    def test_what_cannot_be_removed_is_told_and_kept_in_the_journal(self):
        def refuse(world, account, name):
            raise RuntimeError("it is in use")

        thing = Thing("role", HERE.id, HERE.region, self.world.making("role", "a-prefix-role"))
        with self.remove("role", of=refuse):
            left = cleaning.clean(self.world, lambda said: None)
        self.assertEqual(left, {thing: "RuntimeError: it is in use"})
        self.assertEqual(self.world.journal.left(), [thing])

    def test_what_lacks_the_prefix_or_the_tag_is_left_alone(self):
        ours = [{"Key": "archipelago-acceptance", "Value": "a-prefix"}]
        ownership.only(self.world, "a-prefix-role", ours)
        for name, tags in (("other-role", ours), ("a-prefixed", ours), ("a-prefix-role", []), ("a-prefix", [{}])):
            with self.subTest(name=name, tags=tags), self.assertRaisesRegex(ValueError, "left alone"):
                ownership.only(self.world, name, tags)

    def test_another_account_or_region_is_told(self):
        for thing in (
            Thing("role", "999999999999", "us-east-1", "a-prefix-x"),
            Thing("role", HERE.id, "eu-west-1", "a-prefix-x"),
        ):
            with self.subTest(thing=thing), self.assertRaises(LookupError):
                things.remove(self.world, thing)

    def test_a_thing_is_written_down_with_the_account_of_where_it_is(self):
        self.world.making("role", "a-prefix-role", MANAGEMENT)
        self.assertEqual(self.world.journal.left(), [ROLE])


if __name__ == "__main__":
    unittest.main()
