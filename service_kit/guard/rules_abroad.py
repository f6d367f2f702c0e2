"""The commonest wordings in other languages, without accents (see `plain`)."""

from __future__ import annotations

from service_kit.guard.attempts import Attempt, Rule, rule

_WORDS = r"(?:[\w',]+ ){0,%d}?"
_CLAUSE = r"(?:^|[.!?:;,\"(\n] ?)"

_GERMAN = (
    rule(
        Attempt.OVERRIDE,
        "ignorier vergiss missacht uberschreib umgeh verwirf folge",
        rf"(?:{_CLAUSE}|\b(?:bitte|und|soll|sollte|muss|darf|du) )(?:ignorier(?:e|en|t)?"
        rf"|vergiss|missachte?n?"
        rf"|uberschreibe?n?|umgehe?n?|verwirf|folge nicht) {_WORDS % 3}(?:vorherig|vorig"
        rf"|bisherig|obig|fruher"
        rf"|vorangegangen|dein|ihre|eure|system|alle )\w* ?{_WORDS % 2}(?:anweisung|instruktion"
        rf"|regel|vorgabe"
        r"|befehl|prompt|richtlinie|einschrankung)"
        r"|\bvergiss(?: bitte)? alles,? was (?:dir|ihnen|oben|bisher|vorher|zuvor)\b",
    ),
    rule(
        Attempt.NEW_ROLE,
        "ab",
        r"\bab (?:jetzt|sofort|nun) (?:bist du|musst du|wirst du|darfst du|sind sie|du bist"
        r"|du musst) "
        rf"{_WORDS % 5}(?:assistent|ki\b|bot\b|chatbot|dan\b|genehmig|gehorch|ignorier|befolg"
        rf"|ohne (?:einschrank"
        r"|regel|filter))",
    ),
    rule(
        Attempt.STANDING_ORDER,
        "dass",
        r"(?:merke? dir|denke? daran|vergiss nicht|speicher\w{0,3}|notier\w{0,2}"
        r"|beachte),? dass (?:du|sie"
        rf"|der assistent|die ki) {_WORDS % 6}(?:immer|stets|nie|niemals"
        rf"|automatisch) (?!(?:[\w']+ ){{0,4}}"
        rf"(?:antwort|schreib|sprech|sprich|duz|nenn)){_WORDS % 5}(?:musst|mussen|muss|sollst"
        rf"|darfst|hast)\b",
    ),
    rule(
        Attempt.STANDING_ORDER,
        "assistent ki bot modell",
        r"\b(?:der (?:ki )?assistent|die ki|der (?:chat)?bot|das (?:sprach)?modell) (?:muss"
        r"|soll|sollte|darf|hat) "
        rf"{_WORDS % 6}(?:genehmig|gehorch|freigeb|freizugeb|bewillig|ignorier|preisgeb|umgeh"
        rf"|verrat|uberweis"
        r"|offenleg)",
    ),
    rule(
        Attempt.PROBE,
        "prompt system anweisung",
        rf"\b(?:zeig|verrat|nenn|gib|offenbar|wiederhol|was ist"
        rf"|wie laute)\w* {_WORDS % 4}(?:system ?prompt"
        r"|systemnachricht|systemanweisung|(?:ursprunglich|versteckt|geheim)\w* anweisungen)",
    ),
)

_FR_RULES = r"(?:instruction|consigne|regle|directive|ordre|prompt)s?"
_FRENCH = (
    rule(
        Attempt.OVERRIDE,
        "ignore oublie neglige outre compte contourne suis suivez respecte",
        rf"\b(?:ignore[zr]?|oublie[zr]?|neglige[zr]?|passe[zr]? outre|ne (?:tiens|tenez) (?:pas"
        rf"|plus|aucun)"
        rf" compte|contourne[zr]?|ne (?:suis|suivez|respecte[zr]?) (?:pas"
        rf"|plus)) {_WORDS % 4}{_FR_RULES}"
        r" (?:\w+ )?(?:precedent|anterieur|ci dessus|initial|du systeme)"
        rf"|{_CLAUSE}(?:ignore[zr]?|oublie[zr]?|neglige[zr]?"
        rf"|contourne[zr]?) (?:toutes? )?(?:tes|vos|toutes les)"
        rf" (?:\w+ )?{_FR_RULES}\b",
    ),
    rule(
        Attempt.NEW_ROLE,
        "partir",
        rf"\ba partir de maintenant,? (?:tu|vous) (?:es|etes|dois|devez|vas"
        rf"|allez) {_WORDS % 5}(?:assistant|ia\b"
        r"|bot\b|modele|dan\b|sans (?:aucune? )?(?:regle|limite|restriction|filtre)|obei"
        r"|approuv|ignor|execut)",
    ),
    rule(
        Attempt.STANDING_ORDER,
        "dois devez doit",
        r"\b(?:souviens toi|rappelle toi|retiens|n'oublie pas|memorise|souvenez vous"
        r"|rappelez vous|notez?)"
        r" que (?:tu|vous|l'assistant) (?:ne )?(?:dois|devez|doit) (?:toujours|jamais"
        r"|imperativement) "
        r"(?!(?:me |lui )?(?:repondre|parler|ecrire|utiliser|tutoyer|etre))",
    ),
    rule(
        Attempt.STANDING_ORDER,
        "l'assistant l'ia",
        rf"\bl'(?:assistant|ia) (?:doit|devrait|peut|est autorisee? a) {_WORDS % 3}(?:approuver"
        rf"|obeir|ignorer"
        r"|reveler|divulguer|contourner|autoriser|transferer|tout accepter)",
    ),
    rule(
        Attempt.PROBE,
        "prompt invite message instruction",
        rf"\b(?:revele|montre|affiche|donne|repete|dis|quel est"
        rf"|divulgue)\w* {_WORDS % 4}(?:prompt|invite|message"
        r"|instructions?) (?:systeme|initial|cache)",
    ),
)

_ES_RULES = (
    r"(?:instruccion(?:es)?|reglas?|ordenes|indicacion(?:es)?|directrices|prompts?|restricciones)"
)
_SPANISH = (
    rule(
        Attempt.OVERRIDE,
        "ignora olvida descarta omite omiso alto sigas hagas",
        r"\b(?:ignora[dr]?|olvida(?:te)?|olvidar|descarta|omite|ha(?:z|ga) caso omiso(?: a"
        r"| de)?|pasa por alto"
        rf"|no (?:sigas|hagas caso a)) {_WORDS % 4}{_ES_RULES} (?:\w+ )?(?:anterior|previ"
        rf"|de arriba|del? sistema"
        rf"|inicial)|{_CLAUSE}(?:ignora|olvida|descarta|omite) (?:todas )?(?:tus|sus"
        rf"|todas las) (?:\w+ )?{_ES_RULES}\b",
    ),
    rule(
        Attempt.NEW_ROLE,
        "partir",
        r"\ba partir de ahora,? (?:tu |usted )?(?:eres|debes|seras|vas a|tienes que|es|debe) "
        rf"{_WORDS % 5}(?:asistente|ia\b|bot\b|modelo de|dan\b|sin (?:limite|regla|restriccion"
        rf"|filtro)|obedec|aprob"
        r"|ignor|ejecut)",
    ),
    rule(
        Attempt.STANDING_ORDER,
        "siempre nunca",
        r"\b(?:recuerda|no olvides|memoriza|anota|ten en cuenta|guarda) que (?:tu |el asistente )?"
        r"(?:(?:siempre|nunca) (?:debes|tienes que|debe)|(?:debes|tienes que|debe) (?:siempre"
        r"|nunca)) "
        r"(?!(?:responder|hablar|escribir|usar|ser|contestar))",
    ),
    rule(
        Attempt.STANDING_ORDER,
        "asistente ia bot modelo",
        r"\b(?:el|la) (?:asistente|ia|bot|chatbot) (?:debe|tiene que|puede|deberia) "
        rf"{_WORDS % 3}(?:aprobar|obedecer|autorizar|ignorar|revelar|transferir|omitir)",
    ),
    rule(
        Attempt.PROBE,
        "prompt mensaje instruccion indicacion",
        rf"\b(?:muestra|dime|revela|repite|imprime|cual es|ensena"
        rf"|dame)\w* {_WORDS % 4}(?:prompt|mensaje"
        r"|instrucciones|indicaciones) (?:del? sistema|inicial|ocult)",
    ),
)

_ITALIAN_AND_PORTUGUESE = (
    rule(
        Attempt.OVERRIDE,
        "ignor dimentic esquec trascur desconsider",
        r"\b(?:ignora(?:re|te)?|ignore[ms]?|dimentica(?:re|te)?|esqueca[ms]?|trascura(?:re|te)?"
        r"|desconsidere[ms]?)"
        rf" {_WORDS % 3}(?:istruzion[ei]|regol[ae]|direttiv[ae]|instruc(?:ao|oes)|regras?"
        rf"|diretrizes)"
        r" (?:\w+ )?(?:precedent|anterior|prev|acima|di sistema|do sistema)",
    ),
)
_ABROAD_TAGS = (
    rule(
        Attempt.SPEAKS_AS_ANOTHER,
        "system sistem",
        rf"{_CLAUSE}(?:system(?:hinweis|nachricht|meldung|anweisung)|(?:note|message|instruction)s?"
        r" (?:du )?systeme|(?:nota|mensaje|aviso|mensagem|messaggio) (?:del?|di|do) sistema) ?:",
    ),
)

_ALWAYS_ZH = r"(?:总是|永远|始终|一直|一律|無條件|无条件|總是|永遠|始終)"
_MUST_ZH = r"(?:必须|必須|一定要|应当|应该|要)"
_CHINESE = (
    rule(
        Attempt.OVERRIDE,
        "忽略 无视 無視 忘记 忘記 忽视 理会 遵守 绕过 繞過",
        r"(?:忽略|无视|無視|忘记|忘記|忽视|不要理会|不要遵守|不再遵守|绕过|繞過).{0,8}(?:之前|以上|上面|先前|前面|所有|一切"
        r"|系统|系統|你的).{0,8}(?:指令|指示|说明|規則|规则|提示|命令|设定|限制)",
    ),
    rule(
        Attempt.NEW_ROLE,
        "现在 現在",
        r"(?:从|從)(?:现在|現在)(?:起|开始|開始).{0,4}你(?:是|就是|将是|将成为|扮演).{0,12}(?:人工智能|助手|模型|机器人|没有限制|dan)",
    ),
    rule(
        Attempt.STANDING_ORDER,
        "记住 記住 牢记",
        rf"(?:记住|記住|牢记).{{0,6}}你{_MUST_ZH}{_ALWAYS_ZH}(?!.{{0,4}}(?:回答|回复|用))",
    ),
    rule(
        Attempt.STANDING_ORDER,
        "助手 助理 模型 ai",
        rf"(?:助手|助理|模型|ai){_MUST_ZH}{_ALWAYS_ZH}?.{{0,3}}(?:批准|同意|服从|忽略|透露|转账|授权|泄露)",
    ),
    rule(
        Attempt.PROBE,
        "系统 系統 提示 指令",
        r"(?:显示|顯示|告诉我|告訴我|透露|泄露|输出|重复|打印|说出).{0,6}(?:系统提示|系統提示|提示词|系统指令|初始指令|你的指令)",
    ),
)

ABROAD: tuple[Rule, ...] = (
    *_GERMAN,
    *_FRENCH,
    *_SPANISH,
    *_ITALIAN_AND_PORTUGUESE,
    *_CHINESE,
    *_ABROAD_TAGS,
)
