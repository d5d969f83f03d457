"""docker-compose.secure.yml: what is published, who shares a network, what a container may do, where secrets stand."""

import re
from pathlib import Path

import pytest

from common.config import Settings
from common.secret_files import SECRETS, file_variable
from stack.accounts import ACCOUNTS
from stack.secret_folder import Places, SecretFolder, broker_file, mongodb_file
from tests.unit.test_compose_cluster import services

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.secure.yml").read_text()
SERVICES = services(TEXT.partition("\nnetworks:\n")[0])
OF_OURS = re.search(r"x-service: &service\n((?:  .*\n)+)", TEXT)
ACCOUNT_OF = {f"cqrs_{account.name}": account for account in ACCOUNTS}
INITIATING = "cqrs_accounts"


def lines(service: str) -> str:
    """With what it takes over from all services of ours."""
    assert OF_OURS
    own = SERVICES[service]
    return own + (re.sub("^", "  ", OF_OURS[1], flags=re.MULTILINE) if "<<: *service" in own else "")


def listed(service: str, name: str) -> set[str]:
    """`name: [a, b]`, or the same on lines of their own."""
    own = SERVICES[service]
    if found := re.search(rf"^    {name}: \[(.*)\]$", own, re.MULTILINE):
        return set(found[1].split(", "))
    found = re.search(rf"^    {name}:\n((?:      - .*\n?)+)", own, re.MULTILINE)
    return set(re.findall(r"- (\S+)", found[1])) if found else set()


def test_nothing_is_published_but_the_gateway_and_that_on_loopback_first() -> None:
    assert [service for service in SERVICES if "ports:" in SERVICES[service]] == ["cqrs_gateway"]
    assert 'ports: ["${GATEWAY_ADDRESS:-127.0.0.1}:${GATEWAY_PORT:-8443}:8000"]' in SERVICES["cqrs_gateway"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_may_do_little(service: str) -> None:
    text = lines(service)
    for wanted in ("read_only: true", "cap_drop: [ALL]", 'security_opt: ["no-new-privileges:true"]', "tmpfs: [/tmp"):
        assert wanted in text
    added = listed(service, "cap_add")
    assert added == (set() if service.startswith("cqrs_") else {"CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID"})
    assert "privileged" not in text


def test_no_secret_stands_in_the_environment() -> None:
    for name in SECRETS:
        assert re.findall(rf"^ *{name.upper()}: (?!\"\")", TEXT, re.MULTILINE) == []
        assert set(re.findall(rf"{file_variable(name)}: (\S+)", TEXT)) <= {
            f"/run/secrets/{mounted}" for mounted in re.findall(r"^  (\S+): \{file:", TEXT, re.MULTILINE)
        }
    assert re.findall(r"://\w+:\w+@|PASSWORD|DEFAULT_PASS", TEXT) == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_given_the_secrets_that_it_names_and_nobody_elses(service: str) -> None:
    own = SERVICES[service]
    named = set(re.findall(r"/run/secrets/([\w.]+)", own))
    named |= {"jwks.json"} if "*tokens" in own else set()
    given = listed(service, "secrets")
    if service != INITIATING:
        assert given - {"ca.crt"} == named - {"ca.crt"}


def test_who_speaks_to_clients_has_no_key_of_the_seal() -> None:
    sealing = {service for service in SERVICES if "message.key" in listed(service, "secrets")}
    assert sealing == {"cqrs_command", "cqrs_projector", "cqrs_saga"}
    assert {service for service in SERVICES if "*tokens" in SERVICES[service]} == {
        "cqrs_gateway",
        "cqrs_command",
        "cqrs_query",
        "cqrs_projector",
        "cqrs_monitor",
    }


def test_every_service_has_an_account_of_its_own() -> None:
    taken = {service: listed(service, "secrets") for service in SERVICES if service != INITIATING}
    for service, account in ACCOUNT_OF.items():
        files = {mongodb_file(account)} | {file for file in (broker_file(account),) if file}
        assert files <= taken[service]
        assert [other for other in taken if other != service and files & taken[other]] == []
    assert not [service for service, given in taken.items() if any(name.startswith("admin.") for name in given)]


def test_who_makes_the_accounts_knows_all_of_them() -> None:
    files = {mongodb_file(account) for account in ACCOUNTS}
    files |= {file for account in ACCOUNTS if (file := broker_file(account))}
    assert listed(INITIATING, "secrets") == files | {"ca.crt", "admin.mongodb_url", "admin.management_url"}


def test_every_secret_is_one_that_is_made(tmp_path: Path) -> None:
    made = {f"./secrets/{name}" for name in SecretFolder(tmp_path).make()}
    mounted = set(re.findall(r"\{file: (\S+)\}", TEXT))
    assert mounted <= made
    assert made - mounted == {"./secrets/ca.pem"}  # the CA's own key is nobody's


def test_every_network_but_one_leads_nowhere() -> None:
    networks = dict(
        re.findall(r"^  (\w+):(.*)$", TEXT.partition("\nnetworks:\n")[2].partition("\n\n")[0], re.MULTILINE)
    )
    assert [name for name, options in networks.items() if "internal: true" not in options] == ["outside"]
    members = {name: {s for s in SERVICES if name in listed(s, "networks")} for name in networks}
    assert members["outside"] == {"cqrs_gateway"}
    assert members["behind_gateway"] == {
        f"cqrs_{name}" for name in ("gateway", "command", "query", "projector", "monitor")
    }
    assert members["payments"] == {"cqrs_payments", "cqrs_saga"}
    assert members["commands"] == {"cqrs_command", "cqrs_saga"}
    assert members["sagas"] == {"cqrs_saga", "cqrs_monitor"}
    assert members["rabbitmq"] == {"rabbitmq", *(f"cqrs_{a.name}" for a in ACCOUNTS if a.permissions)}
    assert members["mongodb"] == {"mongodb_cqrs", *ACCOUNT_OF}
    assert members["management"] == {"mongodb_cqrs", "rabbitmq", "cqrs_monitor"}


def test_the_servers_speak_tls_only() -> None:
    assert "--auth --keyFile" in SERVICES["mongodb_cqrs"]
    assert "--tlsMode requireTLS" in SERVICES["mongodb_cqrs"]
    assert "listeners.tcp = none" in SERVICES["rabbitmq"]
    assert "management.ssl.port" in SERVICES["rabbitmq"]
    assert "management.tcp" not in SERVICES["rabbitmq"]


def test_tokens_are_asked_for() -> None:
    assert TEXT.count("<<: [*environment, *tokens]") == 5
    assert re.findall(r'AUTH: "(\w+)"', TEXT) == ["on", "off"]
    assert 'AUTH: "off"' in SERVICES["cqrs_payments"]
    assert TEXT.count("INSECURE_DEV") == 1


def test_the_parts_are_where_the_secrets_say() -> None:
    places = Places()
    assert places.mongodb.partition(":")[0] in SERVICES
    assert places.amqp.partition(":")[0] in SERVICES
    assert f"listeners.ssl.default = {places.amqp.partition(':')[2]}" in TEXT
    assert f"management.ssl.port = {places.management.partition(':')[2]}" in TEXT
    assert "cqrs_gateway" in places.gateway
    assert Settings.model_fields["gateway_port"].default == 8000
