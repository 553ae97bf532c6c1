"""Text and URLs that strangers wrote: read leniently, cleaned, and bounded. Pure."""
