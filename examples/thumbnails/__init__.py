"""Thumbnails of images: an aiohttp service whose work is done by aioqueue. See README.md."""
