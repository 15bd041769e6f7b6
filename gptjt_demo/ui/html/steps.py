"""Steps in the browser after the server has answered: save a file that it gave, bring a part of the page into view."""

from __future__ import annotations

# A component of gradio gives a file to the browser only when it is clicked: this click is the page's own.
SAVE = """(file) => {
    if (!file) return;
    const link = Object.assign(document.createElement("a"), { href: file.url, download: file.orig_name ?? "" });
    document.body.append(link);
    link.click();
    link.remove();
}"""


def into_view(id: str) -> str:
    """Scroll to a part of the page, no further than is needed for it to be seen."""
    return f"""() => {{
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    document.getElementById("{id}")?.scrollIntoView({{ behavior: still ? "auto" : "smooth", block: "nearest" }});
}}"""
