"""That the files of a crate use each other one way, crates as well, and that a file can be read in one go."""

import tempfile
import textwrap
import tomllib
import unittest
from pathlib import Path

from local_aws import ROOT
from rust_files import arrows, back_doors, circles, product_lines, read

# Each crate may use those of the rows before its own. `custom-resource` is for anybody.
LAYERS = (
    {"custom-resource"},
    {"archipelago"},
    {"ec2", "organizations"},
    {"policy-statement", "resource-shares"},
    {manifest.parent.name for manifest in ROOT.glob("handlers/*/Cargo.toml")},
)

# What crates use in tests alone.
INSTRUMENTS = "archipelago-tests"

# The played organization, one type with more operations than a file holds: those of each kind of thing have a file.
IN_PARTS = "tests/src/model/organizations"

# A file with more lines is several.
MOST_LINES = 400


def folders():
    """Those of the product's crates."""
    return sorted(manifest.parent for kind in ("shared", "handlers") for manifest in ROOT.glob(f"{kind}/*/Cargo.toml"))


def root(crate):
    return next(file for name in ("lib", "main") if (file := crate / f"src/{name}.rs").exists())


class OneCrate(unittest.TestCase):
    """What is read from crates that are written here."""

    def crate(self, **files):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name, text in files.items():
            file = Path(folder.name, name.replace("__", "/") + ".rs")
            file.parent.mkdir(exist_ok=True)
            file.write_text(textwrap.dedent(text))
        return read(Path(folder.name, "lib.rs"))

    def circles(self, **files):
        found = circles(arrows(self.crate(**files)))
        return [sorted(file.stem for file in circle) for circle in found]

    def test_two_files_that_import_each_other_are_a_circle(self):
        lib = "mod a;\nmod b;\npub use a::A;"
        one = "use crate::b::{self, B};\npub struct A(B);"
        for other in (
            "use crate::{a::A, other};\npub struct B(A);",
            "pub struct B(crate::a::A);",
            "use super::a;\npub struct B(a::A);",
            "use crate::A;\npub struct B(A);",
            "pub struct B;\nfn f() { let _ = |_: &crate::A| (); }",
            "use crate::a::*;\npub struct B(A);",
        ):
            self.assertEqual(self.circles(lib=lib, a=one, b=other), [["a", "b"]], other)

    def test_a_circle_of_three_and_one_through_a_child_are_found(self):
        lib = "mod a;\nmod b;\nmod c;"
        a, b, c = ("use crate::b::B;", "use crate::c::C;\npub struct B;", "use crate::a;\npub struct C;")
        self.assertEqual(self.circles(lib=lib, a=a, b=b, c=c), [["a", "b", "c"]])
        child = "use super::helper;\npub fn check() { helper() }"
        a = "mod child;\npub fn f() { child::check() }\nfn helper() {}"
        self.assertEqual(self.circles(lib="mod a;", a=a, a__child=child), [["a", "child"]])

    def test_a_parent_may_declare_and_export_what_uses_it(self):
        a = "mod child;\npub(crate) use child::C;\npub struct A;"
        child = "use super::A;\npub struct C(A);"
        self.assertEqual(self.circles(lib="mod a;", a=a, a__child=child), [])
        self.assertEqual(self.circles(lib="mod a;", a=a + "\nfn f(_: C) {}", a__child=child), [["a", "child"]])

    def test_tests_comments_and_texts_use_nothing(self):
        b = "use crate::a::A;\npub struct B(A);"
        for a in (
            "pub struct A;\n#[cfg(test)]\nmod tests { use crate::b::B; }",
            "pub struct A;\n#[cfg(test)]\nuse crate::b::B;",
            "pub struct A;\n#[cfg(test)]\nmod tests;",
            "/// See [`crate::b::B`].\npub struct A; /* crate::b::B */",
            'pub struct A;\nconst TEXT: &str = "crate::b::B";\nconst RAW: &str = r#"" crate::b::B "#;',
            "pub struct A<'a>(&'a str);\nconst QUOTE: char = '\"';\nconst END: char = '\\'';",
        ):
            self.assertEqual(self.circles(lib="mod a;\nmod b;", a=a, b=b), [], a)

    def test_methods_of_another_file_s_type_are_found(self):
        lib, a = "mod a;\nmod b;", "pub struct A<T>(T);\nimpl<T: Copy> A<T> {}"
        for b, found in (
            ("use crate::a::A;\nimpl A<u8> {}", ["A"]),
            ("impl<T> crate::a::A<T> where T: Copy {}", ["crate::a::A"]),
            ("use crate::a::A;\nimpl<T> Clone for A<T> {}", []),
            ("use crate::a::A;\nstruct B<'a>(&'a A<u8>);\nimpl B<'_> {}", []),
        ):
            self.assertEqual([name for _, name in back_doors(self.crate(lib=lib, a=a, b=b))], found, b)

    def test_the_lines_of_tests_are_not_counted(self):
        crate = self.crate(lib="fn f() {}\n\n#[cfg(test)]\nmod tests {\n    fn g() {}\n}\n")
        self.assertEqual(product_lines(crate.file), 1)


class Product(unittest.TestCase):
    def test_no_two_files_use_each_other(self):
        found = [circle for crate in [*folders(), ROOT / "tests"] for circle in circles(arrows(read(root(crate))))]
        named = [sorted(str(file.relative_to(ROOT)) for file in circle) for circle in found]
        self.assertEqual([circle for circle in named if not all(file.startswith(IN_PARTS) for file in circle)], [])

    def test_the_methods_of_a_type_are_where_the_type_is(self):
        found = [door for crate in folders() for door in back_doors(read(root(crate)))]
        self.assertEqual([(str(file.relative_to(ROOT)), name) for file, name in found], [])

    def test_every_file_can_be_read_in_one_go(self):
        lines = {str(file): product_lines(file) for crate in folders() for file in arrows(read(root(crate)))}
        self.assertEqual({file: count for file, count in lines.items() if count > MOST_LINES}, {})

    def test_crates_use_those_below_them_alone(self):
        ours = {crate.name for crate in folders()}
        self.assertEqual(set().union(*LAYERS), ours)
        for crate in folders():
            manifest = tomllib.loads((crate / "Cargo.toml").read_text())
            used = {name for kind in ("dependencies", "build-dependencies") for name in manifest.get(kind, {})}
            in_tests = set(manifest.get("dev-dependencies", {}))
            layer = next(place for place, names in enumerate(LAYERS) if crate.name in names)
            below = set().union(*LAYERS[:layer])
            self.assertLessEqual(used & (ours | {INSTRUMENTS}), below, crate.name)
            self.assertLessEqual(in_tests & ours, below, crate.name)

    def test_the_library_for_anybody_uses_nothing_of_ours_and_does_not_name_it(self):
        crate = ROOT / "shared/custom-resource"
        self.assertNotIn(INSTRUMENTS, (crate / "Cargo.toml").read_text())
        texts = {file: file.read_bytes().lower() for file in crate.rglob("*") if file.is_file()}
        naming = [str(file.relative_to(ROOT)) for file, text in texts.items() if b"archipelago" in text]
        self.assertEqual(naming, [])


if __name__ == "__main__":
    unittest.main()
