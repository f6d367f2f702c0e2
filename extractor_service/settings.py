"""Settings of the extractor, from environment variables that begin with EXTRACTOR_."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, HttpUrl, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from extractor_service.model import BUNDLED, ModelChoice
from service_kit.auth.bearer import Token
from service_kit.guard.policy import Policy
from service_kit.settings import MOST_BYTES, Address, ServerSettings

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
    max_receive_bytes: int = Field(
        32 * _MIB, gt=0, le=MOST_BYTES, description="Largest message taken in, bytes."
    )

    # MemoryService keeps a stream open while there is nothing to extract.
    silent_seconds: float = Field(
        0.0,
        ge=0,
        description="A caller who sends nothing on its stream is cut off; 0: never.",
    )

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
    reranker: str = Field(
        "",
        description="Cross-encoder with one logit that reranks what a search finds: a folder, or a "
        "name on the Hugging Face hub; empty: none.",
    )
    reranker_revision: str = Field(
        "", description="Revision of a reranker on the hub; empty: its main."
    )
    reranker_sha256: str = Field(
        "",
        pattern=r"^([0-9A-Fa-f]{64})?$",
        description="SHA-256 that the reranker's weights must have; empty: any.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where the models run; auto: on the GPU if there is one."
    )
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="Number format of the models; auto: float32."
    )
    torch_threads: int = Field(
        0, ge=0, description="Threads of a model on a CPU; 0: as many CPUs as the container has."
    )

    guard: str = Field(
        "secrets",
        description="What neither a memory nor a summary may hold, and no language model is sent: "
        "none, secrets, secrets+personal, or kinds such as secrets,e-mail,phone.",
    )

    embed_batch_tokens: int = Field(
        0, ge=0, description="Largest batch of the model in padded tokens; 0: by device."
    )
    embed_queue_texts: int = Field(
        4096, gt=0, description="Texts that may wait for the model; more get RESOURCE_EXHAUSTED."
    )
    rerank_batch_tokens: int = Field(
        0, ge=0, description="Largest batch of the reranker in padded tokens; 0: by device."
    )
    rerank_queue_texts: int = Field(
        1024, gt=0, description="Texts that may wait for the reranker; more get RESOURCE_EXHAUSTED."
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

    llm_url: HttpUrl | None = Field(
        None,
        description="OpenAI-compatible API of a language model that extracts and sums up, such as "
        "http://localhost:8080/v1; unset: the rules do it all.",
    )
    llm_model: str = Field(
        "",
        pattern=r"^[!-~]{0,128}$",
        description="Name of the model at that API; required with it.",
    )
    llm_api_key: Token = Field(
        SecretStr(""), description="Key of that API, sent as a bearer token; empty: none is sent."
    )
    llm_timeout_seconds: float = Field(
        30.0,
        gt=0,
        description="Time that a delta or a summary may take at the language model, waiting and "
        "retries included; then the rules do it.",
    )
    llm_max_tokens: int = Field(2048, gt=0, description="Tokens that an answer of it may have.")
    llm_temperature: float = Field(0.0, ge=0, le=2, description="Temperature of its answers.")
    llm_concurrency: int = Field(4, gt=0, description="Requests to it at a time.")
    llm_response_format: Literal["auto", "json_schema", "json_object", "none"] = Field(
        "auto",
        description="How it is asked for JSON; auto: by a schema, or else as the server takes it.",
    )
    llm_prompt_messages: int = Field(
        32, gt=0, description="Messages that a prompt of it has at most, without their context."
    )
    llm_prompt_characters: int = Field(
        8000,
        gt=0,
        description="Characters of messages that a prompt of it has at most; a message that is "
        "longer is cut.",
    )
    llm_breaker_failures: int = Field(
        3, gt=0, description="Failures of it in a row after which it is left alone for a while."
    )
    llm_breaker_seconds: float = Field(30.0, gt=0, description="How long it is left alone then.")

    @field_validator("guard")
    @classmethod
    def _a_guard_is_a_policy(cls, guard: str) -> str:
        return str(Policy.parse(guard))

    @model_validator(mode="after")
    def _a_language_model_has_a_name(self) -> Self:
        if self.llm_url is not None and not self.llm_model:
            raise ValueError("EXTRACTOR_LLM_MODEL is required with EXTRACTOR_LLM_URL")
        return self

    @property
    def policy(self) -> Policy:
        """What is kept out."""
        return Policy.parse(self.guard)

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

    @property
    def reranker_choice(self) -> ModelChoice | None:
        """The settings of the reranker; None if there is none."""
        if not self.reranker:
            return None
        return ModelChoice(
            name=self.reranker,
            revision=self.reranker_revision,
            sha256=self.reranker_sha256,
            device=self.device,
            dtype=self.dtype,
            threads=self.torch_threads,
        )
