"""Settings of the service: environment variables with the prefix ``SERVICE_``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pofx.rules.allowed import allowed


class Settings(BaseSettings):
    """Everything an operator can choose; every field has a default that is safe on one machine."""

    model_config = SettingsConfigDict(env_prefix="SERVICE_", frozen=True, extra="forbid")

    store: Path = Field(Path("models"), description="Folder with the bundles, <name>/<version>/.")
    rescan_s: float = Field(
        2.0,
        ge=0,
        description="Seconds between looks at the store for what is new, gone or promoted; 0 looks only at the start.",
    )
    ready: Literal["all", "any"] = Field(
        "all", description="Ready when every bundle of the store was tried, or as soon as any model is loaded."
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="TCP port to listen on; 0 lets the system choose.")
    root_path: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)*$")] = Field(
        "", description="Path before every route, as in /pofx, where a proxy does not take it away."
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Comma-separated origins whose pages may call the service from a browser, or *."
    )
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="Comma-separated API keys; when any is set, every route needs one but health and /docs."
    )
    operator_key: SecretStr = Field(
        SecretStr(""), description="Key for POST /calibrate, in X-Operator-Key; without it nobody may calibrate."
    )

    device: Literal["cpu", "cuda"] = Field("cpu", description="Where graphs run; no silent fallback to another.")
    runtime: Literal["onnx", "torchscript"] = Field(
        "onnx", description="Which format to prefer when a bundle holds both."
    )
    allow_torchscript: bool = Field(
        False, description="Whether TorchScript files may be loaded; they have no safe mode and can run any code."
    )
    model_memory_mib: int = Field(
        0,
        ge=0,
        description="Memory for graphs in MiB, about; those used longest ago leave; 0 means no limit.",
    )
    cuda_memory_mib: int = Field(0, ge=0, description="Most CUDA memory of one graph in MiB; 0 means no limit.")
    intra_op_threads: int = Field(
        1, ge=1, description="Threads inside one graph run; more than 1 can change the last bits of a result."
    )
    parallel_runs: int | None = Field(
        None, ge=1, description="Lanes, which run one step each at a time; by default as many as usable cores."
    )
    decode_threads: int = Field(2, ge=1, description="Threads that decode and encode large payloads.")

    step_s: float = Field(
        0.01, gt=0, description="Device time of one step in seconds; bounds how long a small request waits."
    )
    max_batch_rows: int = Field(512, ge=1, description="Rows in one step.")
    deadline_s: float = Field(
        30.0, gt=0, description="Seconds after which an unfinished request gets 504; what cannot be in time is refused."
    )
    max_wait_s: float = Field(
        0.02, gt=0, description="Seconds a small request should wait beside its device time; more requests get 429."
    )
    stalled_s: float = Field(
        120.0, gt=0, description="Seconds one batch may take before the liveness probe reports a stalled device."
    )

    max_body_bytes: int = Field(32 * 1024 * 1024, ge=1, description="Largest request body in bytes.")
    max_items: int = Field(10_000, ge=1, description="Most items in one score or encode request.")
    max_samples: int = Field(1024, ge=1, description="Most samples in one generate request.")
    max_json_depth: int = Field(16, ge=4, description="Deepest nesting of arrays and objects in a JSON body.")
    alpha: float = Field(
        0.01,
        gt=0,
        lt=1,
        description="False-alarm rate if a request has none; raised to the least a model's calibration allows.",
    )

    drift: bool = Field(True, description="Whether scored items are watched for drift.")
    drift_window: int = Field(
        1000,
        ge=20,
        le=100_000,
        description="Latest scored items of a model that are compared with its calibration set.",
    )
    drift_false_alarm: float = Field(
        0.001,
        gt=0,
        lt=1,
        description="Chance that the drift alarm of a model ever rings, in one process, without drift.",
    )

    log_format: Literal["json", "plain"] = Field("plain", description="Form of the log lines.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe level logged.")
    access_log_share: float = Field(
        1.0, ge=0, le=1, description="Share of successful requests that get an access-log line; failures always do."
    )
    keep_alive_s: int = Field(75, ge=1, description="Seconds an idle connection stays open.")
    drain_pause_s: float = Field(
        1.0, ge=0, description="Seconds between reporting not ready and refusing new connections, on SIGTERM."
    )
    drain_timeout_s: int = Field(30, ge=1, description="Seconds that requests in flight get to finish on SIGTERM.")

    @field_validator("api_keys", "cors_origins", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(key.strip() for key in value.split(",") if key.strip())
        return value


def described() -> list[tuple[str, str, str, str]]:
    """Variable, default, allowed values and meaning of every setting, for people."""
    return [
        (
            f"SERVICE_{name.upper()}",
            "" if field.default in ((), None) else str(field.default),
            allowed(field.annotation, field.metadata),
            field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]
