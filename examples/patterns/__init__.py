"""One short program for each pattern of use, against `make run`.

`AGENT_MEMORY` is the address of MemoryService, 127.0.0.1:50051 by default. The language model is
any server that speaks OpenAI's chat completions: OPENAI_BASE_URL, OPENAI_API_KEY, MODEL.
"""
