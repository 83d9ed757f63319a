"""The parts of the page that show pictures, as HTML. Pictures are in it as `data:` addresses.

So no picture is a file on the server, and what a visitor saves is what is shown, byte for byte.
"""

import base64
import html

from msg_stylegan.pictures.sheets import encode_png


def data_address(data, kind):
    """Address that holds bytes of a MIME type."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def picture(image, description, facts=None):
    """An `<img>` of uint8 `[H, W, C]`, whose file tells some facts."""
    address = data_address(encode_png(image, facts), "image/png")
    return f'<img alt="{html.escape(description)}" src="{address}">'


def stage(scales, description, facts=None, file_name=None, caption=""):
    """A picture, large, with all its scales below; a click on a scale shows it large.

    Args:
        scales: List of uint8 `[r, r, C]`, low to high.
        description: What is seen, for those who do not see it.
        facts: What the file of the largest scale tells.
        file_name: Name under which it is saved.
        caption: Text below.
    """
    tiles = []
    for image in scales:
        side, is_top = len(image), image is scales[-1]
        of_scale = picture(image, f"{description}, {side} pixels", facts if is_top else None)
        name = f' data-name="{html.escape(file_name)}"' if is_top and file_name else ""
        pressed = "true" if is_top else "false"
        tiles.append(
            f'<button class="scale" aria-pressed="{pressed}" title="Show {side} pixels"{name}>'
            f"{of_scale}<span>{side}</span></button>"
        )
    large = picture(scales[-1], description, facts)
    figcaption = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    return (
        f'<figure class="stage"><div class="large">{large}</div>'
        f'<div class="scales">{"".join(tiles)}</div>{figcaption}</figure>'
    )


def tiles(images, captions, kind):
    """Pictures that can be pressed.

    Args:
        images: List of uint8 `[r, r, C]`.
        captions: Text of each.
        kind: Class of the list: "grid" or "shelf".
    """
    buttons = "".join(
        f'<button class="tile" data-index="{i}" title="{html.escape(caption)}">'
        f"{picture(image, caption)}<span>{html.escape(caption)}</span></button>"
        for i, (image, caption) in enumerate(zip(images, captions, strict=True))
    )
    return f'<div class="{kind}">{buttons}</div>'


def shelf(kept):
    """The `Kept` samples of a visitor."""
    if not kept:
        return '<p class="note">Nothing is kept yet: press Keep below the picture.</p>'
    return tiles([one.image for one in kept], [one.caption for one in kept], "shelf")


def saving(commands, w_name, w_data, note=""):
    """What can be taken along: the picture on the stage, its w, and the commands that draw it."""
    picture = '<button class="save-picture">Save picture</button>'
    return _saving(picture, commands, w_name, w_data, note)


def video(data, file_name, command, w_name, w_data):
    """A video that plays, and what can be taken along as of a picture."""
    address = data_address(data, "video/mp4")
    save = f'<a class="save-video" download="{file_name}" href="{address}">Save video</a>'
    return (
        f'<video class="walk" src="{address}" autoplay loop muted playsinline controls></video>'
        f"{_saving(save, [command], w_name, w_data, save_first(w_name))}"
    )


def save_first(w_name):
    """What to do before a command that reads a file of w."""
    return f"Save w first, as {w_name}, in the current folder."


def _saving(what, commands, w_name, w_data, note):
    address = data_address(w_data, "application/octet-stream")
    lines = html.escape("\n".join(commands))
    return (
        f'<div class="saving">{what}'
        f'<a class="save-w" download="{html.escape(w_name)}" href="{address}">Save w</a>'
        '<button class="copy">Copy command</button></div>'
        f'<pre class="command">{lines}</pre><p class="note">{html.escape(note)}</p>'
    )


def heading(title, summary):
    """The head of the page."""
    return (
        f'<header class="head"><h1>{html.escape(title)}</h1><p>{html.escape(summary)}</p></header>'
    )


def documents(paths):
    """Pictures of files, below each other."""
    figures = "".join(
        f'<figure class="document"><img alt="{html.escape(path.stem)}" '
        f'src="{data_address(path.read_bytes(), "image/png")}">'
        f"<figcaption>{html.escape(path.name)}</figcaption></figure>"
        for path in paths
    )
    return figures or '<p class="note">Nothing is recorded yet.</p>'
