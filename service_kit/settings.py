"""Settings of a server, from environment variables, read once and frozen.

A service subclasses ``ServerSettings`` with its ``env_prefix`` and a default for ``bind``. A field
may go without the prefix by a ``validation_alias``, as in ``Field(validation_alias="REDIS_URL")``.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import SettingsConfigDict

from service_kit.addresses import check_address, is_loopback
from service_kit.auth.binding import binding_refusal, plaintext_refusal
from service_kit.auth.settings import AuthSettings

Address = Annotated[str, AfterValidator(check_address)]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

MOST_BYTES = 2**31 - 1
"""What grpc takes for the size of a message."""

_MIB = 1024 * 1024
# grpc counts milliseconds, up to 2**31: 24 days.
_MOST_SECONDS = 2_000_000.0
# The rest of the grace is for what is in flight when a stream is told to end.
_SHARE_OF_GRACE = 0.9


class ServerSettings(AuthSettings):
    """What every server needs to be told."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        populate_by_name=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
    )

    bind: Address = Field(
        "127.0.0.1:0", description="Address to serve gRPC on: host:port, [ipv6]:port or unix:path."
    )
    health_bind: Address | None = Field(
        None,
        description="Another address, that serves health and nothing else, without TLS: for "
        "probes, which speak none. Default: health is served with the rest only.",
    )
    metrics_host: str = Field("127.0.0.1", description="Address to serve /metrics on.")
    metrics_port: int = Field(0, ge=0, le=65535, description="Port of /metrics; 0 takes any.")
    log_level: LogLevel = Field("INFO", description="Least severe level that is logged.")

    tracing: bool = Field(
        default=False,
        description="Whether traces are sent, by OpenTelemetry's protocol over gRPC; where to and "
        "how many, its own variables say, such as OTEL_EXPORTER_OTLP_ENDPOINT. Needs the extra "
        "tracing.",
    )
    reflection: Literal["auto", "on", "off"] = Field(
        "auto", description="Server reflection; auto: on if bound to a loopback address."
    )

    max_receive_bytes: int = Field(
        4 * _MIB, gt=0, le=MOST_BYTES, description="Largest message taken in, bytes."
    )
    max_send_bytes: int = Field(
        16 * _MIB, gt=0, le=MOST_BYTES, description="Largest message sent, bytes."
    )
    max_concurrent_rpcs: int = Field(
        1000,
        gt=0,
        description="RPCs handled at once, health checks apart; others get RESOURCE_EXHAUSTED.",
    )
    max_method_share: float = Field(
        0.8, gt=0, le=1, description="Largest share of them that one method may have."
    )
    slow_reader_seconds: float = Field(
        60.0, ge=0, description="A caller who does not read its stream is cut off; 0: never."
    )
    silent_seconds: float = Field(
        300.0,
        ge=0,
        description="A caller who sends nothing on its stream is cut off; 0: never.",
    )
    drain_seconds: float = Field(
        20.0, ge=0, description="Time that RPCs in flight have to end after SIGTERM, seconds."
    )
    max_connection_age_seconds: float = Field(
        1800.0,
        ge=0,
        le=_MOST_SECONDS,
        description="Age at which clients are asked to connect anew (and spread out); 0: never.",
    )
    max_connection_age_grace_seconds: float = Field(
        300.0,
        gt=0,
        le=_MOST_SECONDS,
        description="Time that RPCs on a connection too old have to end, seconds.",
    )
    keepalive_seconds: float = Field(
        60.0,
        gt=0,
        le=_MOST_SECONDS,
        description="Idle time after which a connection is probed, seconds.",
    )
    keepalive_timeout_seconds: float = Field(
        20.0, gt=0, le=_MOST_SECONDS, description="Time that a probe has to be answered, seconds."
    )

    @property
    def serves_reflection(self) -> bool:
        """Whether reflection is on, with ``auto`` decided."""
        return self.reflection == "on" or (self.reflection == "auto" and is_loopback(self.bind))

    @property
    def max_stream_seconds(self) -> float:
        """How long a stream may last, 0 for as long as it likes.

        Less than the grace of a connection that is too old: no stream is cut along with it.
        """
        if not self.max_connection_age_seconds:
            return 0.0
        return self.max_connection_age_grace_seconds * _SHARE_OF_GRACE

    @model_validator(mode="after")
    def _secrets_do_not_travel_openly(self) -> Self:
        refusal = plaintext_refusal(
            self.bind,
            secrets=self.takes_secrets,
            tls=self.serves_tls,
            allow_plaintext=self.allow_plaintext,
            prefix=self.prefix,
        )
        if refusal is not None:
            raise ValueError(refusal)
        return self

    @model_validator(mode="after")
    def _must_not_be_open_by_accident(self) -> Self:
        refusal = binding_refusal(
            self.bind,
            mode=self.auth_mode,
            mode_given="auth_mode" in self.model_fields_set,
            allow_unauthenticated=self.allow_unauthenticated,
            prefix=self.prefix,
        )
        if refusal is not None:
            raise ValueError(refusal)
        return self
