"""Lines on two logarithmic axes, as SVG with nothing to be fetched."""

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDE, HIGH, LEFT, BELOW, ABOVE, RIGHT = 420, 260, 58, 40, 30, 14
COLORS = ("#0969da", "#bf3989", "#1a7f37", "#9a6700")
STYLE = (
    "svg{font:12px system-ui,sans-serif;background:#fff}text{fill:#1b1f24}"
    "@media(prefers-color-scheme:dark){svg{background:#0d1117}text{fill:#e6edf3}}"
)

Points = Sequence[tuple[float, float]]


def chart(panels: Mapping[str, Mapping[str, Points]], *, across: str) -> str:
    """Draw a panel for each title, with its lines by name; all values are positive."""
    columns = 2
    rows = -(-len(panels) // columns)
    drawn = "".join(
        f'<g transform="translate({WIDE * (number % columns)} {HIGH * (number // columns)})">'
        f"{_panel(title, lines, across)}</g>"
        for number, (title, lines) in enumerate(panels.items())
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE * columns} {HIGH * rows}" '
        f'role="img" aria-label="{escape(", ".join(panels))}"><style>{STYLE}</style>{drawn}</svg>\n'
    )


def _panel(title: str, lines: Mapping[str, Points], across: str) -> str:
    values = [point for points in lines.values() for point in points]
    low_x, high_x = _decades([x for x, _ in values])
    low_y, high_y = _decades([y for _, y in values])

    def at(x: float, y: float) -> tuple[float, float]:
        wide, high = WIDE - LEFT - RIGHT, HIGH - BELOW - ABOVE
        return (
            LEFT + wide * (math.log10(x) - low_x) / (high_x - low_x),
            HIGH - BELOW - high * (math.log10(y) - low_y) / (high_y - low_y),
        )

    parts = [f'<text x="{LEFT}" y="16" font-weight="600">{escape(title)}</text>']
    for power in range(low_x, high_x + 1):
        x, y = at(10.0**power, 10.0**low_y)
        parts.append(f'<text x="{x:.0f}" y="{y + 16:.0f}" text-anchor="middle">10^{power}</text>')
    for power in range(low_y, high_y + 1):
        x, y = at(10.0**low_x, 10.0**power)
        parts.append(
            f'<path d="M{x:.0f} {y:.1f}H{WIDE - RIGHT}" stroke="#8c959f" stroke-opacity=".4"/>'
            f'<text x="{x - 6:.0f}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>'
        )
    for number, (name, points) in enumerate(lines.items()):
        color = COLORS[number % len(COLORS)]
        drawn = [at(x, y) for x, y in points]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in drawn)
        parts.append(f'<polyline points="{joined}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in drawn]
        parts.append(
            f'<text x="{LEFT + 8}" y="{ABOVE + 12 + 15 * number}" style="fill:{color}">'
            f"{escape(name)}</text>"
        )
    parts.append(f'<text x="{WIDE / 2:.0f}" y="{HIGH - 6}" text-anchor="middle">{across}</text>')
    return "".join(parts)


def _decades(values: Sequence[float]) -> tuple[int, int]:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)
