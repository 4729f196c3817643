"""The gallery's page: rooms of pictures with their captions, in one file that asks for nothing but the pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

CHOICES = {"auto": "as the page", "light": "light", "dark": "dark", "print": "print", "every": "side by side"}


@dataclass(frozen=True)
class Hung:
    """A picture on the page.

    Attributes:
        shown: the file that is shown, by theme.
        files: more files of it, by what to call them.
        wide: whether it needs the whole width of the page.
    """

    title: str
    caption: str
    shown: Mapping[str, str]
    files: Mapping[str, str]
    wide: bool


@dataclass(frozen=True)
class Wall:
    """The pictures of one room."""

    name: str
    title: str
    about: str
    pictures: Sequence[Hung]


def page(walls: Sequence[Wall], themes: Sequence[str], notes: Sequence[str]) -> str:
    """Return the page; with several themes one can choose between them, and it needs no script for that."""
    head = "".join(f'<a href="#{wall.name}">{escape(wall.title)}</a>' for wall in walls)
    told = "".join(f"<pre>{escape(note)}</pre>" for note in notes)
    return _PAGE.format(
        style=_STYLE + _choosing(themes),
        count=sum(len(wall.pictures) for wall in walls),
        chooser=_chooser(themes),
        contents=head,
        notes=told,
        walls="".join(map(_wall, walls)),
    )


def _wall(wall: Wall) -> str:
    pictures = "".join(map(_hung, wall.pictures))
    title = f"<h2>{escape(wall.title)}</h2><p>{escape(wall.about)}</p>"
    return f'<section id="{wall.name}">{title}<div class="wall">{pictures}</div></section>\n'


def _hung(each: Hung) -> str:
    alternative = escape(f"{each.title}: {each.caption}")
    images = "".join(
        f'<a class="{theme}" href="{file}"><img src="{file}" alt="{alternative}" loading="lazy"></a>'
        for theme, file in each.shown.items()
    )
    links = " ".join(f'<a href="{file}">{escape(name)}</a>' for name, file in each.files.items())
    words = f"<b>{escape(each.title)}.</b> {escape(each.caption)} <small>{links}</small>"
    kind = ' class="wide"' if each.wide else ""
    return f'<figure{kind}><div class="frame">{images}</div><figcaption>{words}</figcaption></figure>\n'


def _chooser(themes: Sequence[str]) -> str:
    if len(themes) == 1:
        return ""
    choices = "".join(
        f'<label><input type="radio" name="theme" id="{name}"{" checked" if name == "auto" else ""}> {words}</label>'
        for name, words in CHOICES.items()
    )
    return f"<fieldset><legend>Theme</legend>{choices}</fieldset>"


def _choosing(themes: Sequence[str]) -> str:
    if len(themes) == 1:
        return ""
    hidden = ".frame > a { display: none } "
    chosen = " ".join(f"body:has(#{name}:checked) .frame > .{name} {{ display: block }}" for name in themes)
    auto = "body:has(#auto:checked) .frame > .%s { display: block }"
    light, dark = (f"@media (prefers-color-scheme: {name}) {{ {auto % name} }}" for name in ("light", "dark"))
    return f"{hidden}{chosen} {light} {dark} {_SIDE_BY_SIDE}"


_STYLE = """
:root { color-scheme: light dark; --paper: #F4F6F8; --card: #FFFFFF; --ink: #1B1F24; --soft: #57606A; --line: #D5DAE0;
  --link: #0B5CAD }
@media (prefers-color-scheme: dark) {
  :root { --paper: #0D1014; --card: #14181D; --ink: #E8EBEE; --soft: #A2ABB5; --line: #2E353D; --link: #7CB7F0 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.45 "DejaVu Sans", system-ui, sans-serif }
header, main { max-width: 120rem; margin: auto; padding: 1rem clamp(0.75rem, 2.5vw, 2.5rem) }
h1 { margin: 0.5rem 0 0; font-size: 1.7rem } h2 { margin: 2rem 0 0; font-size: 1.3rem } p { margin: 0.2rem 0 1rem }
header p, section > p, small { color: var(--soft) } a { color: var(--link) }
nav { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem }
fieldset { border: 1px solid var(--line); border-radius: 8px; display: inline-flex; flex-wrap: wrap; gap: 0.2rem 1rem;
  margin: 1rem 0 0; padding: 0.4rem 0.9rem }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 0.7rem 1rem; overflow: auto }
.wall { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(30rem, 100%), 1fr)); gap: 1rem;
  grid-auto-flow: dense; align-items: start }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 10px; overflow: hidden;
  display: flex; flex-direction: column; justify-content: space-between }
.frame { padding: 0.5rem } img { display: block; max-width: 100%; max-height: 32rem; margin: auto }
.wide { grid-column: 1 / -1 } .wide img { max-height: none }
figcaption { border-top: 1px solid var(--line); padding: 0.6rem 0.9rem } small a { margin-left: 0.4rem }
"""

_SIDE_BY_SIDE = """
body:has(#every:checked) .wall { grid-template-columns: 1fr }
body:has(#every:checked) .frame { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)) }
body:has(#every:checked) .frame > a { display: block }
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline'">
<title>Gallery</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>Gallery</h1>
<p>{count} pictures of running networks. Every number is the network's own. A click opens a picture alone.</p>
<nav aria-label="Rooms">{contents}</nav>
{chooser}{notes}
</header>
<main>
{walls}</main>
</body>
</html>
"""
