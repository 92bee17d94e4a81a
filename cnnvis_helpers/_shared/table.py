"""A list that prints as a table."""

import html
import textwrap

WIDEST = 64  # characters of a cell in text


class Table(list):
    """A list of rows that prints as a table, in text and in a notebook.

    A subclass names the columns in `headings` and turns a row into texts in `cells`.
    """

    headings = None
    nothing = "(none)"  # shown for an empty list

    def cells(self, row):
        """Return the texts of one row."""
        return [f"{value:,}" if type(value) is int else str(value) for value in row]

    def html_cells(self, row):
        """Return the HTML of one row's cells."""
        return [html.escape(cell) for cell in self.cells(row)]

    def __repr__(self):
        if not self:
            return self.nothing
        rows = [self._headings(), *map(self.cells, self)]
        rows = [[textwrap.shorten(c, WIDEST, placeholder=" ...") for c in row] for row in rows]
        columns = []
        for column in zip(*rows, strict=True):
            numbers = all(cell[:1].isdigit() or cell[:1] in "-?" for cell in column[1:])
            width = max(map(len, column))
            columns.append([c.rjust(width) if numbers else c.ljust(width) for c in column])
        return "\n".join("  ".join(row).rstrip() for row in zip(*columns, strict=True))

    def _repr_html_(self):
        if not self:
            return f"<p>{html.escape(self.nothing)}</p>"
        rows = [self.html_cells(row) for row in self]
        pictures = [""] * (len(rows[0]) - len(self._headings()))  # columns without a heading
        head = (
            f'<th scope="col">{html.escape(name)}</th>' for name in [*pictures, *self._headings()]
        )
        body = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
        lines = "".join(f"<tr>{row}</tr>" for row in body)
        return f"<table><thead><tr>{''.join(head)}</tr></thead><tbody>{lines}</tbody></table>"

    def _headings(self):
        return list(self.headings or self[0]._fields)
