"""Make a handout of each lesson, its text, formulas and figures on one page: HTML to print, or PDF.

    python tools/build_handouts.py                all lessons, into handouts/
    python tools/build_handouts.py 04 --pdf       lesson 04, as PDF too (needs Chromium)
    python tools/build_handouts.py --into FOLDER  somewhere else

A handout opens from disk without a network. Needs `pip install -e .[slides]`.
"""

import argparse
import html
import sys
from pathlib import Path

from build_slides import NOTEBOOKS, ROOT, chosen, markdown_html, require
from chromium import Missing, run_chromium

HIDDEN = {"navigation", "setup"}
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>
@page {{ size: A4; margin: 16mm 15mm; }}
body {{ font: 11pt/1.42 "DejaVu Sans", "Segoe UI", Helvetica, Arial, sans-serif; color: #111;
  max-width: 46em; margin: 2em auto; padding: 0 1em; }}
h1, h2, h3 {{ color: #0b3d63; line-height: 1.2; break-after: avoid; }}
img {{ max-width: 100%; max-height: 95mm; object-fit: contain; break-inside: avoid; }}
math[display="block"] {{ margin: .6em 0; }}
pre, code {{ font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: .85em; }}
pre {{ white-space: pre-wrap; break-inside: avoid; }}
.anchor-link, .prompt {{ display: none; }}
@media print {{ body {{ margin: 0; max-width: none; }} a {{ color: inherit; }} }}
</style></head>
<body>
{body}
</body></html>
"""


def handout_html(notebook):
    """Return a student's notebook as a page without its code."""
    from nbconvert import HTMLExporter

    notebook.cells = [c for c in notebook.cells if not HIDDEN & {*c.metadata.get("tags", [])}]
    exporter = HTMLExporter(template_name="basic", exclude_input=True, sanitize_html=False)
    exporter.register_filter("markdown2html", markdown_html)
    body = exporter.from_notebook_node(notebook)[0]
    return PAGE.format(title=html.escape(notebook.metadata["title"]), body=body)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("lessons", nargs="*", help="numbers, such as 04; all when none is given")
    parser.add_argument("--into", type=Path, default=ROOT / "handouts", metavar="FOLDER")
    parser.add_argument("--pdf", action="store_true", help="as PDF too, by Chromium")
    options = parser.parse_args(arguments)
    try:
        require()
        import nbformat

        options.into.mkdir(parents=True, exist_ok=True)
        for source in chosen(options.lessons, NOTEBOOKS):
            path = (options.into / f"{source.stem}.html").resolve()
            path.write_text(handout_html(nbformat.read(source, 4)), encoding="utf-8")
            print(path)
            if options.pdf:
                pdf = path.with_suffix(".pdf")
                run_chromium(["--no-pdf-header-footer", f"--print-to-pdf={pdf}", path.as_uri()])
                print(pdf)
    except Missing as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
