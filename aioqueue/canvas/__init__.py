"""Jobs and what is made of several: pipelines, groups and chords, as data until they are enqueued."""
