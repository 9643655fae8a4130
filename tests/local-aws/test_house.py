"""That the files of a crate use each other one way, crates as well, and that a file can be read in one go."""

import tempfile
import textwrap
import tomllib
import unittest
from pathlib import Path

from local_aws import ROOT
from rust_files import arrows, back_doors, circles, naming, packages, product_lines, read, roots

# Each crate may use those of the rows before its own. `custom-resource` is for anybody.
LAYERS = (
    {"custom-resource"},
    {"archipelago"},
    {"ec2", "organizations"},
    {"policy-statement", "resource-shares"},
    {manifest.parent.name for manifest in ROOT.glob("handlers/*/Cargo.toml")},
)

# The tables of a manifest.
USED = ("dependencies", "build-dependencies")
USED_IN_TESTS = ("dev-dependencies",)

# What crates use in tests alone.
INSTRUMENTS = "archipelago-tests"

# A file with more lines is several.
MOST_LINES = 400


def folders():
    """Those of the product's crates."""
    return sorted(manifest.parent for kind in ("shared", "handlers") for manifest in ROOT.glob(f"{kind}/*/Cargo.toml"))


def crates(folder):
    """All that is compiled of a package, but for its tests."""
    return [read(root) for root in roots(folder)]


class OneCrate(unittest.TestCase):
    """What is read from crates that are written here."""

    def folder(self, **files):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name, text in files.items():
            file = Path(folder.name, name.replace("__", "/") + ".rs")
            file.parent.mkdir(exist_ok=True)
            file.write_text(textwrap.dedent(text))
        return Path(folder.name)

    def crate(self, **files):
        return read(self.folder(**files) / "lib.rs")

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
        tests = "#[cfg(test)]\nmod tests {\n    fn g() {}\n}\n"
        brace = '#[cfg(test)]\nmod tests {\n    const BRACE: &str = "\n}\n";\n}\n'
        for lib, lines in (
            (f"fn f() {{}}\n\n{tests}", 1),
            (f"fn f() {{}}\n\n{tests}fn h() {{}}\nfn i() {{}}\n", 4),
            (f"{tests}fn f() {{}}\n{brace}fn h() {{}}\n", 2),
        ):
            self.assertEqual(product_lines(self.crate(lib=lib).file), lines, lib)

    def test_a_package_is_its_examples_and_its_build_script_as_well(self):
        empty = ("src__a", "examples__one", "build", "tests__all", "benches__all")
        folder = self.folder(src__lib="mod a;", **dict.fromkeys(empty, ""))
        found = {str(module.file.relative_to(folder)) for crate in crates(folder) for module in crate.all()}
        self.assertEqual(found, {"src/lib.rs", "src/a.rs", "examples/one.rs", "build.rs"})

    def test_what_a_package_depends_on_has_its_own_name_whatever_it_is_called(self):
        for manifest in (
            "[dependencies]\nec2 = '1'",
            "[dependencies]\nec2.workspace = true",
            "[build-dependencies]\nec2 = { path = '../ec2' }",
            "[dependencies]\ncloud = { path = '../ec2', package = 'ec2' }",
            "[dependencies]\ncloud.workspace = true",
            "[target.'cfg(unix)'.dependencies]\nec2 = '1'",
            "[target.x86_64-unknown-linux-musl.build-dependencies.cloud]\npackage = 'ec2'",
        ):
            shared = {"ec2": {"path": "shared/ec2"}, "cloud": {"path": "shared/ec2", "package": "ec2"}}
            self.assertEqual(packages(tomllib.loads(manifest), USED, shared), {"ec2"}, manifest)
            self.assertEqual(packages(tomllib.loads(manifest), USED_IN_TESTS, shared), set(), manifest)

    def test_a_word_is_found_in_texts_and_in_the_names_of_files_and_folders(self):
        files = {"one": "// Archipelago's", "archipelago": "", "archipelago_tags__two": "", "three": ""}
        folder = self.folder(**files)
        found = {str(file.relative_to(folder)) for file in naming(folder, "archipelago")}
        self.assertEqual(found, {"one.rs", "archipelago.rs", "archipelago_tags/two.rs"})


class Product(unittest.TestCase):
    def test_no_two_files_use_each_other(self):
        read_here = [crate for folder in [*folders(), ROOT / "tests"] for crate in crates(folder)]
        found = [circle for crate in read_here for circle in circles(arrows(crate))]
        named = [sorted(str(file.relative_to(ROOT)) for file in circle) for circle in found]
        self.assertEqual(named, [])

    def test_the_methods_of_a_type_are_where_the_type_is(self):
        found = [door for folder in folders() for crate in crates(folder) for door in back_doors(crate)]
        self.assertEqual([(str(file.relative_to(ROOT)), name) for file, name in found], [])

    def test_every_file_can_be_read_in_one_go(self):
        files = {module.file for folder in folders() for crate in crates(folder) for module in crate.all()}
        lines = {str(file.relative_to(ROOT)): product_lines(file) for file in files}
        self.assertEqual({file: count for file, count in lines.items() if count > MOST_LINES}, {})

    def test_crates_use_those_below_them_alone(self):
        ours = {crate.name for crate in folders()}
        shared = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["dependencies"]
        self.assertEqual(set().union(*LAYERS), ours)
        for crate in folders():
            manifest = tomllib.loads((crate / "Cargo.toml").read_text())
            layer = next(index for index, names in enumerate(LAYERS) if crate.name in names)
            below = set().union(*LAYERS[:layer])
            self.assertLessEqual(packages(manifest, USED, shared) & (ours | {INSTRUMENTS}), below, crate.name)
            self.assertLessEqual(packages(manifest, USED_IN_TESTS, shared) & ours, below, crate.name)

    def test_the_library_for_anybody_uses_nothing_of_ours_and_does_not_name_it(self):
        crate = ROOT / "shared/custom-resource"
        self.assertNotIn(INSTRUMENTS, (crate / "Cargo.toml").read_text())
        self.assertEqual([str(file.relative_to(ROOT)) for file in naming(crate, "archipelago")], [])


if __name__ == "__main__":
    unittest.main()
