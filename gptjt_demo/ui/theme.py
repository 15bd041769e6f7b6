"""The page's looks: one set of colours and fonts for light and dark, and style.css over them.

The fonts are files that gradio serves itself: no page of ours asks another host for anything.
"""

from __future__ import annotations

import gradio as gr
from gradio.themes.utils import colors

from gptjt_demo.ui import static

ACCENT = colors.teal
NEUTRAL = colors.stone
SHEETS = ("style.css", "banner.css", "result.css", "data.css", "review.css", "phone.css")
"""In this order: what is for a phone overrides the rest."""

FONT_WEIGHTS = (400, 700)
"""The weights that gradio ships whole: its semibold files hold a few letters only."""


def theme() -> gr.themes.Base:
    """The theme for `launch(theme=…)`."""
    base = gr.themes.Base(
        primary_hue=ACCENT,
        secondary_hue=ACCENT,
        neutral_hue=NEUTRAL,
        radius_size=gr.themes.sizes.radius_md,
        text_size=gr.themes.sizes.text_md,
        font=[gr.themes.LocalFont("IBM Plex Sans", weights=FONT_WEIGHTS), "system-ui", "sans-serif"],
        font_mono=[gr.themes.LocalFont("IBM Plex Mono", weights=FONT_WEIGHTS), "ui-monospace", "monospace"],
    )
    return base.set(
        body_background_fill="#f8f7f5",
        body_background_fill_dark="#141312",
        body_text_color="*neutral_900",
        body_text_color_dark="#ebe9e6",
        body_text_color_subdued="#615b55",
        body_text_color_subdued_dark="#a8a29c",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#1d1c1a",
        background_fill_secondary="#f3f1ee",
        background_fill_secondary_dark="#262422",
        border_color_primary="#e2dfda",
        border_color_primary_dark="#383530",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        block_padding="0",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_title_text_color="*body_text_color",
        block_title_text_color_dark="*body_text_color",
        block_title_text_weight="700",
        block_title_text_size="*text_sm",
        block_info_text_color="*body_text_color_subdued",
        block_info_text_color_dark="*body_text_color_subdued",
        input_background_fill="*background_fill_primary",
        input_background_fill_dark="*background_fill_primary",
        input_border_color="*border_color_primary",
        input_border_color_dark="*border_color_primary",
        input_border_width="1px",
        input_radius="8px",
        input_border_color_focus="*color_accent",
        input_border_color_focus_dark="*color_accent",
        input_shadow_focus="0 0 0 3px color-mix(in srgb, var(--color-accent) 22%, transparent)",
        input_shadow_focus_dark="0 0 0 3px color-mix(in srgb, var(--color-accent) 30%, transparent)",
        color_accent="#0f766e",
        button_primary_background_fill="#0f766e",
        button_primary_background_fill_hover="#115e59",
        button_primary_background_fill_dark="#0f766e",
        button_primary_background_fill_hover_dark="#115e59",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#ffffff",
        button_secondary_background_fill="*background_fill_primary",
        button_secondary_background_fill_dark="*background_fill_primary",
        button_secondary_background_fill_hover="*background_fill_secondary",
        button_secondary_background_fill_hover_dark="*background_fill_secondary",
        button_secondary_border_color="*border_color_primary",
        button_secondary_border_color_dark="*border_color_primary",
        button_border_width="1px",
        button_large_text_weight="700",
        layout_gap="16px",
        form_gap_width="0px",
    )


def css() -> str:
    """The style sheet for `launch(css=…)`."""
    return "".join(static.read(name) for name in SHEETS)


def head() -> str:
    """The scripts of the page as a whole, and the styles around its components, for `launch(head=…)`."""
    scripts = [static.read(name) for name in ("exchange.js", "page.js", "pickers.js")]
    styles = f"<style>{static.read('page.css')}</style>"
    first = f"<script>{static.read('storage.js')}</script>"  # no module: those wait until the page has been read
    return first + styles + "".join(f"<script type=module>{script}</script>" for script in scripts)
