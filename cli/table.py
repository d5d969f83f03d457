"""The commands there are: one row for each, with where it is and its help in one line."""

from collections.abc import Mapping

from cli.lazy import Row

COMMANDS: Mapping[str, Row] = {
    "up": ("cli.stack:up", "Start MongoDB, RabbitMQ and all services on this machine, for development."),
    "down": ("cli.stack:down", "Stop the stack; its data stay."),
    "status": ("cli.status:status", "Show addresses, processes, and how far the views are."),
    "doctor": ("cli.doctor.command:doctor", "Tell what is wrong with an installation, and what to do."),
    "import": ("cli.imports.command:import_file", "Import orders that were completed elsewhere, one a line."),
    "partitions": ("cli.partitions:partitions", "Renumber the log for so many partitions; no service may run."),
    "snapshot": (
        "cli.snapshot:snapshot",
        "Save the state of a stream, so that it is read sooner.",
    ),
    "migrate": ("cli.migrate:migrate", "Make the log's settings, and every index that is missing."),
    "state": ("cli.state:show_state", "Fold a stream as its decider does and show the state."),
}
GROUPS: Mapping[str, tuple[str, Mapping[str, Row]]] = {
    "process": (
        "Kill and start single processes of the running stack.",
        {
            "kill": ("cli.process:kill", "Kill -9 a process. It stays down until `cqrs process start`."),
            "start": ("cli.process:start", "Start a process that is down; return when it is ready."),
        },
    ),
    "projections": (
        "Look after the read models: build them anew, compare them with the log, let go on what stands still.",
        {
            "list": (
                "cli.projections.generations:list_projections",
                "Every read model, and which generation is shown.",
            ),
            "rebuild": (
                "cli.projections.generations:rebuild",
                "Build a read model anew, beside what is shown.",
            ),
            "rollback": ("cli.projections.generations:rollback", "Show what was shown before, or what is ready."),
            "drop": ("cli.projections.generations:drop", "Drop a generation that is not shown."),
            "verify": (
                "cli.projections.verification:verify_projections",
                "Compare read models with the log.",
            ),
            "parked": ("cli.projections.parked:parked", "List the documents that stand still."),
            "inspect": ("cli.projections.parked:inspect", "Show why a document stands still."),
            "retry": ("cli.projections.retrying:retry", "Fold parked documents again from the log, after a repair."),
            "skip": ("cli.projections.retrying:skip", "Let a document pass over the commit that parks it, for good."),
            "reset": ("cli.projections.reset:reset", "Empty all views in place and make them anew from the log."),
        },
    ),
    "events": (
        "See what happens and what has happened, and tell it again to other teams.",
        {
            "tail": ("cli.events.tail:tail", "Show every commit as it happens, until Ctrl-C."),
            "show": ("cli.events.looking:show", "Show one commit: its events as stored and as rules are told them."),
            "search": ("cli.events.looking:search", "Find commits by stream, type, correlation id and time."),
            "republish": ("cli.events.republish:republish_events", "Send a range of the log's events to another team."),
        },
    ),
    "log": (
        "Look at the log itself.",
        {"verify": ("cli.log:verify_log", "Check positions, versions, partitions and chains of every commit.")},
    ),
    "secrets": (
        "Make what docker-compose.secure.yml keeps secret.",
        {"make": ("cli.secrets:make_secrets", "Make a CA, certificates, passwords and keys.")},
    ),
    "accounts": (
        "Say what each service may do in MongoDB and RabbitMQ.",
        {"apply": ("cli.secrets:apply_accounts", "Give MongoDB and RabbitMQ a user for each service.")},
    ),
    "token": (
        "Sign in to a stack of your own.",
        {"issue": ("cli.tokens:issue_token", "Print a token, signed with the development key of the data folder.")},
    ),
    "sagas": (
        "Look after what follows from orders: find what stands still, and let it go on.",
        {
            "list": ("cli.sagas.asking:list_sagas", "List sagas, those that are stuck first."),
            "show": ("cli.sagas.asking:show", "Show one saga: each step, its outcome, what it waits for."),
            "retry": ("cli.sagas.asking:retry", "Fold a saga again from the log, after a repair."),
        },
    ),
}
PANELS: Mapping[str, tuple[str, ...]] = {
    "The stack on this machine": ("up", "down", "status", "process", "token"),
    "What happens, and what is wrong": ("doctor", "events", "sagas", "projections"),
    "The log": ("state", "log", "snapshot", "import", "migrate", "partitions"),
    "For others": ("secrets", "accounts"),
}
"""How help shows them, each in one panel."""
