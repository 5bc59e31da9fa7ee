#!/usr/bin/env python3
"""Checks the links of the Markdown files: the file is there, and so is the heading; every page of docs/ is in docs/SUMMARY.md."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("crates/*.md"), *ROOT.glob("examples/*.md")]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(path):
    """The lines of a page without its fenced blocks, with their numbers from 1."""
    fenced = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, line


def anchor(heading):
    """What a heading's link is called, by the rule of GitHub and mdBook; links in it count as their text."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(path):
    return {anchor(line.lstrip("#")) for _, line in prose(path) if re.match(r"#+ ", line)}


def mistakes():
    for path in FILES:
        for number, line in prose(path):
            for link in LINK.findall(re.sub(r"`[^`]*`", "", line)):
                if re.match(r"[a-z+]+:", link):
                    continue
                name, _, heading = link.partition("#")
                target = (path.parent / name).resolve() if name else path
                where = f"{path.relative_to(ROOT)}:{number}: {link}"
                if not target.exists():
                    yield f"{where}: there is no such file"
                elif heading and target.suffix == ".md" and heading not in anchors(target):
                    yield f"{where}: there is no such heading"
    summary = (ROOT / "docs/SUMMARY.md").read_text(encoding="utf-8")
    for page in ROOT.glob("docs/*.md"):
        if page.name != "SUMMARY.md" and f"({page.name})" not in summary:
            yield f"docs/SUMMARY.md: {page.name} is missing"


found = sorted(mistakes())
print("\n".join(found) or f"links of {len(FILES)} files are sound")
sys.exit(bool(found))
