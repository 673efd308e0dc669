"""Tables and sections that are made from the package when the site is built, so that what they say stands once.

``{columns} runs`` is a table of a record's columns, from `adamlab.records.schema`. ``{leaves} optimizer`` is a table
of all optimizers and ``{leaf-sections} optimizer`` a section for each, from their docstrings, their symbols and their
files in ``conf/``; likewise for objectives, noises and schedules. ``{studies}`` lists the files of ``conf/study``.
"""

import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from adamlab.records import schema
from adamlab.rules.defaults import conf_folder, defaults
from adamlab.rules.methods import acts_on
from adamlab.rules.registry import leaf_class, leaf_names
from adamlab.rules.symbols import symbols

INLINE = re.compile(r"``(?P<literal>.+?)``|`(?P<name>[^`]+)`|arXiv:(?P<arxiv>\d{4}\.\d{4,5})")
SENTENCE_END = re.compile(r"\.(?= [A-Z`]|$)")
ARXIV_NUMBER = re.compile(r"\(arXiv:[^)]*\)")
HEADING = re.compile(r"^(?P<title>.+)\n(?P<line>[-=~])(?P=line){2,}$", re.MULTILINE)


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx about the extension."""
    app.add_directive("columns", Columns)
    app.add_directive("leaves", Leaves)
    app.add_directive("leaf-sections", LeafSections)
    app.add_directive("studies", Studies)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class Columns(SphinxDirective):
    """The columns of one kind of records, or of the configuration that all kinds share."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make the table."""
        self.env.note_dependency(schema.__file__)
        kind = self.arguments[0]
        columns = schema.CONFIGURATION if kind == "configuration" else schema.TABLES[kind]
        rows = [
            [literal(column.name), str(column.dtype), column.unit, "yes" if column.nullable else "", column.meaning]
            for column in columns
        ]
        return [table(["Column", "Type", "Unit", "May be null", "Meaning"], rows, [24, 14, 8, 8, 46])]


class Leaves(SphinxDirective):
    """A table of all leaves of a group: name, what it is, source."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make the table."""
        group = self.arguments[0]
        leaves = {name: leaf_class(group, name) for name in leaf_names(group)}
        texts = {name: docstring(cls) for name, cls in leaves.items()}
        columns: dict[tuple[str, int], list[Any]] = {
            ("Name", 18): [link(f"{group}-{name}", name) for name in leaves],
            ("What it is", 44): [first_sentence(text) for text in texts.values()],
        }
        if group in KINDS:
            columns[KINDS[group], 12] = [kind(cls) for cls in leaves.values()]
        if any(sources := [source(text) for text in texts.values()]):
            columns["Source", 28] = sources
        rows = list(zip(*columns.values(), strict=True))
        return [table([head for head, _ in columns], rows, [width for _, width in columns])]


class LeafSections(SphinxDirective):
    """A section for each leaf of a group: its docstring, and its numbers in ``conf/``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make the sections."""
        group = self.arguments[0]
        return [self._section(group, name) for name in leaf_names(group)]

    def _section(self, group: str, name: str) -> nodes.section:
        cls = leaf_class(group, name)
        path = conf_folder() / group / f"{name}.yaml"
        self.env.note_dependency(inspect.getsourcefile(cls) or "")
        self.env.note_dependency(str(path))
        section = nodes.section(ids=[f"{group}-{name}"], names=[f"{group}-{name}"])
        section += nodes.title(text=name)
        section += paragraph(f"``{full_name(name)}``", "leaf-class")
        section += list(body(docstring(cls)))
        numbers = defaults(group, name)
        rows = [
            [literal(field), symbol.sign, allowed(symbol), shown(numbers.get(field, getattr(cls, field, "")))]
            for field, symbol in symbols(cls).items()
        ]
        if rows:
            section += table(["Parameter", "Sign", "Allowed", "Value"], rows, [20, 10, 40, 30])
        section += paragraph(f"Values: {comment(path)}", "leaf-origin")
        domain = self.env.domains["py"]
        domain.note_object(full_name(name), "class", f"{group}-{name}", location=section)
        return section


class Studies(SphinxDirective):
    """A table of the named studies: their command and what they are about."""

    def run(self) -> list[nodes.Node]:
        """Make the table."""
        rows = []
        for path in sorted((conf_folder() / "study").glob("*.yaml")):
            self.env.note_dependency(str(path))
            program = "cost" if re.search(r"^timing:|^peers:", path.read_text(), re.MULTILINE) else "converge"
            rows.append([literal(f"python experiments/{program}.py +study={path.stem}"), comment(path)])
        return [table(["Command", "What it does"], rows, [45, 55])]


# What a group's leaves are told apart by, in a column of its table.
KINDS = {"optimizer": "Acts on", "objective": "Gradient"}


def kind(cls: Any) -> str:
    """Return what an optimizer acts on, or whether an objective's gradient is drawn at each step."""
    if hasattr(cls, "update"):
        return acts_on(cls)
    return "random" if hasattr(cls, "sampled_gradient") else "exact"


def docstring(cls: Any) -> list[str]:
    """Return the paragraphs of a class's docstring; the text of a heading is a paragraph that ends with a colon."""
    text = HEADING.sub(lambda found: f"\n{found['title']}:\n", inspect.getdoc(cls) or "")
    return [block for block in re.split(r"\n\s*\n", text) if block.strip()]


def first_sentence(blocks: Sequence[str]) -> str:
    """Return the first sentence of a docstring, without its full stop."""
    return blocks[0].rstrip().removesuffix(".") if blocks else ""


def source(blocks: Sequence[str]) -> str:
    """Return the first sentence after ``Source:``, or the first reference, as far as its arXiv number."""
    for block, following in zip(blocks, [*blocks[1:], ""], strict=True):
        _, found, text = block.partition("Source:")
        if block.strip() in ("Source:", "References:"):
            found, text = "Source:", re.sub(r"^\.\. \[\w+\]\s*", "", following.strip())
        if found:
            sentence = SENTENCE_END.split(" ".join(text.split()), maxsplit=1)[0]
            number = ARXIV_NUMBER.search(sentence)
            return sentence[: number.end()] if number else sentence
    return ""


def body(blocks: Iterable[str]) -> Iterator[nodes.Node]:
    """Return a docstring's paragraphs and lists as nodes. The text is taken as it is: formulas hold stars and bars."""
    for block in blocks:
        if block.lstrip().startswith("* "):
            items = [" ".join(item.split()) for item in re.split(r"^\s*\* ", block, flags=re.MULTILINE)[1:]]
            yield nodes.bullet_list("", *(nodes.list_item("", paragraph(item)) for item in items))
        elif block.startswith("    "):
            yield nodes.literal_block(text=inspect.cleandoc(block))
        else:
            yield paragraph(re.sub(r"^\.\. \[\w+\]\s*", "", " ".join(block.split())))


def comment(path: Path) -> str:
    """Return the comment that a YAML file of ``conf/`` begins with: where its numbers come from."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("# @package")]
    first = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return " ".join(line.lstrip("# ") for line in lines[:first])


def allowed(symbol: Any) -> str:
    """Return the values that a symbol takes, in words."""
    values = getattr(symbol, "allowed", None) or getattr(symbol, "form", "")
    if isinstance(values, tuple):
        return " or ".join(values)
    if type(symbol).__name__ == "Pattern":
        return "a number, or several that are repeated"
    if type(symbol).__name__ == "FunctionName":
        return "module:function" + (" or none" if symbol.or_none else "")
    return f"{values}, whole" if getattr(symbol, "whole", False) else str(values)


def shown(value: Any) -> str:
    """Return a value as one writes it on the command line."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(shown, value))}]"
    if value == "???":
        return "to be given"
    return f"{value:g}" if isinstance(value, float) else str(value)


def inline(text: str) -> Iterator[nodes.Node]:
    """Return text as nodes: literals, names of Python objects as references, arXiv numbers as links."""
    at = 0
    for found in INLINE.finditer(text):
        yield nodes.Text(text[at : found.start()])
        at = found.end()
        if found["literal"]:
            yield literal(found["literal"])
        elif found["name"]:
            options = {"refdomain": "py", "reftype": "obj", "reftarget": full_name(found["name"])}
            yield pending_xref("", literal(found["name"]), **options)
        else:
            address = f"https://arxiv.org/abs/{found['arxiv']}"
            yield nodes.reference("", found[0], refuri=address, internal=False)
    yield nodes.Text(text[at:])


def full_name(name: str) -> str:
    """Return the dotted name of a leaf's class where ``name`` is a leaf's, and otherwise ``name``."""
    for group in ("optimizer", "objective", "noise", "schedule"):
        if name in leaf_names(group):
            cls = leaf_class(group, name)
            return f"{cls.__module__}.{cls.__qualname__}"
    return name


def paragraph(text: str, *classes: str) -> nodes.paragraph:
    """Return a paragraph of `inline` text."""
    return nodes.paragraph("", "", *inline(text), classes=list(classes))


def literal(text: str) -> nodes.literal:
    """Return text in the type of code."""
    return nodes.literal(text=text)


def link(identifier: str, text: str) -> nodes.reference:
    """Return a link to a place on the same page."""
    return nodes.reference("", "", literal(text), refid=identifier, internal=True)


def table(heads: Sequence[str], rows: Sequence[Sequence[str | nodes.Node]], widths: Sequence[int]) -> nodes.table:
    """Return a table; a cell is text or a node."""
    group = nodes.tgroup(cols=len(heads))
    group += [nodes.colspec(colwidth=width) for width in widths]
    group += nodes.thead("", row(heads))
    group += nodes.tbody("", *(row(cells) for cells in rows))
    return nodes.table("", group, classes=["generated-table", "colwidths-given"])


def row(cells: Sequence[str | nodes.Node]) -> nodes.row:
    """Return a row of a table."""
    shown_cells = (paragraph(cell) if isinstance(cell, str) else nodes.paragraph("", "", cell) for cell in cells)
    return nodes.row("", *(nodes.entry("", cell) for cell in shown_cells))
