"""Keys and tokens that say by their form whose they are.

The forms are facts taken from the vendors' documentation, GitHub's list of secret scanning patterns
(https://docs.github.com/code-security/secret-scanning/introduction/supported-secret-scanning-patterns)
and the rules of gitleaks (https://github.com/gitleaks/gitleaks, MIT), which name each. Left out is
what says nothing by its form (a bare run of hex: see `near_a_keyword`), and what is public
by design (Stripe's pk_, Twilio's account SID).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from service_kit.guard.spans import Kind, Span

# Each form is a literal beginning, then classes of characters: no repetition inside another, and
# only the last one without a bound, so that a search is linear in the text. (A web token has two
# such, and may therefore only begin where no character of its own stands before.)
_API_KEYS = (
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",  # AWS
    r"sk-ant-[a-z]{3,8}[0-9]{2}-[\w-]{20,}",  # Anthropic
    r"sk-(?:proj|svcacct|admin|None)-[\w-]{20,}",  # OpenAI
    r"sk-[A-Za-z0-9]{32,}",  # OpenAI (older), DeepSeek
    r"sk-or-v1-[0-9a-f]{32,}",  # OpenRouter
    r"gsk_[A-Za-z0-9]{40,}",  # Groq
    r"xai-[A-Za-z0-9]{60,}",  # xAI
    r"pplx-[A-Za-z0-9]{40,}",  # Perplexity
    r"AIza[\w-]{35,}",  # Google
    r"GOCSPX-[\w-]{28,}",  # Google OAuth client secret
    r"(?:sk|rk)_(?:live|test|prod)_[A-Za-z0-9]{10,}",  # Stripe
    r"whsec_[A-Za-z0-9+/=]{24,}",  # Stripe webhook
    r"SG\.[\w-]{16,32}\.[\w-]{16,}",  # SendGrid
    r"key-[0-9a-f]{32,}",  # Mailgun
    r"[0-9a-f]{32}-us[0-9]{1,2}",  # Mailchimp
    r"xkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}",  # Brevo
    r"SK[0-9a-f]{32}",  # Twilio
    r"NRAK-[A-Z0-9]{27}",  # New Relic
    r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}",  # Postman
    r"lin_api_[A-Za-z0-9]{32,}",  # Linear
    r"LTAI[A-Za-z0-9]{17,21}",  # Alibaba
    r"AKID[A-Za-z0-9]{32,36}",  # Tencent
    r"AGE-SECRET-KEY-1[A-Z0-9]{58}",  # age
    r"A3-[A-Z0-9]{6}-[A-Z0-9]{6}-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}(?:-[A-Z0-9]{5})?",  # 1Password
)
_TOKENS = (
    r"gh[oprsu]_[A-Za-z0-9_.-]{36,}",  # GitHub
    r"github_pat_\w{22,}",
    r"gl(?:pat|ptt|dt|rt|cbt|ft|imt|agent|soat|oas|ffct)-[\w.-]{20,}",  # GitLab
    r"xox[a-z]-[\w-]{10,}",  # Slack
    r"xapp-[0-9]-[\w-]{10,}",
    r"https://hooks\.slack\.com/(?:services|workflows|triggers)/[\w/+-]{20,}",
    r"https://(?:\w{1,10}\.)?discord(?:app)?\.com/api/webhooks/[0-9]{15,21}/[\w-]{50,}",
    r"[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,}",  # Discord bot
    r"npm_[A-Za-z0-9]{36,}",
    r"pypi-[\w-]{50,}",
    r"rubygems_[0-9a-f]{48}",
    r"cio[A-Za-z0-9]{32}",  # crates.io
    r"dckr_(?:pat|oat)_[\w-]{20,}",  # Docker
    r"[0-9]{8,10}:AA[\w-]{32,}",  # Telegram bot
    r"hf_[A-Za-z0-9]{30,}",  # Hugging Face
    r"r8_[A-Za-z0-9]{37,}",  # Replicate
    r"ya29\.[\w-]{20,}",  # Google OAuth access token
    r"1//0[\w-]{40,}",  # Google OAuth refresh token
    r"EAA[A-Za-z0-9]{60,}",  # Facebook
    r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32,}",  # Shopify
    r"do[opr]_v1_[0-9a-f]{64}",  # DigitalOcean
    r"HRKU-[\w-]{36,}",  # Heroku
    r"secret_[A-Za-z0-9]{43}",  # Notion
    r"ntn_[A-Za-z0-9]{40,}",
    r"dapi[0-9a-f]{32}(?:-[0-9])?",  # Databricks
    r"hv[sbr]\.[\w-]{24,}",  # HashiCorp Vault
    r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,}",  # Terraform Cloud
    r"dp\.(?:pt|st|ct|sa|scim|audit)\.[\w.]{40,}",  # Doppler
    r"gl(?:sa|c)_[\w+/=]{32,}",  # Grafana
    r"ATATT3[\w=-]{24,}",  # Atlassian
    r"sq0[a-z]{3}-[\w-]{22,}",  # Square
    r"access_token\$production\$[0-9a-z]{16}\$[0-9a-f]{32}",  # Braintree
    r"sbp_[0-9a-f]{40,}",  # Supabase
    r"sntry[su]_[\w+/=]{40,}",  # Sentry
    r"ops_eyJ[\w+/=-]{100,}",  # 1Password service account
    r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}",  # Airtable
    r"figd_[\w-]{36,}",  # Figma
    r"sl\.(?:u\.)?[\w-]{100,}",  # Dropbox
    r"[\w~.-]{3}[0-9]Q~[\w~.-]{31,}",  # Azure client secret
    r"(?<![\w-])eyJ[\w-]{10,}\.eyJ[\w-]{10,}(?:\.[\w-]*)?",  # a JSON web token (RFC 7519)
)

# Every form is at least so long, and has no space: what may hold one is rare in conversation.
_LONG_WORD = re.compile(r"\S{18,}")


def _any_of(forms: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(forms)})", re.ASCII)


_FORMS = ((Kind.API_KEY, _any_of(_API_KEYS)), (Kind.TOKEN, _any_of(_TOKENS)))


def vendor_tokens(text: str) -> Iterator[Span]:
    """Every key and token in a text that is known by its form."""
    for word in _LONG_WORD.finditer(text):
        for kind, form in _FORMS:
            for found in form.finditer(text, word.start(), word.end()):
                yield Span(found.start(), found.end(), kind)
