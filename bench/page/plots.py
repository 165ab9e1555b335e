"""SVG plots of one run, drawn by gnuplot."""

import subprocess
from pathlib import Path

HEADER = """set terminal svg noenhanced size {width},{height} font "sans-serif,13" background "white"
set output "{output}"
set title "{title}"
set grid lc rgb "#dddddd"
set border 3 lc rgb "#888888"
set tics nomirror
"""
COLORS = ("#1f5fa8", "#c8501e", "#2a8c4a", "#8a4fa3", "#b8860b", "#555555", "#d14a7e", "#1aa0a0")


class Plotter:
    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def _draw(self, name, title, body, width=860, height=430):
        output = self.folder / f"{name}.svg"
        script = HEADER.format(width=width, height=height, output=output, title=title) + body
        subprocess.run(["gnuplot"], input=script, text=True, check=True)

    def bars(self, name, title, label, rows):
        """rows: (text, median, low, high), drawn from top to bottom on a logarithmic axis."""
        smallest = min(low for _, _, low, _ in rows if low > 0)
        data = "\n".join(f'{len(rows) - 1 - i} {median} {low} {high} "{text}"'
                         for i, (text, median, low, high) in enumerate(rows))
        body = f"""$data << END
{data}
END
set xlabel "{label}"
set logscale x
set xrange [{smallest / 3}:*]
set yrange [-0.7:{len(rows) - 0.3}]
unset key
set lmargin 38
plot $data using ({smallest / 3}):1:({smallest / 3}):2:($1-0.35):($1+0.35):yticlabels(5) with boxxyerror \
    fill solid 0.75 lc rgb "{COLORS[0]}", \
    $data using 2:1:3:4 with xerrorbars pt 0 lw 2 lc rgb "#222222"
"""
        self._draw(name, title, body, height=80 + 26 * len(rows))

    def lines(self, name, title, xlabel, ylabel, series, logx=None, logy=False, xtics=None, from_zero=True):
        """series: (text, [(x, median, low, high)])."""
        body, plots = "", []
        for i, (text, points) in enumerate(series):
            body += f"$s{i} << END\n" + "\n".join(" ".join(map(str, point)) for point in points) + "\nEND\n"
            color = COLORS[i % len(COLORS)]
            plots.append(f'$s{i} using 1:2:3:4 with yerrorlines pt 7 ps 0.6 lw 2 lc rgb "{color}" title "{text}"')
        body += f'set xlabel "{xlabel}"\nset ylabel "{ylabel}"\nset key outside right top\n'
        if logx:
            body += f"set logscale x {logx}\n"
        if logy:
            body += "set logscale y\n"
        elif from_zero:
            body += "set yrange [0:*]\n"
        if xtics:
            body += "set xtics (" + ", ".join(f'"{text}" {x}' for text, x in xtics) + ")\n"
        body += "plot " + ", ".join(plots) + "\n"
        self._draw(name, title, body)

    def percentiles(self, name, title, series):
        """series: (text, [(part, nanoseconds)]): latency over the distance from certainty."""
        body, plots = "", []
        for i, (text, points) in enumerate(series):
            rows = "\n".join(f"{1 / (1 - part)} {value / 1000}" for part, value in points)
            body += f"$s{i} << END\n{rows}\nEND\n"
            plots.append(f'$s{i} using 1:2 with linespoints pt 7 ps 0.4 lw 2 lc rgb "{COLORS[i % len(COLORS)]}" '
                         f'title "{text}"')
        body += """set xlabel "part of all events"
set ylabel "latency, µs"
set logscale xy
set format y "%g"
set key outside right top
set xtics ("0" 1, "50 %%" 2, "90 %%" 10, "99 %%" 100, "99.9 %%" 1000, "99.99 %%" 10000)
plot """ + ", ".join(plots) + "\n"
        self._draw(name, title, body)
