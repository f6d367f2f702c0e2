"""MemoryService's settings, all from environment variables."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import AliasChoices, Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from memory_service.pump import PumpTiming
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
    embed_timeout_seconds: float = Field(
        2.0,
        gt=0,
        description="How long a vector is waited for before search does without and created "
        "memories get theirs later.",
    )
    extract_timeout_seconds: float = Field(
        60.0, gt=0, description="How long the result of a delta is waited for."
    )
    dimension: int = Field(
        384, gt=0, description="Length of the embedding model's vectors, fixed with the index."
    )
    vector_algorithm: Literal["FLAT", "HNSW"] = Field(
        "FLAT", description="Vector index, fixed with the index. FLAT is exact."
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
        "than LONGEST_SECONDS.",
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

    watch_checkpoint_seconds: float = Field(
        15.0, gt=0, description="A watch that has nothing to tell says so this often."
    )

    @property
    def timing(self) -> PumpTiming:
        """When messages are extracted."""
        return PumpTiming(self.quiet_seconds, self.longest_seconds, self.claim_idle_seconds)

    @model_validator(mode="after")
    def _work_is_not_taken_from_those_who_only_wait(self) -> Self:
        if self.claim_idle_seconds <= self.longest_seconds:
            raise ValueError("CLAIM_IDLE_SECONDS must exceed LONGEST_SECONDS")
        return self
