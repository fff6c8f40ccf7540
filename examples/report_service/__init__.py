"""Reports on CSV files: a FastAPI service whose work is done by aioqueue. See README.md."""
