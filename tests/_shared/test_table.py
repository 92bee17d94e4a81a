"""Tables: columns line up in text, cells are escaped in HTML."""

from typing import NamedTuple

from cnnvis_helpers._shared.table import Table


class Row(NamedTuple):
    name: str
    count: int


def test_text_lines_up_with_numbers_at_the_right():
    table = Table([Row("a", 5), Row("long name", 12345)])
    assert repr(table).splitlines() == [
        "name        count",
        "a               5",
        "long name  12,345",
    ]
    assert repr(Table([])) == "(none)" and Table([])._repr_html_() == "<p>(none)</p>"


def test_a_subclass_chooses_headings_and_cells_and_html_is_escaped():
    class Shout(Table):
        headings = ("who",)

        def cells(self, row):
            return [row.name.upper()]

        def html_cells(self, row):
            return ["<img>", *super().html_cells(row)]

    made = Shout([Row("<b>", 1)])._repr_html_()
    assert "&lt;B&gt;" in made and "<b>" not in made
    assert made.count("<th") - made.count("<thead") == made.count("<td") == 2
    assert made.index('<th scope="col"></th>') < made.index("who")
