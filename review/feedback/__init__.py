"""The labelled record that people's judgement leaves behind."""
