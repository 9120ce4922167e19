"""What must be in order before this installation is trusted with anything: looked at at start-up and by the doctor."""

from review.kernel.checks.rules import Finding, Level
from review.kernel.checks.service import UNASKABLE, examine, insist, insist_on_listening, insist_on_settings

__all__ = ["UNASKABLE", "Finding", "Level", "examine", "insist", "insist_on_listening", "insist_on_settings"]
