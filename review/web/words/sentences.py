"""What packages below the pages said in English, in the language of this request's page."""

from review.kernel.sentences import Sentence
from review.web.words import catalogue


def translated(text: str) -> str:
    """Give a sentence with the words of this request's page, and any other text as it is."""
    return text.by(catalogue.spoken()) if isinstance(text, Sentence) else text
