"""Countersign: people review what AI produced, and their judgement becomes labelled data."""
