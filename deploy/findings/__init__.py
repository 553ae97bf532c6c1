"""Findings as people ask about them: selected, listed, watched, followed and shown one by one."""
