#!/usr/bin/env python3
"""Holds the code against house.toml, the picture of its rooms: python3 .ci/house.py [--print]

Fails on an arrow between crates that the picture does not have, on more modules in circles of imports than the picture
admits, on a crate or a file that is too large, and on an allowance that is no longer needed. A module is a file or folder
right below `src/`; an import is any path that begins with `crate::`, `super::` or `self::`, and one of a name that a module
hands on (`pub use`) counts for the module that has it.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATH = re.compile(r"\b(?:crate|super|self)(?:::\w+)+|\buse\s+(?:crate|super|self)[^;]*;")
# Per cent of all lines.
LARGEST = 20
HANDED_ON = re.compile(r"^\s*pub(?:\([^)]*\))?\s+use\s+([^;]+);", re.M)


def crates():
    for manifest in sorted(ROOT.glob("crates/*/Cargo.toml")):
        yield manifest.parent.name, tomllib.loads(manifest.read_text())


def code(path):
    """The text of a file without comments, strings and its unit tests."""
    text = path.read_text()
    text = re.split(r"^#\[cfg\(test\)\]\s*\nmod \w+ \{", text, maxsplit=1, flags=re.M)[0]
    text = re.sub(r"//[^\n]*", "", text)
    return re.sub(r'"(?:\\.|[^"\\])*"', '""', text)


def sources(crate):
    for path in sorted((ROOT / "crates" / crate / "src").rglob("*.rs")):
        inside = path.relative_to(ROOT / "crates" / crate).parts
        if path.name != "tests.rs" and "tests" not in inside:
            yield path


def place(crate, path):
    """The module path of a file, as a list of names."""
    parts = list(path.relative_to(ROOT / "crates" / crate / "src").with_suffix("").parts)
    return [] if parts in (["lib"], ["main"]) else parts[:-1] if parts[-1] == "mod" else parts


def spread(text):
    """The paths of a use tree: `a::{b, c::d}` is `a::b` and `a::c::d`."""
    text = re.sub(r"\s+as\s+\w+", "", text)
    text = re.sub(r"\s+", "", text)
    head, brace, rest = text.partition("{")
    if not brace:
        return [text]
    depth, begin, parts = 0, 0, []
    body = rest[: rest.rindex("}")] if "}" in rest else rest
    for at, char in enumerate(body + ","):
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            parts.append(body[begin:at])
            begin = at + 1
    return [head + path for part in parts if part for path in spread(part)]


def absolute(path, here):
    """The names behind `crate::` of a path in the module `here`."""
    names = path.split("::")
    if names[0] == "crate":
        return names[1:]
    base = list(here)
    while names and names[0] in ("super", "self"):
        if names[0] == "super" and base:
            base.pop()
        names = names[1:]
    return base + names


def imports(crate):
    """For each module the modules that it takes names from."""
    texts = {path: code(path) for path in sources(crate)}
    tops = {module[0] for module in (place(crate, path) for path in texts) if module}
    handed_on = {}
    for path, text in texts.items():
        if place(crate, path) == []:
            for tree in HANDED_ON.findall(text):
                for name in spread(tree):
                    names = absolute(name, []) if name.startswith(("crate", "self")) else name.split("::")
                    if names[0] in tops:
                        handed_on[names[-1]] = names[0]
    arrows = {top: set() for top in tops}
    for path, text in texts.items():
        here = place(crate, path)
        if not here:
            continue
        for found in PATH.findall(text):
            found = re.sub(r"^use\s+", "", found).rstrip(";")
            for name in spread(found):
                names = absolute(name, here)
                target = names[0] if names and names[0] in tops else handed_on.get(names[0] if names else "")
                if target and target != here[0]:
                    arrows[here[0]].add(target)
    return arrows


def circles(arrows):
    """Groups of modules of which each leads to each other (Tarjan)."""
    index, low, stack, found, groups = {}, {}, [], set(), []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        found.add(node)
        for other in sorted(arrows[node]):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in found:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = []
            while not group or group[-1] != node:
                group.append(stack.pop())
                found.discard(group[-1])
            if len(group) > 1:
                groups.append(sorted(group))

    for node in sorted(arrows):
        if node not in index:
            visit(node)
    return groups


def lines(crate):
    return sum(len(path.read_text().splitlines()) for path in sources(crate))


def main():
    picture = tomllib.loads((ROOT / "house.toml").read_text())
    wrong = []
    sizes = {crate: lines(crate) for crate, _ in crates()}
    total = sum(sizes.values())
    for crate, manifest in crates():
        tables = [manifest, *manifest.get("target", {}).values()]
        kinds = ("dependencies", "build-dependencies")
        names = {name for table in tables for kind in kinds for name in table.get(kind, {})}
        arrows = {name.removeprefix("dfp-") for name in names if name.startswith("dfp-")}
        allowed = picture["arrows"].get(crate)
        if allowed is None:
            wrong.append(f"crates/{crate}: house.toml has no such room")
            continue
        wrong += [f"crates/{crate}: the arrow to {other} is not in house.toml" for other in sorted(arrows - set(allowed))]
        wrong += [f"house.toml: the arrow from {crate} to {other} is not needed" for other in sorted(set(allowed) - arrows)]
        if not manifest["package"].get("description"):
            wrong.append(f"crates/{crate}/Cargo.toml: there is no description")
        groups = circles(imports(crate))
        count = sum(map(len, groups))
        known = picture.get("circles", {}).get(crate, 0)
        if count != known:
            words = "; ".join(", ".join(group) for group in groups) or "none"
            wrong.append(f"crates/{crate}: {count} modules in circles, house.toml says {known}: {words}")
        share, most = 100 * sizes[crate] / total, picture.get("largest_share", {}).get(crate, LARGEST)
        if share > most:
            wrong.append(f"crates/{crate}: {share:.1f} % of all lines, at most {most} %")
        if crate in picture.get("largest_share", {}) and share <= most - 1:
            wrong.append(f"house.toml: {crate} has {share:.1f} % of all lines; {most} % is too much")
        if "--print" in sys.argv:
            print(f"{crate:10} {sizes[crate]:6} lines {share:4.0f} %  {count:2} in circles  -> {', '.join(sorted(arrows))}")
    for table in ("arrows", "circles", "largest_share"):
        wrong += [f"house.toml: [{table}] names {crate}, which is no crate" for crate in picture.get(table, {}) if crate not in sizes]
    long = {}
    for crate in sizes:
        for path in sources(crate):
            count = len(path.read_text().splitlines())
            if count > 500:
                long[str(path.relative_to(ROOT))] = count
    wrong += [f"{path}: {count} lines; above 500 house.toml has to say why" for path, count in long.items() if path not in picture["long_files"]]
    wrong += [f"house.toml: {path} is not above 500 lines" for path in picture["long_files"] if path not in long]
    for text in wrong:
        print(text, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
