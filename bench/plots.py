"""`python -m bench.plots`: the figures of the last runs as pictures in docs/, drawn from their JSON."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import matplotlib as mpl
import orjson
import typer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullLocator

from bench.system import ROOT
from bench.tables import FOLDER

DOCS = ROOT / "docs"
INK, FAINT = "#24292f", "#d0d7de"
SERVER, PEER, OURS = "#8c959f", "#d4a72c", "#1f6feb"
LEGEND = {"the servers, bare": SERVER, "peers": PEER, "Leveret, through HTTP": OURS}
LINES = {"p50": "#54aeff", "p95": "#1f6feb", "p99": "#0a3069"}
LOOK: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlepad": 14,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "savefig.dpi": 144,
}


class Bar(NamedTuple):
    name: str
    per_second: float
    color: str


def main(
    results: Annotated[Path, typer.Option(help="JSON of `make bench`.")] = FOLDER / "latest.json",
    long_results: Annotated[Path, typer.Option(help="JSON of `make bench-long`.")] = FOLDER / "long.json",
    folder: Annotated[Path, typer.Option(help="Where the pictures go.")] = DOCS,
) -> None:
    """Draw what is there; what was not measured gets no picture."""
    mpl.rcParams.update(LOOK)
    run, long_run = _read(results), _read(long_results)
    if bars := tuple(bars_of(run)):
        _save(draw_throughput(bars), folder / "bench-throughput.png")
    if readings := [reading for reading in run.get("write_to_read") or () if not reading["errors"]]:
        _save(draw_latency(readings), folder / "bench-latency.png")
    if curves := curves_of(run):
        _save(draw_scaling(curves), folder / "bench-scaling.png")
    if memory := long_run.get("memory"):
        _save(draw_memory(memory), folder / "bench-memory.png")


def bars_of(run: dict[str, Any]) -> Iterator[Bar]:
    """Every rate of a run that was measured, slow and fast, in the order in which they are drawn."""
    ceilings, log = run.get("ceilings") or {}, run.get("log") or {}
    sustained = run.get("sustained") or {}
    rates = (
        ("RabbitMQ, confirmed publish", _rate(ceilings.get("publish_256")), SERVER),
        ("MongoDB, insert_one", _highest(ceilings, ("insert_one_8", "insert_one_256")), SERVER),
        ("Emmett on MongoDB, append", _best(run.get("emmett_on_mongodb"), "appends_per_second"), PEER),
        ("Emmett on PostgreSQL, append", _best(run.get("emmett_on_postgresql"), "appends_per_second"), PEER),
        ("eventsourcing on PostgreSQL, save", _best(run.get("peer"), "saves_per_second"), PEER),
        ("insert, publish, update per event", _best({"runs": run.get("naive") or ()}, "per_second"), PEER),
        ("orders into the log", _rate(log.get("orders")), OURS),
        ("commands on one stream", _rate(log.get("hot_product")), OURS),
        ("the whole way into the views", sustained.get("per_second"), OURS),
    )
    return (Bar(name, rate, color) for name, rate, color in rates if rate)


def draw_throughput(bars: tuple[Bar, ...]) -> Figure:
    figure, axes = _page(height=0.42 * len(bars) + 1.6)
    drawn = axes.barh([bar.name for bar in bars], [bar.per_second for bar in bars], color=[bar.color for bar in bars])
    axes.bar_label(drawn, fmt="{:,.0f}", padding=5)
    axes.invert_yaxis()
    axes.set_title("Per second, on one machine in one run")
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.12)
    patches = [Patch(color=color) for color in LEGEND.values()]
    figure.legend(patches, LEGEND.keys(), loc="outside lower left", ncols=len(LEGEND))
    return figure


def draw_latency(readings: list[dict[str, Any]]) -> Figure:
    """Percentiles of write-to-read over the rate at which commands arrive."""
    figure, axes = _page(height=4.2)
    rates = [reading["offered"] for reading in readings]
    for percentile, color in LINES.items():
        values = [reading["latency"][percentile] for reading in readings]
        axes.plot(rates, values, color=color, marker="o", markersize=5, linewidth=2)
        axes.annotate(percentile, (rates[-1], values[-1]), (8, 0), textcoords="offset points", color=color, va="center")
    axes.set_title("From a POST that is due to the GET that shows it")
    _on_log_scale(axes, "ms")
    axes.set_xlabel("commands per second, arriving at a fixed rate")
    axes.set_xticks(rates, [f"{rate:,.0f}" for rate in rates])
    return figure


def curves_of(run: dict[str, Any]) -> dict[str, dict[int, float]]:
    """What more processes of a kind bring: by what is counted, the rate of each number of processes."""
    one = _rate((run.get("log") or {}).get("orders"))
    several = {each["services"]: each["on_one_log"] for each in run.get("sharing") or ()}
    caught_up = {each["projectors"]: each["per_second"] for each in run.get("catching_up") or ()}
    curves = {"commands into one log, by command services": ({1: one} if one else {}) | several}
    curves["commits into the views, by projectors"] = caught_up
    return {name: curve for name, curve in curves.items() if len(curve) > 1}


def draw_scaling(curves: dict[str, dict[int, float]]) -> Figure:
    figure, axes = _page(height=3.8)
    for (name, curve), color, above in zip(curves.items(), (OURS, PEER), (8, -16), strict=False):
        axes.plot(list(curve), list(curve.values()), label=name, color=color, marker="o", linewidth=2)
        for processes, rate in curve.items():
            axes.annotate(f"{rate:,.0f}", (processes, rate), (0, above), textcoords="offset points", ha="center")
    axes.set_title("Per second on two cores, which everything shares")
    axes.set_xlabel("processes")
    axes.set_xticks(sorted({processes for curve in curves.values() for processes in curve}))
    axes.set_ylim(0, 1.15 * max(rate for curve in curves.values() for rate in curve.values()))
    axes.grid(axis="y")
    figure.legend(loc="outside lower left", ncols=2)
    return figure


def draw_memory(memory: dict[str, Any]) -> Figure:
    """Each process's resident memory over the time of a long load."""
    figure, axes = _page(height=4.6)
    step = memory["minutes"] / len(next(iter(memory["samples"].values())))
    for name, samples in sorted(memory["samples"].items(), key=lambda item: item[1][-1], reverse=True):
        minutes = [step * (index + 1) for index in range(len(samples))]
        axes.plot(minutes, samples, label=name, linewidth=1.8)
    axes.set_title(f"Resident memory at {memory['orders_per_second']:,.0f} orders per second")
    _on_log_scale(axes, "MiB")
    axes.set_xlabel("minutes")
    figure.legend(loc="outside right upper", title="largest at the end first", alignment="left")
    return figure


def _page(*, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(8.4, height), layout="constrained")
    return figure, figure.add_subplot()


def _on_log_scale(axes: Axes, unit: str) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(f"{{x:,g}} {unit}")
    axes.grid(axis="y")


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Software": None})
    print(f"drew {path}")


def _read(path: Path) -> dict[str, Any]:
    return orjson.loads(path.read_bytes()) if path.exists() else {}


def _rate(figure: dict[str, Any] | None) -> float | None:
    return figure["per_second"] if figure else None


def _highest(part: dict[str, Any], names: tuple[str, ...]) -> float | None:
    return max((part[name]["per_second"] for name in names if name in part), default=None)


def _best(part: dict[str, Any] | None, rate: str) -> float | None:
    return max((run[rate] for run in (part or {}).get("runs", ())), default=None)


if __name__ == "__main__":
    typer.run(main)
