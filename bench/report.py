"""What the tables of `make bench` say, row by row."""

from collections.abc import Iterator

from bench.emmett import Emmett
from bench.goals import GOALS, judge
from bench.numbers import Figure
from bench.orders import CLIENTS
from bench.pipeline import WriteToRead
from bench.plan import SECTIONS
from bench.results import Results
from bench.tables import NOT_MEASURED, Row, Table, goals_table

NOT_INSTALLED = "not installed"


def tables(results: Results) -> Iterator[Table]:
    """Without what this run was not asked for; what it failed to measure stays, as unmeasured."""
    is_whole = len(results.parameters.get("sections", ())) == len(SECTIONS)
    for title, header, rows in _tables(results):
        kept = [row for row in rows if is_whole or row[1] != NOT_MEASURED or row[2].startswith(NOT_INSTALLED)]
        if kept:
            yield Table(title, header, kept)


def _tables(results: Results) -> Iterator[Table]:
    header = ("", "per second", "latency, remarks")
    yield Table("What the servers and the peers do here", header, [*_ceilings(results), *_peers(results)])
    ours = [
        *_log(results),
        *_door(results),
        *_answers(results),
        *_sharing(results),
        *_catching_up(results),
        *_loading(results),
        *_rebuilding(results),
        *_pipeline(results),
        *_others(results),
    ]
    yield Table("What Leveret does", header, ours)
    yield goals_table(judge(results, GOALS))
    header = ("process", "peak MiB", "processor time, sustained run")
    yield Table("Processes under load", header, _processes(results))


def _ceilings(results: Results) -> Iterator[Row]:
    ceilings = results.ceilings
    if ceilings is None:
        yield "raw ceilings", NOT_MEASURED, ""
        return
    yield _figure("MongoDB insert_one, 8 in flight", ceilings.insert_one_8)
    yield _figure("MongoDB insert_one, 256 in flight", ceilings.insert_one_256)
    yield _figure("MongoDB insert_many of 100", ceilings.insert_many_100, "documents; a batch: ")
    yield _figure("RabbitMQ confirmed publish, windows of 256", ceilings.publish_256, "messages; a window: ")
    yield _figure("bare aiohttp POST, 256 clients", ceilings.http_post_256)


def _peers(results: Results) -> Iterator[Row]:
    peer = results.peer
    name = f"eventsourcing {results.versions['eventsourcing']} on PostgreSQL, saves"
    if peer is None or peer.best is None:
        yield name, NOT_MEASURED, f"{NOT_INSTALLED}: {peer.why_not}" if peer else ""
    else:
        runs = ", ".join(f"{run.threads}: {run.saves_per_second:,.0f}" for run in peer.runs)
        yield name, f"{peer.best.saves_per_second:,.0f}", f"{peer.best.latency.line()}; by threads {runs}"
    for store, emmett in (("PostgreSQL", results.emmett_on_postgresql), ("MongoDB", results.emmett_on_mongodb)):
        version = results.versions.get(f"emmett-{store.lower()}", "")
        yield _emmett(f"Emmett {version} on {store}, appends", emmett)
    runs = ", ".join(f"{run.in_flight}: {run.per_second:,.0f}" for run in results.naive)
    remark = f"by commands in flight {runs}" if runs else ""
    yield "the seeds' way: insert, publish, update per event", _number(results.seeds_way), remark


def _emmett(name: str, emmett: Emmett | None) -> Row:
    if emmett is None or emmett.best is None:
        return name, NOT_MEASURED, f"{NOT_INSTALLED}: {emmett.why_not}" if emmett else ""
    runs = ", ".join(f"{run.workers}: {run.appends_per_second:,.0f}" for run in emmett.runs)
    return name, _number(emmett.best.appends_per_second), f"{emmett.best.latency.line()}; by workers {runs}"


def _log(results: Results) -> Iterator[Row]:
    log = results.log
    if log is None:
        yield "CreateOrder into the log", NOT_MEASURED, ""
        return
    two = log.two_services
    yield _figure(f"CreateOrder into the log, {CLIENTS} clients", log.orders)
    yield _figure(f"one hot product, {CLIENTS} clients on one stream", log.hot_product)
    remark = f"each offered {two.offered_each:,.0f}: {two.slower.per_second:,.0f} and {two.faster.per_second:,.0f}"
    yield "two command services on one log", f"{two.total:,.0f}", remark


def _door(results: Results) -> Iterator[Row]:
    name = "CreateOrder with a token: processor time of the command service"
    if door := results.door:
        yield name, _number(door.per_second), f"{door.guarded_us:.0f} µs, without tokens {door.open_us:.0f} µs"
    else:
        yield name, NOT_MEASURED, ""


def _answers(results: Results) -> Iterator[Row]:
    answers = results.answers
    if answers is None:
        yield "an order by its id", NOT_MEASURED, ""
        return
    yield "a bare aiohttp handler with one find_one", _number(answers.bare), ""
    remark = f"{answers.by_id / answers.bare:.2f} × bare; {answers.query_us:.0f} µs of the query service"
    yield "an order by its id, from the query service", _number(answers.by_id), remark
    yield "the same, unchanged since (304)", _number(answers.unchanged), f"{answers.unchanged / answers.by_id:.2f} ×"
    remark = f"{answers.gateway_us:.0f} µs of the gateway"
    yield "the same through the gateway", _number(answers.through_gateway), remark


def _sharing(results: Results) -> Iterator[Row]:
    for each in results.sharing:
        remark = f"on logs of their own {each.on_separate_logs:,.0f}: {each.ratio:.2f} ×"
        yield f"{each.services} command services on one log, {CLIENTS} clients", _number(each.on_one_log), remark
    if not results.sharing:
        yield "many command services on one log", NOT_MEASURED, ""


def _catching_up(results: Results) -> Iterator[Row]:
    for each in results.catching_up:
        yield f"a backlog into the views, projectors: {each.projectors}", _number(each.per_second), "commits"
    if not results.catching_up:
        yield "a backlog into the views", NOT_MEASURED, ""


def _rebuilding(results: Results) -> Iterator[Row]:
    if bare := results.rebuilding_bare:
        how = f"of one core's time, none written; read and validated {bare.validated:,.0f}, read {bare.read:,.0f}"
        yield "the same events read, validated, folded in a loop", f"{bare.folded:,.0f}", how
    for number, built in enumerate(results.rebuilding):
        how = f"with indexes {built.with_indexes:,.0f}; {built.events:,} events, at most {built.peak_mib:.0f} MiB"
        verdict = "" if not number else f"; compared in {built.compared_seconds:.1f} s: {_verdict(built.is_identical)}"
        yield "the orders view rebuilt, events", f"{built.per_second:,.0f}", how + verdict
    if live := results.rebuilding_live:
        yield "write-to-read, quiet", f"{live.quiet.offered:,.0f}", live.quiet.latency.line()
        how = (
            f"worst {live.rebuilding.latency.worst:.0f} ms; {live.times} switches, errors {live.rebuilding.errors or 0}"
        )
        yield "while it is rebuilt", f"{live.rebuilding.offered:,.0f}", f"{live.rebuilding.latency.line()}; {how}"


def _verdict(is_identical: bool | None) -> str:
    return "identical" if is_identical else "different"


def _loading(results: Results) -> Iterator[Row]:
    loading = results.loading
    if loading is None:
        yield "a long stream, loaded", NOT_MEASURED, ""
        return
    name = f"a stream of {loading.events:,} events, loaded"
    yield f"{name} from its beginning", "", loading.replayed.line()
    yield f"{name} through its snapshot", "", loading.through_snapshot.line()


def _pipeline(results: Results) -> Iterator[Row]:
    sustained = results.sustained
    if sustained is None:
        yield "the whole way to the views", NOT_MEASURED, ""
        return
    trial = sustained.trial
    name = f"the whole way to the views, {trial.seconds:.0f} s"
    counted = f"{sustained.acknowledged:,} acknowledged, {sustained.missing} missing"
    remark = f"{trial.clients} clients, lag {trial.lag.line()}; {counted}"
    yield name, f"{sustained.per_second:,.0f}", remark if sustained.is_bounded else f"lag not bounded: {remark}"
    yield "POST until answered, at that rate", "", trial.answered.latency.line()


def _others(results: Results) -> Iterator[Row]:
    insert_ms = results.ceilings and results.ceilings.insert_one_8.latency.p50
    for reading in results.write_to_read or (None,):
        yield _reading("write-to-read", reading, insert_ms)
    yield _reading("write-to-read at half the sustained rate", results.write_to_read_at_half, insert_ms)
    imported = results.orders_import
    remark = f"{imported.orders:,} orders in {imported.seconds:.1f} s, last one visible" if imported else ""
    yield "import of orders", _number(imported and imported.per_second), remark
    yield from _fulfilment(results)


def _fulfilment(results: Results) -> Iterator[Row]:
    measured = results.fulfilment
    if measured is None:
        yield "orders from POST to VALIDATED", NOT_MEASURED, ""
        return
    for name, part in (("orders from POST to VALIDATED", measured.spread), ("the same on one product", measured.hot)):
        remark = f"{part.orders:,} orders, accepted at {part.accepted_per_second:,.0f} per second"
        yield name, f"{part.per_second:,.0f}", remark
    yield "reservations on one product, the saga's command alone", f"{measured.hot_reservations_per_second:,.0f}", ""
    yield "orders placed where no sagas run", _number(results.orders_without_sagas), ""
    yield "POST to VALIDATED in the view, at 50 per second", "", measured.post_to_validated.line()


def _reading(name: str, reading: WriteToRead | None, insert_ms: float | None) -> Row:
    if reading is None:
        return name, NOT_MEASURED, ""
    p50, p99 = reading.latency.p50, reading.latency.p99
    times = f"; {p50 / insert_ms:.1f} and {p99 / insert_ms:.1f} × insert_one's p50" if insert_ms else ""
    errors = "".join(f"; {count} × {kind}" for kind, count in reading.errors.items())
    return name, f"{reading.offered:,.0f}", reading.latency.line() + times + errors


def _processes(results: Results) -> list[Row]:
    peaks: dict[str, float] = {}
    for part in (results.log, results.sustained, results.orders_import, results.fulfilment):
        for name, use in part.meter.uses.items() if part else ():
            peaks[name] = max(peaks.get(name, 0.0), use.peak_memory_mib)
    return [(name, f"{peak:.0f}", _processor(results, name)) for name, peak in peaks.items()]


def _processor(results: Results, name: str) -> str:
    """What a process used in the sustained run: where the time goes."""
    sustained = results.sustained
    if not sustained or not sustained.acknowledged or name not in sustained.meter.uses:
        return ""
    use = sustained.meter.uses[name]
    return f"{use.cores:.2f} cores, {1e6 * use.cpu_seconds / sustained.acknowledged:,.0f} µs per command"


def _figure(name: str, figure: Figure, remark: str = "") -> Row:
    return name, _number(figure.per_second), remark + figure.latency.line()


def _number(value: float | None) -> str:
    return NOT_MEASURED if value is None else f"{value:,.0f}"
