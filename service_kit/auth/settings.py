"""How callers prove who they are, and with what the server proves who it is."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings

from service_kit.auth.binding import NO_AUTHENTICATION

API_KEY, JWT, MTLS = "api_key", "jwt", "mtls"
MODES = (API_KEY, JWT, MTLS)


class AuthSettings(BaseSettings):
    """The part of a server's settings that keeps others out."""

    auth_mode: str = Field(
        NO_AUTHENTICATION,
        description="How callers prove who they are: none (not at all), or one or more of api_key, "
        "jwt and mtls, with commas between.",
    )
    allow_unauthenticated: bool = Field(
        default=False,
        description="With the mode none given too: serve other machines without authentication.",
    )
    allow_plaintext: bool = Field(
        default=False,
        description="Let keys and tokens travel without TLS, because something else encrypts.",
    )
    tenant: str = Field(
        "default", min_length=1, description="Tenant of every caller in the mode none."
    )

    api_keys_file: Path | None = Field(
        None,
        description="JSON file of API keys, as python -m service_kit.keys makes it; read again "
        "when it changes. Required with api_key.",
    )

    jwt_issuer: str = Field("", description="Issuer (iss) of tokens. Required with jwt.")
    jwt_audience: str = Field(
        "", description="Audience (aud) that tokens must be for. Required with jwt."
    )
    jwt_jwks: str = Field(
        "",
        description="Public keys of the issuer, a JWKS: a file, or an https URL. Required with "
        "jwt.",
    )
    jwt_leeway_seconds: float = Field(
        30.0, ge=0, le=300, description="How far the issuer's clock may be off, seconds."
    )
    jwt_tenant_claim: str = Field("tenant", description="Claim that has the tenant.")
    jwt_roles_claim: str = Field(
        "roles", description="Claim that has read, write or admin; a path such as a.roles, too."
    )
    jwt_namespaces_claim: str = Field(
        "namespaces", description="Claim that has the allowed namespaces; * stands for all."
    )
    jwt_tenant: str = Field(
        "", description="Tenant of tokens without the claim; empty: they are refused."
    )
    jwt_role: Literal["", "read", "write", "admin"] = Field(
        "", description="Role of tokens without the claim; empty: they may do nothing."
    )
    jwt_namespaces: str = Field(
        "",
        description="Namespaces of tokens without the claim, with commas between, or *; empty: "
        "they may do nothing.",
    )
    jwt_subjects: str = Field(
        "",
        description="Only tokens of these subjects (sub) are taken, with commas between; empty: "
        "all.",
    )

    certificates_file: Path | None = Field(
        None,
        description="JSON file that says who the callers' certificates stand for; read again when "
        "it changes. Required with mtls.",
    )
    tls_cert: Path | None = Field(
        None,
        description="Certificate chain of the server, PEM; with it and its key, TLS is served. "
        "Read again for new connections when it changes, as are key and CA.",
    )
    tls_key: Path | None = Field(None, description="Private key of the server, PEM.")
    tls_client_ca: Path | None = Field(
        None,
        description="CA of the callers' certificates, PEM. With it every connection needs such a "
        "certificate. Required with mtls.",
    )

    @field_validator("auth_mode")
    @classmethod
    def _a_mode_is_known(cls, mode: str) -> str:
        chosen = [each.strip() for each in mode.split(",")]
        if chosen != [NO_AUTHENTICATION] and (set(chosen) - set(MODES) or not chosen):
            raise ValueError(f"should be none, or of {', '.join(MODES)}, with commas between")
        return ",".join(chosen)

    @property
    def prefix(self) -> str:
        """What the names of the environment variables begin with."""
        return self.model_config.get("env_prefix", "")

    @property
    def modes(self) -> frozenset[str]:
        """The ways that are taken; empty with none."""
        return frozenset(self.auth_mode.split(",")) - {NO_AUTHENTICATION}

    @property
    def takes_secrets(self) -> bool:
        """Whether callers show keys or tokens."""
        return bool(self.modes & {API_KEY, JWT})

    @property
    def serves_tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.tls_cert is not None

    @model_validator(mode="after")
    def _each_mode_has_what_it_needs(self) -> Self:
        needed = {
            API_KEY: ("api_keys_file",),
            JWT: ("jwt_issuer", "jwt_audience", "jwt_jwks"),
            MTLS: ("certificates_file", "tls_cert", "tls_key", "tls_client_ca"),
        }
        for mode in sorted(self.modes):
            if missing := [name for name in needed[mode] if not getattr(self, name)]:
                names = ", ".join(f"{self.prefix}{name.upper()}" for name in missing)
                raise ValueError(f"{self.prefix}AUTH_MODE={mode} needs {names}")
        return self

    @field_validator("jwt_jwks")
    @classmethod
    def _a_jwks_url_is_https(cls, where: str) -> str:
        if "://" in where and not where.startswith("https://"):
            raise ValueError("should be a file, or begin with https://")
        return where

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        pair = f"{self.prefix}TLS_CERT and {self.prefix}TLS_KEY"
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError(f"{pair} go together")
        if self.tls_client_ca is not None and self.tls_cert is None:
            raise ValueError(f"{self.prefix}TLS_CLIENT_CA needs {pair}")
        return self
