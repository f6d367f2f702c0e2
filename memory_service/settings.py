"""MemoryService's settings, all from environment variables."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from memory_service.domain.forgetting import Limits
from memory_service.domain.limits import Quota
from memory_service.domain.rerank import DEPTH, SHARE
from memory_service.pump import PumpTiming
from memory_service.reranking import MAX_TEXTS
from service_kit.auth.bearer import Token
from service_kit.auth.binding import plaintext_refusal
from service_kit.guard.policy import Policy
from service_kit.settings import Address, ServerSettings


class MemorySettings(ServerSettings):
    """What MemoryService needs to be told."""

    model_config = SettingsConfigDict(env_prefix="MEMORY_")

    bind: Address = Field(
        "127.0.0.1:50051",
        description="Address to serve gRPC on: host:port, [ipv6]:port or unix:path.",
    )
    metrics_port: int = Field(9464, ge=0, le=65535, description="Port of /metrics; 0 takes any.")
    redis_url: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("MEMORY_REDIS_URL", "REDIS_URL"),
        description="Redis 8 or Redis Stack: redis://, rediss:// or unix://. Default: an embedded "
        "Redis, for development.",
    )
    data_dir: Path | None = Field(
        None,
        description="Where the embedded Redis keeps its data. Default: agent-memory in the user's "
        "data directory.",
    )
    appendfsync: Literal["always", "everysec"] = Field(
        "everysec",
        description="When the embedded Redis writes to disk: with everysec a crash of the machine "
        "loses at most a second.",
    )
    redis_connections: int = Field(64, gt=0, description="Connections to Redis at most.")
    extractor: str = Field(
        "127.0.0.1:50052",
        min_length=1,
        description="ExtractorService: host:port; dns:///name:port balances over its addresses.",
    )
    extractor_tls: bool = Field(
        default=False,
        description="Whether ExtractorService speaks TLS; so it does, too, if its CA or a "
        "certificate for it is given.",
    )
    extractor_ca: Path | None = Field(
        None, description="CA of ExtractorService's certificate, PEM. Default: the system's."
    )
    extractor_cert: Path | None = Field(
        None,
        description="Certificate to show to ExtractorService, PEM, with its key. Read "
        "again for new connections when it changes, as are key and CA.",
    )
    extractor_key: Path | None = Field(None, description="Private key of it, PEM.")
    extractor_token: Token | None = Field(
        None, min_length=1, description="API key or token to show to ExtractorService."
    )
    extractor_token_file: Path | None = Field(
        None, description="File that has it instead; read again when it changes."
    )
    embed_timeout_seconds: float = Field(
        2.0,
        gt=0,
        description="How long a vector is waited for before search does without and created "
        "memories get theirs later; half of the time that a caller has left, if that is less.",
    )
    rerank_timeout_seconds: float = Field(
        1.0,
        gt=0,
        description="How long the extractor's reranker, if it has one, is waited for before a "
        "search keeps the order that it has.",
    )
    rerank_depth: int = Field(
        DEPTH, gt=0, le=MAX_TEXTS, description="Of a search's best memories, how many are reranked."
    )
    rerank_share: float = Field(
        SHARE,
        ge=0,
        le=1,
        description="What the reranker's opinion counts against the first ranking's; 0: it is not "
        "asked.",
    )
    extract_timeout_seconds: float = Field(
        60.0, gt=0, description="How long the result of a delta is waited for."
    )
    extract_streams: int = Field(
        4,
        ge=1,
        le=64,
        description="Streams to ExtractorService, each to one of its addresses: how many of them "
        "extract for this process at once.",
    )
    dimension: int = Field(
        384,
        gt=0,
        description="Length of vectors in a new database, if the extractor cannot be asked when "
        "the service starts for the first time.",
    )
    vector_algorithm: Literal["FLAT", "HNSW"] = Field(
        "FLAT", description="Vector index; FLAT is exact. Another one is built at the next start."
    )
    extraction: bool = Field(
        default=True, description="Whether this process extracts in the background."
    )
    quiet_seconds: float = Field(
        2.0, ge=0, description="A session is extracted when it has been quiet for so long."
    )
    longest_seconds: float = Field(
        10.0, gt=0, description="A session that is never quiet is extracted this often."
    )
    claim_idle_seconds: float = Field(
        60.0,
        gt=0,
        description="Work that another process has not finished for so long is taken over; more "
        "than MEMORY_LONGEST_SECONDS.",
    )
    lease_seconds: float = Field(
        10.0, gt=0, description="How long a process that has gone away keeps a session from others."
    )
    delta_messages: int = Field(32, gt=0, le=256, description="Messages extracted at a time.")
    parallel_sessions: int = Field(8, gt=0, description="Sessions extracted at a time.")
    waiting_sessions: int = Field(
        1024, gt=0, description="Sessions taken from the queue at a time; the rest wait there."
    )
    sweep_seconds: float = Field(
        2.0, gt=0, description="How often memories without a vector are looked for."
    )
    expiry_seconds: float = Field(
        5.0, gt=0, description="How often sessions that have expired are looked for."
    )

    forget_every_seconds: float | None = Field(
        None,
        gt=0,
        description="How often memories beyond the limits below are forgotten, for all owners, as "
        "by ForgetMemories. Default: never.",
    )
    forget_max_age_days: float | None = Field(
        None, gt=0, description="Forget what was created longer ago. Default: no limit."
    )
    forget_max_inactivity_days: float | None = Field(
        None, gt=0, description="Forget what was not used for so long. Default: no limit."
    )
    forget_max_memories: int | None = Field(
        None, ge=0, description="Keep so many memories of an owner at most. Default: no limit."
    )

    guard: str = Field(
        "secrets",
        description="What no memory that callers write may hold, replaced by placeholders: none, "
        "secrets, secrets+personal, or kinds such as secrets,e-mail,phone. EXTRACTOR_GUARD is for "
        "what is extracted.",
    )

    owner_max_memories: int | None = Field(
        None,
        gt=0,
        description="Memories that an owner may have, turns of conversations that are kept as "
        "memories included. Default: no limit.",
    )
    owner_max_bytes: int | None = Field(
        None,
        gt=0,
        description="Bytes of memories and messages that an owner may have. Default: no limit.",
    )
    owner_max_sessions: int | None = Field(
        None, gt=0, description="Sessions that an owner may have. Default: no limit."
    )
    tenant_max_memories: int | None = Field(
        None,
        gt=0,
        description="Memories that a tenant may have in all; a few more until it is noticed, "
        "within seconds. Default: no limit.",
    )
    tenant_max_bytes: int | None = Field(
        None, gt=0, description="Bytes that a tenant may have in all. Default: no limit."
    )
    tenant_max_sessions: int | None = Field(
        None, gt=0, description="Sessions that a tenant may have in all. Default: no limit."
    )
    tenant_requests_per_second: float | None = Field(
        None, gt=0, description="Requests of a tenant, over all servers. Default: no limit."
    )
    tenant_burst: int | None = Field(
        None, gt=0, description="Requests of a tenant at once. Default: those of two seconds."
    )
    tenant_max_streams: int | None = Field(
        None, gt=0, description="Open streams of a tenant, over all servers. Default: no limit."
    )

    watch_checkpoint_seconds: float = Field(
        15.0, gt=0, description="A watch that has nothing to tell says so this often."
    )
    model_windows: dict[str, int] = Field(
        {},
        description="JSON object: beginning of a model's name, with its provider or without -> "
        "tokens that it takes in. Adds to what is known; empty name: any other model.",
    )

    @property
    def extractor_speaks_tls(self) -> bool:
        """Whether the channel to the extractor is encrypted."""
        return self.extractor_tls or bool(self.extractor_ca or self.extractor_cert)

    @property
    def timing(self) -> PumpTiming:
        """When messages are extracted."""
        return PumpTiming(self.quiet_seconds, self.longest_seconds, self.claim_idle_seconds)

    @property
    def owner_quota(self) -> Quota:
        """What an owner may have."""
        return Quota(self.owner_max_memories, self.owner_max_bytes, self.owner_max_sessions)

    @property
    def tenant_quota(self) -> Quota:
        """What a tenant may have in all."""
        return Quota(self.tenant_max_memories, self.tenant_max_bytes, self.tenant_max_sessions)

    @property
    def forget_limits(self) -> Limits:
        """What is forgotten regularly."""
        return Limits(
            max_age=_micros(self.forget_max_age_days),
            max_inactivity=_micros(self.forget_max_inactivity_days),
            max_memories=self.forget_max_memories,
        )

    @property
    def policy(self) -> Policy:
        """What is kept out of memories that callers write."""
        return Policy.parse(self.guard)

    @field_validator("extractor")
    @classmethod
    def _an_extractor_has_a_port(cls, target: str) -> str:
        if ":" not in target.removeprefix("dns:///"):
            raise ValueError("should be host:port or dns:///name:port")
        return target

    @field_validator("guard")
    @classmethod
    def _a_guard_is_a_policy(cls, guard: str) -> str:
        return str(Policy.parse(guard))

    @field_validator("model_windows")
    @classmethod
    def _a_window_takes_something(cls, windows: dict[str, int]) -> dict[str, int]:
        if any(tokens <= 0 for tokens in windows.values()):
            raise ValueError("must be 1 token or more for each model")
        return windows

    @model_validator(mode="after")
    def _who_forgets_has_limits(self) -> Self:
        if self.forget_every_seconds is not None and self.forget_limits == Limits():
            raise ValueError(
                "MEMORY_FORGET_EVERY_SECONDS needs MEMORY_FORGET_MAX_AGE_DAYS, "
                "MEMORY_FORGET_MAX_INACTIVITY_DAYS or MEMORY_FORGET_MAX_MEMORIES"
            )
        return self

    @model_validator(mode="after")
    def _what_the_extractor_is_shown_is_whole(self) -> Self:
        if (self.extractor_cert is None) != (self.extractor_key is None):
            raise ValueError("MEMORY_EXTRACTOR_CERT and MEMORY_EXTRACTOR_KEY go together")
        if self.extractor_token is not None and self.extractor_token_file is not None:
            raise ValueError(
                "either MEMORY_EXTRACTOR_TOKEN or MEMORY_EXTRACTOR_TOKEN_FILE, not both"
            )
        return self

    @model_validator(mode="after")
    def _the_token_does_not_travel_openly(self) -> Self:
        refusal = plaintext_refusal(
            self.extractor.removeprefix("dns:///"),
            secrets=self.extractor_token is not None or self.extractor_token_file is not None,
            tls=self.extractor_speaks_tls,
            allow_plaintext=self.allow_plaintext,
            prefix=self.prefix,
        )
        if refusal is not None:
            raise ValueError(refusal)
        return self

    @model_validator(mode="after")
    def _work_is_not_taken_from_those_who_only_wait(self) -> Self:
        if self.claim_idle_seconds <= self.longest_seconds:
            raise ValueError("MEMORY_CLAIM_IDLE_SECONDS must exceed MEMORY_LONGEST_SECONDS")
        return self


def _micros(days: float | None) -> int | None:
    return None if days is None else max(1, round(days * 24 * 3600 * 1_000_000))
