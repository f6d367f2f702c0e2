"""Settings of the extractor, from environment variables that begin with EXTRACTOR_."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from extractor_service.model import BUNDLED, ModelChoice
from service_kit.settings import Address, ServerSettings

_MIB = 1024 * 1024


class ExtractorSettings(ServerSettings):
    """What the extractor needs to be told; all of it has a default that works on a laptop."""

    model_config = SettingsConfigDict(env_prefix="EXTRACTOR_")

    bind: Address = Field(
        "127.0.0.1:50052",
        description="Address to serve gRPC on: host:port, [ipv6]:port or unix:path.",
    )
    metrics_port: int = Field(9465, ge=0, le=65535, description="Port of /metrics; 0 takes any.")
    # A delta of 64 messages of 256 KiB each, and its context, fit: a message that grpc itself
    # refuses would end the whole stream.
    max_receive_bytes: int = Field(32 * _MIB, gt=0, description="Largest message taken in, bytes.")

    model: str = Field(
        BUNDLED,
        min_length=1,
        description="Embedding model: bundled, a folder, a name on the Hugging Face hub, or hash "
        "(words without meaning, no model at all: for trying things out).",
    )
    model_revision: str = Field("", description="Revision of a model on the hub; empty: its main.")
    model_sha256: str = Field(
        "",
        pattern=r"^([0-9A-Fa-f]{64})?$",
        description="SHA-256 that the model's weights must have; empty: the bundled model's own, "
        "any for others.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where the model runs; auto: on the GPU if there is one."
    )
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="Number format of the model; auto: float32."
    )
    torch_threads: int = Field(
        0, ge=0, description="Threads of the model on a CPU; 0: as many CPUs as the container has."
    )

    embed_batch_tokens: int = Field(
        0, ge=0, description="Largest batch of the model in padded tokens; 0: by device."
    )
    embed_queue_texts: int = Field(
        4096, gt=0, description="Texts that may wait for the model; more get RESOURCE_EXHAUSTED."
    )
    rules_queue_messages: int = Field(
        1024, gt=0, description="Messages that may wait for the rules; more get RESOURCE_EXHAUSTED."
    )
    max_in_flight: int = Field(
        8, gt=0, description="Deltas of one stream that may wait for their result."
    )
    max_delta_messages: int = Field(64, gt=0, description="Messages that a delta may have.")
    retry_after_seconds: float = Field(
        1.0, gt=0, description="When callers are asked to come back if there is too much to do."
    )

    @property
    def model_choice(self) -> ModelChoice:
        """The settings of the model as the module `model` takes them."""
        return ModelChoice(
            name=self.model,
            revision=self.model_revision,
            sha256=self.model_sha256,
            device=self.device,
            dtype=self.dtype,
            threads=self.torch_threads,
        )
