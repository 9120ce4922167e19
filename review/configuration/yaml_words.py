"""What the library that reads YAML says of a text that is none; a test holds this to the installed version."""

from typing import Final

from review.kernel.catalogue import N_
from review.kernel.foreign import Phrases

YAML_WORDS: Final = Phrases(
    N_("mapping values are not allowed here"),
    N_("mapping keys are not allowed here"),
    N_("sequence entries are not allowed here"),
    N_("could not find expected ':'"),
    N_("found character %(character)s that cannot start any token"),
    N_("expected <block end>, but found %(token)s"),
    N_("expected the node content, but found %(token)s"),
    N_("expected ',' or ']', but got %(token)s"),
    N_("expected ',' or '}', but got %(token)s"),
    N_("expected '<document start>', but found %(token)s"),
    N_("found non-comment content after document end marker, %(token)s"),
    N_("but found another document"),
    N_("maximum depth of data structure exceeded (%(depth)s), if necessary increase YAML().max_depth"),
    N_("found duplicate YAML directive"),
    N_("found incompatible YAML document (version 1.* is required)"),
    N_("duplicate tag handle %(handle)s"),
    N_("found undefined tag handle %(handle)s"),
    N_("found undefined alias %(alias)s"),
    N_("found unexpected end of stream"),
    N_("found unexpected document separator"),
    N_("found unexpected ':'"),
    N_("found unknown escape character %(character)s"),
    N_("expected escape sequence of %(length)s hexdecimal numbers, but found %(character)s"),
    N_("expected URI escape sequence of 2 hexdecimal numbers, but found %(character)s"),
    N_("expected URI, but found %(character)s"),
    N_("expected indentation indicator in the range 1-9, but found 0"),
    N_("expected chomping or indentation indicators, but found %(character)s"),
    N_("more indented follow up line than first in a block scalar"),
    N_("expected a comment or a line break, but found %(character)s"),
    N_("expected alphabetic or numeric character, but found %(character)s"),
    N_("expected a digit or '.', but found %(character)s"),
    N_("expected a digit, but found %(character)s"),
    N_("expected %(mark)s, but found %(character)s"),
    N_("expected %(mark)s but found %(character)s"),
)
