"""The language model as the settings describe it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from extractor_service.finder import Finder
from extractor_service.llm.client import ChatClient
from extractor_service.llm.dialect import Dialect, ResponseFormat, Sampling
from extractor_service.llm.finder import LlmFinder
from extractor_service.llm.metrics import LlmMetrics
from extractor_service.llm.model import Endurance, LanguageModel
from extractor_service.llm.prompts import View
from extractor_service.llm.writer import LlmWriter
from extractor_service.settings import ExtractorSettings
from extractor_service.summarizer import Writer


class Llm:
    """What a language model adds to the extractor; to be closed."""

    def __init__(self, settings: ExtractorSettings, url: str, registry: CollectorRegistry) -> None:
        """`url` is that of the settings, which may have none; nothing is sent yet."""
        self._metrics = LlmMetrics(registry)
        self._view = View(settings.llm_prompt_messages, settings.llm_prompt_characters)
        key = settings.llm_api_key.get_secret_value()
        client = ChatClient(url, key, settings.llm_concurrency, self._metrics)
        self._model = LanguageModel(
            client, _sampling(settings), _dialect(settings), _endurance(settings), self._metrics
        )

    def finder(self, rules: Finder) -> Finder:
        """One that asks the model first and then the rules."""
        return LlmFinder(self._model, rules, self._view, self._metrics)

    def writer(self, extractive: Writer) -> Writer:
        """One that asks the model first and then the other."""
        return LlmWriter(self._model, extractive, self._view, self._metrics)

    async def close(self) -> None:
        """Close the connections."""
        await self._model.close()


def _sampling(settings: ExtractorSettings) -> Sampling:
    return Sampling(settings.llm_model, settings.llm_temperature, settings.llm_max_tokens)


def _dialect(settings: ExtractorSettings) -> Dialect:
    if settings.llm_response_format == "auto":
        return Dialect()
    return Dialect(ResponseFormat(settings.llm_response_format), fixed=True)


def _endurance(settings: ExtractorSettings) -> Endurance:
    return Endurance(
        seconds=settings.llm_timeout_seconds,
        concurrency=settings.llm_concurrency,
        failures=settings.llm_breaker_failures,
        pause=settings.llm_breaker_seconds,
    )
