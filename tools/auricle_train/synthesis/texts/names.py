"""Names of people, places and media in assistant commands.

In: lists of names. Out: drafts, see `form`.
"""

from __future__ import annotations

from collections.abc import Sequence

from auricle_train.synthesis.texts.form import Draw

PEOPLE = (
    "call {}", "phone {} please", "send a message to {}", "text {} that i am running late",
    "what is the number of {}", "when is the birthday of {}", "is {} at home", "who is {}",
    "remind me to write to {}", "invite {} to dinner", "hang up on {}", "{} and {}", "{}",
    "reply to {} that i agree", "any news from {}", "schedule a meeting with {} and {}",
    "read the last email from {}", "tell {} to pick up some milk", "add {} to my contacts",
    "hey {} how are you", "how old is {}", "my teacher is {}", "did {} call", "share it with {}",
)  # fmt: skip
LOCATIONS = (
    "what is the weather in {}", "how far is {} from {}", "navigate to {}", "book a flight to {}",
    "what time is it in {}", "trains from {} to {}", "where is {}", "hotels near {}", "{}",
    "show me pictures of {}", "how many people live in {}", "will it snow in {} this weekend",
    "find a restaurant in {}", "i was born in {}", "what is the capital of {}", "is it far to {}",
    "how is the traffic to {}", "things to do in {}", "cheapest fare to {}", "drive to {}",
)  # fmt: skip
MEDIA = (
    "play {}", "play {} on shuffle", "put on {}", "queue {} next", "who wrote {}",
    "add {} to my playlist", "play something by {}", "play the album {}", "what is {} about",
    "skip to {}", "rate {} five stars",
    "play {} in the kitchen", "who sings {}", "find the movie {}", "read {} to me", "{}",
    "when did {} come out", "turn on {}", "i want to hear {}", "is {} any good",
    "recommend songs like {}",
)  # fmt: skip


class Names:
    """Samples drafts with names."""

    def __init__(self, people: Sequence[str], places: Sequence[str], media: Sequence[str]) -> None:
        self._lists = ((PEOPLE, people), (LOCATIONS, places), (MEDIA, media))

    def sentence(self, draw: Draw) -> str:
        """Return a sentence with one name or two."""
        carriers, names = draw.one(self._lists)
        carrier = draw.one(carriers)
        return carrier.format(*(draw.one(names) for _ in range(carrier.count("{}"))))
