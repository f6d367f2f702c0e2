"""How attempts to instruct are worded in English.

What makes an order to the assistant untrusted is power: to approve, obey, disclose, skip checks, or
to set aside what it was told. How it should answer ("briefly", "in German", "call her Ann")
is a preference, which is what a memory is for.
"""

from __future__ import annotations

from service_kit.guard.attempts import Attempt, Rule, rule

_WORDS = r"(?:[\w',]+ ){0,%d}?"  # up to so many words
_CLAUSE = r"(?:^|[.!?:;,\"'(\n] ?)"
_ORDERED = (
    rf"(?:{_CLAUSE}|\b(?:please|now|then|must|should|shall|will|can|may|just|simply|immediately"
    rf"|kindly"
    r"|you|you to|(?:instructed|ordered|told) to|(?:assistant|ai|model|bot|chatbot"
    r"|agent)(?: to)?) )"
)

_TOLD = r"(?:instruction|directive|direction|guideline|prompt|command)s?"
_RULES = (
    rf"(?:{_TOLD}|(?:rule|order|restriction|constraint|limitation|guardrail|safeguard|filter"
    rf"|protocol"
    r"|safety (?:check|measure))s?|polic(?:y|ies)|programming|system message)"
)
_EARLIER = r"(?:previous|prior|above|earlier|preceding|foregoing)"
_ITS_OWN = (
    rf"(?:{_EARLIER}|all|any|every|your|its|system|developer|safety|content|security|initial"
    r"|operator's)"
)
_IGNORE = (
    r"(?:ignore|disregard|forget|override|overrule|bypass|circumvent|neglect|discard|dismiss"
    r"|erase|abandon|(?:do not|don't|never|no longer) (?:follow|obey|heed|adhere to|listen to"
    r"|comply with)"
    r"|(?:stop|quit) (?:following|obeying|heeding)|pay no (?:attention|heed) to|set aside"
    r"|throw (?:out|away))"
)
_IGNORING = r"(?:ignoring|disregarding|forgetting|overriding|bypassing|discarding)"
_IS_VOID = (
    r"(?:no longer appl|(?:is|are|should|must|can|may)(?: now| hereby| all"
    r"| to)?(?: be)? (?:void|invalid"
    r"|null|ignored|disregarded|discarded|forgotten|overridden|superseded|revoked|suspended))"
)

_OVERRIDES = (
    rule(
        Attempt.OVERRIDE,
        "ignor disregard forget overr bypass circumvent neglect discard dismiss eras abandon follow"
        " obey heed adher listen comply pay aside throw",
        rf"\b(?:{_IGNORE}|{_IGNORING}) {_WORDS % 4}{_EARLIER} {_WORDS % 2}{_TOLD}\b"
        rf"|{_ORDERED}{_IGNORE} {_WORDS % 2}{_ITS_OWN} {_WORDS % 2}{_RULES}\b"
        rf"|\b{_IGNORE} (?:the|these|those|any"
        rf"|all) {_WORDS % 1}{_TOLD} (?:[\w,]+ ){{0,3}}?(?:earlier|above"
        r"|before|previously|so far|you (?:were|have been|had been|got|received))\b"
        rf"|\b{_IGNORE} (?:everything|anything|all|whatever|what)(?: that)? (?:you(?:'ve| have| had"
        r"| were| are)(?: been)? (?:told|taught|instructed|given|trained|programmed|asked)"
        r"|(?:above|before this|prior|(?:was |is |were )?(?:said|stated|written) (?:above"
        r"|before)))\b",
    ),
    rule(
        Attempt.OVERRIDE,
        "void invalid null longer ignored disregarded discarded forgotten overridden superseded"
        " revoked suspended",
        rf"\b(?:{_EARLIER}|your|old|existing) {_WORDS % 2}{_RULES}(?: \w+){{0,2}}? {_IS_VOID}"
        rf"|\b(?:anything|everything|all|text) {_WORDS % 2}(?:above|before"
        rf"|earlier)(?: \w+){{0,3}}? {_IS_VOID}",
    ),
    rule(
        Attempt.OVERRIDE,
        "instruction directive prompt rule order task objective message",
        rf"(?:^|[.!?\n] ?|\byour )(?:the |my |here are (?:the |your )?|these are (?:the |your )?)?"
        r"(?:new|updated|real|actual|revised) (?:instruction|directive|task|prompt|rule|order"
        r"|objective)s?"
        r" ?(?::|is\b|are\b)"
        r"|\byour (?:rules|instructions|guidelines|policy|policies|programming"
        r"|restrictions) (?:have|has)"
        r" (?:now )?(?:been )?(?:changed|updated|replaced|lifted|removed|suspended)"
        rf"|\b(?:these|this|my|the following|new) {_WORDS % 1}(?:{_RULES}|message)"
        r" (?:overrides?|supersedes?|replaces?|(?:take|have|has|takes) (?:precedence|priority)) ",
    ),
    rule(
        Attempt.OVERRIDE,
        "override bypass disable circumvent evade turn remove skip",
        r"\b(?:override|bypass|disable|circumvent|evade|turn off|remove|skip) (?:your|its|all"
        r"|any|every) "
        rf"{_WORDS % 2}(?:safety|security|content|moderation|ethical|identity) (?:\w+ )?"
        r"(?:guideline|filter|check|restriction|measure|polic|protocol|guardrail|setting)",
    ),
)

# Whom an order is for. "The agent" and "the model" are as often people or things.
_ASSISTANT = (
    r"(?:\b(?:the|this|an|any|your) (?:\w+ )?assistant"
    r"|\b(?:ai|chat ?bot|bot|llm|language model|gpt))"
)
_MAYBE = r"(?:\bthe (?:agent|model|memory|system))"
_MAY_OR_MUST = (
    r"(?:must|should|shall|has to|have to|needs? to|ought to|will|may|can"
    r"|(?:is|are|be) (?:now |hereby |always )?(?:required|obliged|allowed|permitted|authori[sz]ed"
    r"|instructed|expected|ordered|entitled|programmed|configured|to)(?: to)?)"
)
_HOW = (
    r"(?:(?:always|never|not|automatically|unconditionally|immediately|blindly|also|just|now"
    r"|silently"
    r"|secretly|therefore|simply) ){0,3}"
)
_ALWAYS = r"(?:always|never|automatically|unconditionally|blindly)"
_CHECKS = r"(?:verification|identity|confirmation|checks?|approval|authentication|safety|security)"
_GRANT = (
    r"(?:approve|authori[sz]e|grant|obey|comply|reveal|disclose|leak|bypass|circumvent|override"
    r"|overrule"
    rf"|impersonate|escalate|disable|skip (?:\w+ ){{0,2}}?{_CHECKS}"
    r"|(?:ignore|disregard) (?:\w+ ){0,3}?(?:instruction|rule|polic|prompt|warning|guideline"
    r"|restriction)"
    r"|give (?:\w+ ){0,3}?(?:access|permission|admin))"
)
_SOFT = (
    r"(?:refuse|deny|decline|accept|trust|believe|hide|conceal|ignore|execute|refund|waive"
    r"|unlock|run"
    r"|agree|lie|pay|transfer|delete|follow|do)"
)
_DO = r"(?:send|forward|share|transfer|wire|pay|delete|email|mail|post|upload|copy)"
_EVERYTHING = r"(?:any|all|every|each|everything|anything|whatever)\b"
_OUT = (
    r"(?:(?:every|all|any|each) (?:\w+ ){0,2}?(?:conversation|message|memor|data|record|note"
    r"|secret|mail)"
    r"|[^.!?\n]{0,60}?(?: to account|\S@\S))"
)
_WITHOUT = (
    r"without (?:any |further |a |the )*(?:asking|question|confirm|verif|check|approval|authori"
    r"|permission"
    r"|review|hesitat)"
)
_POWER = (
    rf"(?:{_HOW}{_GRANT}\b|{_HOW}{_SOFT} {_WORDS % 2}{_EVERYTHING}|{_ALWAYS} {_SOFT}\b"
    rf"|{_HOW}{_DO} (?:\w+ )?{_OUT}|{_HOW}\w+ [^.!?\n]{{0,60}}?{_WITHOUT})"
)

# How it should say things is up to whom it talks to.
_STYLE = (
    r"(?:answer|reply|respond|speak|write|talk|use|address|call|greet|format|say|be|keep|stay"
    r"|translate|spell|start|end|begin|add|mention|explain|include)\b"
)
_REMEMBER = (
    rf"(?:{_CLAUSE}|\b(?:please|also|and|now|then|just|must|should) )(?:remember|note"
    rf"|memori[sz]e|store"
    r"|save|keep in mind|bear in mind|record|make a note|add to (?:your |the )?memory|(?:don't"
    r"|never) forget)"
)

_STANDING_ORDERS = (
    rule(
        Attempt.STANDING_ORDER,
        "assistant ai bot llm model gpt",
        rf"{_ASSISTANT}(?: also| now| always)? (?:{_MAY_OR_MUST} |to |that |)(?:it )?{_POWER}",
    ),
    rule(
        Attempt.STANDING_ORDER,
        "agent model memory system",
        rf"{_MAYBE} {_MAY_OR_MUST} {_HOW}(?:{_ALWAYS} {_GRANT}|(?:bypass|skip|obey|disclose"
        rf"|reveal) "
        rf"|\w+ [^.!?\n]{{0,60}}?{_WITHOUT})",
    ),
    rule(
        Attempt.STANDING_ORDER,
        "remember note memori store save mind record memory forget",
        rf"{_REMEMBER}[\w ]{{0,24}}?[:,]? ?(?:that )?{_WORDS % 3}you "
        r"(?:(?:must|shall|have to|need to|are (?:\w+ )?to) "
        rf"(?:(?:always|never) (?!{_STYLE})|{_POWER})|(?:should|will|may|can) {_HOW}{_GRANT}\b)",
    ),
    rule(
        Attempt.STANDING_ORDER,
        "ai llm assistant",
        r"\b(?:ai|llm|assistant)s?(?: (?:assistant|agent|model|system)s?)? (?:reading"
        r"|processing|parsing"
        r"|summari[sz]ing|that reads?|who reads?) this\b",
    ),
    rule(
        Attempt.STANDING_ORDER,
        "from future hereafter henceforth",
        r"\b(?:from (?:now on|here on|this (?:point|moment)(?: on| forward)?)|hereafter|henceforth"
        r"|in (?:all|every|any) future \w+),? "
        rf"(?:(?:you|(?:the )?{_ASSISTANT}) {_MAY_OR_MUST} |you are to |you |)"
        rf"(?:only |always )?(?:{_POWER}"
        rf"|{_SOFT} the command|hide |conceal |lie )",
    ),
    rule(
        Attempt.STANDING_ORDER,
        "you",
        r"\byou (?:must|will|shall|have to|should|are to|need to) "
        rf"{_HOW}(?:obey|comply with|execute|do|approve|accept|agree (?:to|with)"
        rf"|grant) {_WORDS % 2}"
        rf"(?:{_EVERYTHING}|exactly what) (?:[\w']+ ){{0,3}}?(?:i|he|she|they|command|request"
        rf"|order|demand"
        r"|instruction)s?\b",
    ),
    rule(
        Attempt.STANDING_ORDER,
        "trust authorit reliabl prefer definitive primary verified credible",
        rf"(?:{_CLAUSE}|\b(?:please|and|should|must|always) )(?:remember|treat|regard|consider"
        rf"|cite|keep|store"
        r"|save|note|mark|trust) (?:\S+ ){1,5}?(?:as|is) (?:an? |the "
        r"|your )?(?:\w+ )?(?:trusted|authoritative"
        r"|reliable|preferred|definitive|primary|verified|credible) (?:\w+ )?(?:source"
        r"|authority|citation"
        r"|reference|expert|partner|vendor|sender|domain)",
    ),
)

_NO_LIMITS = (
    r"(?:rules|restrictions|limits|limitations|filters?|guidelines|constraints|ethics"
    r"|morals?|censorship)"
)
_MODES = r"\b(?:developer|debug|god|admin|sudo|jailbreak|dan|unrestricted|maintenance|root) mode"
_FREED = r"(?:unrestricted|uncensored|unfiltered|jailbroken)"

_NEW_ROLES = (
    rule(
        Attempt.NEW_ROLE,
        "you",
        rf"\byou(?: are|'re) (?:now|from now on) {_WORDS % 3}(?:dan|{_FREED}|free (?:from"
        rf"|of) \w+ {_NO_LIMITS}"
        r"|(?:ai|assistant|chatbot|bot|language model|llm|terminal|interpreter)\b)"
        rf"|\byou(?: are|'re) no longer {_WORDS % 2}(?:bound|restricted|constrained|subject"
        rf"|an? (?:ai|assistant"
        r"|language model))\b",
    ),
    rule(
        Attempt.NEW_ROLE,
        "pretend act behave respond answer role",
        rf"\b(?:act|behave|respond|answer|role ?play) (?:as|like) (?:(?:an?|the) |if you (?:are"
        rf"|were) )?{_WORDS % 2}"
        rf"(?:{_FREED}|dan\b|evil (?:ai|assistant|bot)|root user|linux terminal)"
        rf"|\bpretend (?:to be|(?:that )?you (?:are|were|have)|like you (?:are"
        rf"|have)) {_WORDS % 4}(?:no {_NO_LIMITS}"
        rf"|{_FREED}|(?:ai|chatbot|language model|bot)\b|the (?:system|developer|administrator)\b)",
    ),
    rule(
        Attempt.NEW_ROLE,
        "mode",
        rf"{_MODES} (?:is |has been )?(?:now )?(?:enabled|activated|unlocked|engaged"
        rf"|on *(?:[.!\n]|$))"
        rf"|{_CLAUSE}(?:please )?(?:enter|enable|activate|switch (?:in)?to|go into|turn on"
        rf"|engage) {_WORDS % 2}{_MODES}",
    ),
    rule(
        Attempt.NEW_ROLE,
        "anything ai assistant model bot restriction filter limit censor rules guidelines",
        rf"\bdo anything now\b|\b(?:ai|assistant|chatbot|model|bot) (?:with no"
        rf"|without(?: any)?) {_WORDS % 2}{_NO_LIMITS}"
        rf"|\byou (?:now )?have no (?:\w+ (?:or|and) )?(?:restrictions|filters?|guidelines"
        rf"|censorship)"
        rf"|\b(?:answer|respond|reply|comply)(?: \w+){{0,2}}? without (?:any )?{_NO_LIMITS}"
        r"|\bas an? (?:ai|artificial intelligence|language model|llm"
        r"|chatbot)(?: [\w]+){0,3}?,? you "
        r"(?:should|must|can|have|need|are|will|may|shall)\b",
    ),
    rule(
        Attempt.NEW_ROLE,
        "your",
        r"\bi(?: am|'m) your (?:new )?(?:developer|creator|programmer|administrator|admin"
        r"|master|operator)\b",
    ),
)

_HIDDEN = (
    r"(?:(?:system|hidden|developer) ?(?:prompt|instructions?|message|directives?|guidelines"
    r"|configuration)"
    r"|pre-?prompt|your (?:\w+ )?(?:initial|original|secret|internal|starting|base) (?:prompt"
    r"|instructions?"
    r"|message|directives?|guidelines)|your prompt)\b"
)
_TELL = (
    r"(?:reveal|show|print|repeat|output|display|tell|give|leak|disclose|expose|share|dump|send"
    r"|recite"
    r"|write|summari[sz]e|translate|paste|copy|list|what (?:is|are|was|were)|what's)"
)

_PROBES = (
    rule(
        Attempt.PROBE,
        "prompt instruction message directive guideline configuration rules",
        rf"\b{_TELL} {_WORDS % 4}{_HIDDEN}"
        r"|\b(?:reveal|repeat|print|output|leak|disclose|dump|recite"
        r"|expose) (?:\w+ ){0,2}?your (?:\w+ )?"
        r"(?:instructions|rules|guidelines|directives|configuration|context)\b"
        rf"|\b(?:{_TELL}|include|append|add|summary of) {_WORDS % 6}(?:instructions|prompt"
        rf"|guidelines"
        r"|directives) you (?:were|have been|had been) (?:given|told)(?! by)\b",
    ),
    rule(
        Attempt.PROBE,
        "above before",
        r"\b(?:repeat|output|print|recite|copy|translate|write)(?: out)? (?:\w+ ){0,2}?(?:text"
        r"|words|everything"
        r"|lines?|content|sentences?) (?:\w+ ){0,2}?(?:above|before this)\b",
    ),
    rule(
        Attempt.PROBE,
        "user customer",
        rf"\b{_TELL} (?:\w+ ){{0,5}}?(?:(?:other|another|all) (?:user"
        rf"|customer)s?'?s? (?:\w+ )?(?:data|memor|conversation"
        r"|message|secret|information)|(?:memories|data|conversations|secrets"
        r"|messages) of (?:other|another|all"
        r"|every) (?:user|customer)s?)",
    ),
)

ENGLISH: tuple[Rule, ...] = (*_OVERRIDES, *_STANDING_ORDERS, *_NEW_ROLES, *_PROBES)

# Words that were written apart, letter by letter, and lost the gaps between them.
RUN_TOGETHER = rule(
    Attempt.OVERRIDE,
    "ignore disregard forget",
    r"(?:ignore|disregard|forget)(?:all|any|every)?(?:of)?(?:the|your|my|its)?(?:previous|prior"
    r"|above|earlier"
    r"|system|all)(?:instruction|prompt|rule|direction|guideline|command)",
)
