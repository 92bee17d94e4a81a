"""Tables in HTML, as lists of the package show themselves in a notebook."""

import html


def html_table(headings, rows):
    """Return a table of texts as HTML; headings : one text a column, rows : of as many texts."""
    head = "".join(f'<th scope="col">{html.escape(heading)}</th>' for heading in headings)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
