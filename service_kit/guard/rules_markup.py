"""Attempts that imitate the frame around a conversation: roles, tags, calls of tools."""

from __future__ import annotations

from service_kit.guard.attempts import Attempt, Rule, rule

_TAGS = (
    r"system|assistant|user|human|instructions?|system[_-]prompt|user[_-]message"
    r"|tool[_-](?:call|result|use)s?"
    r"|function(?:[_-]calls?)?|invoke|parameter|important|admin|prompt|context|memory|memories"
)
_FRAMES = (
    r"(?:system |user |hidden )?(?:prompt|conversation|context|instructions?|input"
    r"|memor(?:y|ies)|transcript)"
)

MARKUP: tuple[Rule, ...] = (
    rule(
        Attempt.SPEAKS_AS_ANOTHER,
        "system assistant",
        r"^[ \t>*\[(]{0,8}(?:system(?: (?:message|prompt|note|override|notice|instruction"
        r"|update|alert))?"
        r"|assistant)[\])*]{0,4} ?:"
        r"|^[ \t]{0,8}#{2,4} ?(?:system(?: prompt| message)?|assistant) ?:|\[/?system\]",
    ),
    rule(Attempt.SPEAKS_AS_ANOTHER, "instruction:", r"^[ \t]{0,8}#{2,4} ?instruction:"),
    rule(
        Attempt.SPEAKS_AS_ANOTHER,
        "<| <<sys [inst [/inst <start_of <end_of",
        r"<\|[a-z_]{1,30}\|>|<<sys>>|\[/?inst\]|<(?:start|end)_of_turn>",
    ),
    rule(Attempt.SPEAKS_AS_ANOTHER, "<", rf"</?(?:{_TAGS})(?:[ =:][^<>]{{0,80}})?>"),
    rule(
        Attempt.SPEAKS_AS_ANOTHER,
        "begin end start",
        rf"[-=#*~\[]{{2,8}} ?(?:begin|end|start)(?: of)?(?: the)? {_FRAMES}",
    ),
    rule(
        Attempt.TOOL_CALL,
        '"arguments" "args" "parameters" "params" "input" "action_input" "tool_input"',
        r'\A(?=[\s\S]*"(?:arguments|args|parameters|params|input|action_input|tool_input)"\s{0,8}:)'
        r'[\s\S]*"(?:name|tool|tool_name|function|function_name|action)"\s{0,8}:',
    ),
    rule(
        Attempt.TOOL_CALL,
        "tool_call function_call tool_use",
        r"[\"'<](?:tool|function)_(?:calls?|use)[\"'>]",
    ),
    rule(Attempt.TOOL_CALL, "action", r"^action ?: ?\w{1,60}\s{1,8}action input ?:"),
    rule(
        Attempt.TOOL_CALL,
        "tool function",
        r"\b(?:(?:call|invoke) (?:the |your )?[\w.]{2,40}|(?:use|run|trigger|execute) (?:the "
        r"|your )?[a-z]{2,20}_\w{2,20})"
        r" (?:tool|function)\b",
    ),
    rule(
        Attempt.TOOL_CALL,
        "execute run curl wget rm",
        r"\b(?:execute|run) (?:the following|this|these) (?:\w{1,20} )?(?:commands?|code|script"
        r"|sql|query)\b"
        r"|\b(?:curl|wget) [^|\n]{0,200}\| ?(?:ba|z)?sh\b|\brm -rf [/~*]",
    ),
    # A picture whose address carries data away as soon as it is shown.
    rule(
        Attempt.TOOL_CALL,
        "](",
        r"!\[[^\]\n]{0,100}\]\(\s?https?://[^)\s?]{1,300}\?[^)\s=]{1,100}=",
    ),
)
