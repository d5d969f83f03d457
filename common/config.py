"""The settings of every process, read once from the environment in `__main__` and passed down."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from common.secret_files import SecretFiles

MOST_PARTITIONS = 256
PUBLIC_MESSAGE_KEY = "development-only"  # who knows it can pass for the sagas


class Settings(BaseSettings):
    """Names of environment variables are the field names in capitals, e.g. `EVENTS_MONGODB_URL`.

    Secrets may stand in files, e.g. `EVENTS_MONGODB_URL_FILE`; SecretUnreadable when one cannot be read.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    events_mongodb_url: str = "mongodb://127.0.0.1:27018/?replicaSet=rs0"
    views_mongodb_url: str = ""  # empty: the same server as the events
    events_database: str = "cqrs_events"
    views_database: str = "cqrs_views"
    amqp_url: str = "amqp://admin:admin@127.0.0.1:5672/"  # empty: no broker; several nodes with commas between
    message_key: str = Field(default=PUBLIC_MESSAGE_KEY, min_length=8)  # keys the MAC of every message
    cursor_key: str = ""  # seals the cursors of lists, the same in all of a service; empty: MESSAGE_KEY

    auth: Literal["on", "off"] = "on"  # off: everybody may do everything; on loopback only
    auth_keys: str = ""  # the file or the URL of the JWKS that tokens are known by
    auth_issuer: str = "leveret"  # what a token's iss must say
    auth_audience: str = "leveret"  # and its aud
    subject_rate: float = Field(default=200.0, gt=0)  # requests per second of one token's owner, where AUTH=on
    subject_burst: int = Field(default=1000, ge=1)  # and so many at once
    address_rate: float = Field(default=1000.0, gt=0)  # the same of one address, at the gateway
    address_burst: int = Field(default=5000, ge=1)
    address_requests: int = Field(default=100, ge=1)  # of one address in the gateway's hand at once, where AUTH=on
    most_requests: int = Field(default=1000, ge=1)  # in hand of one process at once; who comes then is answered 503
    cors_origins: str = ""  # whose web pages may ask the gateway: origins with commas between, or *
    insecure_dev: bool = False  # AUTH=off is fine beyond loopback, too: for containers of a development machine

    tls_cert: str = ""  # the gateway's certificate chain, a PEM file: it then speaks HTTPS only
    tls_key: str = ""  # and its private key; empty: it stands in the same file

    partitions: int = Field(
        default=8, ge=1, le=MOST_PARTITIONS
    )  # fixed when the log is made; the log's own number wins

    bind_host: str = "127.0.0.1"
    command_port: int = 8010
    query_port: int = 8011
    projector_port: int = 8012  # health, metrics, and what those ask who operate it
    relay_port: int = 8013  # health and metrics of a relay that runs alone
    saga_port: int = 8015  # health and metrics only
    payments_port: int = 8014  # the payment provider
    monitor_port: int = 8016
    gateway_port: int = 8000
    command_url: str = "http://127.0.0.1:8010"  # where the gateway and the sagas find it; several with commas between
    query_url: str = "http://127.0.0.1:8011"
    projector_url: str = "http://127.0.0.1:8012"  # where the gateway finds it; several with commas between
    payments_url: str = "http://127.0.0.1:8014"  # where the sagas find the payment provider
    saga_url: str = "http://127.0.0.1:8015"  # where the monitor finds it; it watches nobody whose address is empty
    gateway_url: str = "http://127.0.0.1:8000"  # the same
    monitor_url: str = "http://127.0.0.1:8016"  # where the gateway finds it; empty: there is none
    lab_url: str = ""  # where the gateway finds what `cqrs up` lets break on purpose; empty: there is none
    management_url: str = "http://127.0.0.1:15672"  # of RabbitMQ, for the monitor; empty: nobody is asked for queues

    relay: bool = True  # False: this command service publishes nothing; run `python -m command_service.relay`
    commands_queue: bool = True  # False: this command service takes no commands from RabbitMQ
    command_deadline_seconds: float = Field(default=5.0, gt=0, le=60)
    snapshot_events: int = Field(default=100, ge=0)  # of a stream, after which its state is saved; 0: never
    consistency_wait_seconds: float = Field(default=2.0, ge=0, le=30)
    fresh_seconds: float = Field(default=0.1, ge=0, le=10)  # how old a query's Projection-Position, and a 304, may be
    payment_seconds: float = Field(default=900.0, gt=0)  # how long a validated order waits for its payment
    onboarding_seconds: float = Field(default=600.0, gt=0)  # how long making all that belongs to a product may take
    lease_seconds: float = Field(default=3.0, ge=0.2, le=60)  # a dead holder's partitions move after this time
    batch_commits: int = Field(default=400, ge=1, le=5000)  # most commits in one projector transaction
    verify_seconds: float = Field(default=1.0, ge=0, le=3600)  # how often some documents are compared; 0: never
    verify_documents: int = Field(default=5, ge=1, le=1000)  # so many at once
    verify_share: float = Field(default=0.01, gt=0, le=1)  # of the time, at most
    repair: Literal["on", "off"] = "on"  # on: a document that is found to differ is folded again from the log

    sample_seconds: float = Field(default=5.0, ge=0.5, le=60)  # how often the monitor looks

    payments_data: Path = Path(".leveret/payments.sqlite")  # its folder must be there
    payments_hold_seconds: float = Field(default=30.0, ge=0, le=600)  # before a slow card's first answer
    payments_failures: int = Field(default=2, ge=0, le=1000)  # of a flaky card, before it is approved

    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    log_format: str = Field(default="text", pattern="^(text|json)$")
    otel_exporter_otlp_endpoint: str = ""  # of a collector of OpenTelemetry; empty: nothing is traced

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, SecretFiles(settings_cls), env_settings

    @property
    def views_url(self) -> str:
        return self.views_mongodb_url or self.events_mongodb_url
