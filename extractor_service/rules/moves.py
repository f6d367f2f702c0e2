"""What is moved and where to: oneself to Berlin, and neither the wedding nor to another editor."""

from __future__ import annotations

import re
from collections.abc import Iterable

from spacy.tokens import Token

from extractor_service.rules.acts import is_date, names_in
from extractor_service.rules.words import word_set

_HOUSE = word_set("house home flat apartment city town country")
_AREAS = word_set(
    "area city town village county district province region state country suburb neighborhood "
    "neighbourhood island coast countryside outskirts side"
)
# What people move to that is no place. The model takes as many of these for places as of towns.
_PRODUCTS = word_set(
    "airtable alacritty algolia amazon android angular ansible apple arch asana astro aws azure "
    "barclays bash bitbucket bitwarden brave bun chatgpt chrome claude clickup cloudflare codex "
    "confluence copilot cursor datadog debian deno discord django docker dropbox duckduckgo "
    "elasticsearch emacs evernote facebook fastapi fastmail fedora figma firebase firefox flask "
    "flutter gcp ghostty github gitlab gmail google grafana hbo heroku hetzner hulu icloud "
    "instagram ios iphone ipad java javascript jenkins jetbrains jira kafka kotlin kubernetes "
    "laravel libreoffice linear linux macos macbook mailchimp mariadb mastodon matrix microsoft "
    "mint mongodb monzo mysql n26 neovim netflix netlify nginx nixos nomad notion npm numpy "
    "obsidian office onedrive openai opera oracle outlook paypal php pnpm podman poetry postgres "
    "postgresql powershell proton protonmail python pytorch rabbitmq rails react reddit redis "
    "redux render revolut ruby rust safari salesforce sentry shopify signal skype slack snapchat "
    "spotify sqlite square stripe sublime supabase svelte swift sway teams telegram terraform "
    "thunderbird tidal tiktok todoist trello twitch twitter typescript ubuntu uv vercel vim visa "
    "vite vscode vue whatsapp windows wise wordpress yarn youtube zed zig zoho zoom zsh"
)
# "GitHub", "iOS", "N26", and not "McAllen", "DeKalb".
_UNLIKE_A_TOWN = re.compile(r"\d|^(?!Mc|Mac|De|La|Le|Du|Van|Fitz|O')\w*[a-z][A-Z]")


def moves_oneself(verb: Token) -> bool:
    """Whether who moves is who is somewhere else then: "moved to Berlin", "moved house"."""
    moved = (child for child in verb.children if _is_moved(child))
    return all(thing.lemma_.lower() in _HOUSE for thing in moved)


def _is_moved(child: Token) -> bool:
    named = child.dep_ == "npadvmod" and child.pos_ == "PROPN" and not is_date(child)
    return named or child.dep_ in {"dobj", "dative"}


def names_of_places(goals: Iterable[Token]) -> frozenset[str]:
    """The names among what somebody moved to: "the Leeds area", and not "the Leeds office"."""
    kinds = ((goal, goal.lemma_.lower()) for goal in goals)
    return names_in(goal for goal, kind in kinds if goal.pos_ == "PROPN" or kind in _AREAS)


def is_product(thing: Token) -> bool:
    """Whether this is known, or spelled, as nothing that one lives in."""
    parts = [token for token in thing.subtree if token.pos_ == "PROPN"]
    return any(t.lower_ in _PRODUCTS or _UNLIKE_A_TOWN.search(t.text) for t in parts)
