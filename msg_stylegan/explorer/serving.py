"""Serves the page: where it listens, how it looks, and what it never does."""

import contextlib
import ipaddress
import os
import signal
import tempfile
import threading
from pathlib import Path

_HERE = Path(__file__).parent
_MAX_UPLOAD = "20mb"
_MAX_WAITING = 40


def serve(args, open_exhibit):
    """Shows networks until Ctrl-C.

    Nothing is sent anywhere: no telemetry, no fonts from elsewhere. Uploads are in a temporary
    folder, which is removed at the end.

    Args:
        args: Parsed options `host`, `port` and `share`.
        open_exhibit: Function that returns the `Exhibit` and the list of its `RunView`s.

    Raises:
        ValueError: The address cannot be used.
    """
    # Whoever ends it otherwise, too, ends it with the folder removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="msg-stylegan-explorer-") as folder:
        # Gradio reads them when it is imported.
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        os.environ["GRADIO_TEMP_DIR"] = folder
        os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
        gradio = _import_gradio()
        from msg_stylegan.explorer.app import Page

        page = Page(*open_exhibit())
        try:
            _, url, public_url = page.blocks.queue(max_size=_MAX_WAITING).launch(
                server_name=args.host,
                server_port=args.port,
                share=args.share,
                prevent_thread_lock=True,
                quiet=True,
                max_file_size=_MAX_UPLOAD,
                ssr_mode=False,
                footer_links=[],
                theme=_theme(gradio),
                css_paths=[_HERE / "explorer.css"],
                js=(_HERE / "explorer.js").read_text(encoding="utf-8"),
            )
        except OSError as error:
            ports = f"port {args.port}" if args.port else "ports 7860 to 7959"
            raise ValueError(
                f"The explorer cannot listen at {args.host}, {ports}. Choose another address by "
                "--host and --port."
            ) from error
        print(f"The explorer is at {public_url or url} (Ctrl-C ends it)", flush=True)
        if args.share or not _is_loopback(args.host):
            print(
                "notice: it can be reached from other computers, and asks nobody for a password",
                flush=True,
            )
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
        page.blocks.close(verbose=False)


def _import_gradio():
    try:
        import gradio
    except ModuleNotFoundError as error:
        if error.name != "gradio":
            raise
        raise ModuleNotFoundError(
            'The explorer needs Gradio: pip install -c constraints.txt -e ".[explore]", or '
            'pip install "msg-stylegan[explore]".',
            name="gradio",
        ) from error
    return gradio


def _theme(gradio):
    """Fonts that computers have, wide spaces, one accent."""
    fonts = ["system-ui", "-apple-system", "Segoe UI", "Inter", "Roboto", "sans-serif"]
    mono = ["ui-monospace", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace"]
    return gradio.themes.Base(
        primary_hue="indigo",
        neutral_hue="zinc",
        radius_size="lg",
        font=fonts,
        font_mono=mono,
    ).set(
        block_border_width="0px",
        block_shadow="none",
        block_padding="0px",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_label_padding="0px",
        block_info_text_color="*neutral_500",
        body_text_color_subdued="*neutral_500",
        button_large_text_weight="500",
        button_medium_text_weight="500",
        button_small_text_weight="500",
        input_background_fill="*neutral_100",
        input_background_fill_dark="*neutral_800",
        input_border_width="0px",
        checkbox_label_padding="6px 12px",
        button_secondary_background_fill="*neutral_100",
        button_secondary_background_fill_hover="*neutral_200",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_background_fill_hover_dark="*neutral_700",
        body_background_fill="white",
        body_background_fill_dark="*neutral_950",
    )


def _is_loopback(host):
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
